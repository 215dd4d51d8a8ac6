import Domain
import Foundation

/// What a webhook action sends.
public struct RESTAction: Sendable {
    /// The methods that an action may use.
    public enum Method: String, Sendable, CaseIterable {
        case post = "POST"
        case get = "GET"
        case put = "PUT"
        case patch = "PATCH"
        case delete = "DELETE"
    }

    /// What the request carries.
    public enum Body: Sendable {
        /// The default document, see ``EventDocument``.
        case eventDocument
        /// A JSON document with templates in its texts.
        case tree(JSONTemplate)
        /// A JSON document written as one template.
        case json(Template)
        /// Plain text.
        case text(Template)
    }

    /// The most headers of the user's own.
    public static let headersMaximum = 20
    /// The longest URL in bytes.
    public static let urlMaximum = 2048

    /// Where it goes, `http` or `https`.
    public let url: String
    /// How it is sent.
    public let method: Method
    /// The user's headers in the order of their names.
    public let headers: [(name: String, value: Template)]
    /// What is sent; nothing for `GET`.
    public let body: Body
    /// The limit on the whole exchange, 1...30 s.
    public let timeout: Duration
    /// The statuses that mean success; empty for 200...299.
    public let expectedStatuses: Set<Int>
    /// `whsec_` and base64: the key that signs.
    public let secret: String

    init?(_ reader: inout ConfigReader, using random: inout some RandomNumberGenerator) {
        let url = reader.httpURL("url", maximum: Self.urlMaximum)
        method = Self.method(&reader)
        headers = Self.headers(&reader)
        let body = Self.body(&reader)
        timeout = .seconds(reader.integer("timeout_seconds", in: 1...30) ?? 15)
        expectedStatuses = Self.expectedStatuses(&reader)
        let secret = Self.secret(&reader, using: &random)
        Self.checkOrdering(&reader)
        guard let url, let body, let secret else { return nil }
        self.url = url
        self.body = body
        self.secret = secret
    }

    private static func method(_ reader: inout ConfigReader) -> Method {
        guard let name = reader.text("method") else { return .post }
        guard let method = Method(rawValue: name.uppercased()) else {
            reader.refuse("method", "must be one of \(Method.allCases.map(\.rawValue).joined(separator: ", "))")
            return .post
        }
        return method
    }

    private static func body(_ reader: inout ConfigReader) -> Body? {
        guard let value = reader.member("body") else { return .eventDocument }
        switch value {
        case .string(let source):
            let start = source.drop { $0.isWhitespace }
            let isJSON = (start.hasPrefix("{") && !start.hasPrefix("{{")) || start.hasPrefix("[")
            let template = reader.template(source, at: "body", for: isJSON ? .json : .plain)
            return template.map { isJSON ? .json($0) : .text($0) }
        case .object, .array:
            do {
                return .tree(try JSONTemplate(value))
            } catch {
                let separator = error.path.isEmpty || error.path.hasPrefix("[") ? "" : "."
                reader.refuse("body\(separator)\(error.path)", error.error.description)
                return nil
            }
        case .null, .boolean, .number:
            reader.refuse("body", "must be a template, an object or a list")
            return nil
        }
    }

    private static func expectedStatuses(_ reader: inout ConfigReader) -> Set<Int> {
        guard let value = reader.member("expected_status_codes") else { return [] }
        guard case .array(let codes) = value, codes.count <= 50 else {
            reader.refuse("expected_status_codes", "must be a list of at most 50 statuses")
            return []
        }
        var statuses: Set<Int> = []
        for (index, code) in codes.enumerated() {
            guard let status = code.integer, (200...599).contains(status) else {
                reader.refuse("expected_status_codes[\(index)]", "must be a status from 200 to 599")
                continue
            }
            statuses.insert(Int(status))
        }
        return statuses
    }

    private static func secret(
        _ reader: inout ConfigReader, using random: inout some RandomNumberGenerator
    ) -> String? {
        guard let secret = reader.secret("secret") else {
            let key = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &random) }
            let made = "whsec_" + Data(key).base64EncodedString()
            reader.generate("secret", made)
            return made
        }
        guard secret.hasPrefix("whsec_"), let key = Data(base64Encoded: String(secret.dropFirst(6))),
            (24...64).contains(key.count)
        else {
            reader.refuse("secret", "must be whsec_ and the base64 of 24 to 64 bytes")
            return nil
        }
        return secret
    }

    private static func checkOrdering(_ reader: inout ConfigReader) {
        guard let ordering = reader.text("ordering") else { return }
        switch ordering {
        case "none": break
        case "fifo": reader.refuse("ordering", "fifo is not available yet; use none")
        default: reader.refuse("ordering", "must be none or fifo")
        }
    }
}

extension RESTAction {
    /// Whether a user may not set the header `name`, since it carries the message itself or its signature.
    static func isForbidden(header name: String) -> Bool {
        let name = name.lowercased()
        let names: Set<String> = [
            "host", "content-length", "content-type", "transfer-encoding", "connection", "te", "upgrade", "expect",
            "trailer", "keep-alive", "user-agent", "accept-encoding",
        ]
        return names.contains(name) || ["webhook-", "proxy-", "x-tocsin-", ":"].contains { name.hasPrefix($0) }
    }

    /// Whether the header `name` usually carries a credential, so that its value is kept as a secret.
    static func isSecret(header name: String) -> Bool {
        let name = name.lowercased()
        return ["authorization", "api-key", "api_key", "apikey", "token", "secret", "password", "cookie", "bearer"]
            .contains { name.contains($0) }
    }

    private static func headers(_ reader: inout ConfigReader) -> [(name: String, value: Template)] {
        guard let value = reader.member("headers") else { return [] }
        guard case .object(let members) = value, members.count <= headersMaximum else {
            reader.refuse("headers", "must be an object of at most \(headersMaximum) headers")
            return []
        }
        var result: [(name: String, value: Template)] = []
        var seen: Set<String> = []
        for (name, value) in members.sorted(by: { $0.key < $1.key }) {
            let field = "headers.\(name)"
            guard (1...128).contains(name.utf8.count), name.utf8.allSatisfy(\.isTokenCharacter) else {
                reader.refuse(field, "is not a header's name")
                continue
            }
            if isForbidden(header: name) { reader.refuse(field, "is set by Tocsin and cannot be overridden") }
            if !seen.insert(name.lowercased()).inserted { reader.refuse(field, "is given twice") }
            guard var source = value.string else {
                reader.refuse(field, "must be a string")
                continue
            }
            if isSecret(header: name) {
                let path = "headers.\(name.lowercased())"
                guard let secret = reader.resolve(source, isPresent: true, path: path) else { continue }
                reader.keep(secret, path: path)
                reader.mask(secret, member: name, of: "headers")
                source = secret
            }
            guard source.utf8.allSatisfy({ (0x20...0x7e).contains($0) || $0 >= 0x80 }) else {
                reader.refuse(field, "has a control character")
                continue
            }
            if let template = reader.template(source, at: field, for: .header) { result.append((name, template)) }
        }
        return result
    }
}

extension UInt8 {
    /// Whether the byte may stand in a header's name.
    ///
    /// - SeeAlso: RFC 9110, section 5.6.2.
    var isTokenCharacter: Bool { isASCIIAlphanumeric || "!#$%&'*+-.^_`|~".utf8.contains(self) }
}
