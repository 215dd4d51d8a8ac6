import Domain
import Foundation

/// What a valid registration asks for.
struct Registration: Equatable {
    let username: String
    let email: String
    let password: String

    /// Reads document 003's three fields.
    init(_ call: Call) throws(APIError) {
        let fields = FieldReader(call.body)
        username = fields.required("username", else: "", Self.username)
        email = fields.required("email", else: "", Self.email)
        password = fields.required("password", else: "", Read.text(8...100))
        try fields.finish()
    }

    /// A name of 3–50 characters that no e-mail address can be taken for and that shows as what it is.
    static func username(_ value: JSON) -> Result<String, Refusal> {
        Read.text(3...50)(value).flatMap { text in
            // One spelling of each name: otherwise two users could have names that look the same.
            let name = text.precomposedStringWithCanonicalMapping
            guard name.unicodeScalars.allSatisfy(isVisible), name.first != " ", name.last != " ", !name.contains("@")
            else { return .failure(Refusal("must not contain @, control characters, or spaces at its ends")) }
            return .success(name)
        }
    }

    private static func isVisible(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
        case .spaceSeparator: scalar == " "
        default: true
        }
    }

    /// An address of at most 255 characters, `local@domain.tld`.
    ///
    /// - SeeAlso: RFC 5321, section 4.1.2, without quoted local parts and address literals.
    static func email(_ value: JSON) -> Result<String, Refusal> {
        Read.text(3...255)(value).flatMap { text in
            let parts = text.split(separator: "@", omittingEmptySubsequences: false)
            guard parts.count == 2, isLocalPart(parts[0]), isDomain(parts[1]) else {
                return .failure(Refusal("must be an e-mail address"))
            }
            return .success(text)
        }
    }

    private static func isLocalPart(_ text: Substring) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { atom in
                !atom.isEmpty
                    && atom.unicodeScalars.allSatisfy {
                        !$0.isASCII
                            ? isVisible($0)
                            : $0.properties.isAlphabetic || ("0"..."9").contains($0)
                                || "!#$%&'*+-/=?^_`{|}~".unicodeScalars.contains($0)
                    }
            }
    }

    private static func isDomain(_ text: Substring) -> Bool {
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        return labels.count >= 2 && text.utf8.count <= 253
            && labels.allSatisfy { label in
                (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
                    && label.unicodeScalars.allSatisfy {
                        $0.properties.isAlphabetic || ("0"..."9").contains($0) || $0 == "-"
                    }
            }
    }

    /// The slug of the personal organization: the name in `a-z0-9-`, 1–80 characters.
    var slug: String {
        var slug = ""
        for scalar in username.lowercased().unicodeScalars {
            switch scalar {
            case "a"..."z", "0"..."9": slug.unicodeScalars.append(scalar)
            default: if slug.last != "-", !slug.isEmpty { slug.append("-") }
            }
        }
        while slug.last == "-" { slug.removeLast() }
        return slug.isEmpty ? "user" : slug
    }
}
