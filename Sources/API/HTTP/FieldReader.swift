import Domain
import Ethereum
import Foundation

/// Everything wrong with one request, gathered so that a client learns it in one answer.
final class Problems {
    private(set) var issues: [FieldIssue] = []

    func add(_ field: String, _ issue: String) { issues.append(FieldIssue(field: field, issue: issue)) }

    /// - Throws: `APIError.invalid` with all of them, if there are any.
    func finish() throws(APIError) {
        if !issues.isEmpty { throw .invalid(issues) }
    }
}

/// What a request says about a member that an update may leave out.
enum Given<Value> {
    case absent
    case null
    case value(Value)

    /// The value; nil where none was given.
    var value: Value? { if case .value(let value) = self { value } else { nil } }
}

/// Reads an object's members one by one and gathers what is wrong with them.
///
/// Every member must be asked for: what nobody asked for is unknown, and refused by `finish`. A failed read answers a
/// placeholder, which `finish` keeps from being used by throwing.
final class FieldReader {
    let problems: Problems
    private let members: [String: JSON]
    private let prefix: String
    /// Whether there is anything to read; what is no object is one problem, not one for each member that it lacks.
    private let isObject: Bool
    private var known: Set<String> = []

    /// Reads `document`, whose members are called `path.member` in problems.
    init(_ document: JSON, at path: String = "", problems: Problems = Problems()) {
        self.problems = problems
        prefix = path.isEmpty ? "" : path + "."
        if case .object(let members) = document {
            self.members = members
            isObject = true
        } else {
            members = [:]
            isObject = false
            problems.add(path.isEmpty ? "body" : path, "must be an object")
        }
    }

    /// Notes the members that nobody asked for.
    func closeUnknown() {
        for name in members.keys.sorted() where !known.contains(name) {
            problems.add(prefix + name, "is not a known field")
        }
    }

    /// Ends the reading.
    ///
    /// - Throws: `APIError.invalid` with everything that was wrong.
    func finish() throws(APIError) {
        closeUnknown()
        try problems.finish()
    }

    func has(_ name: String) -> Bool { members[name] != nil }

    /// Notes that the member `name` is missing, if it is.
    func require(_ name: String, _ issue: String = "is required") {
        if members[name] == nil, isObject { problems.add(prefix + name, issue) }
    }

    func refuse(_ name: String, _ issue: String) {
        known.insert(name)
        problems.add(prefix + name, issue)
    }

    /// The member `name` read by `read`, which answers what is wrong instead where it cannot.
    func given<Value>(
        _ name: String, nullable: Bool = false, _ read: (JSON) -> Result<Value, Refusal>
    ) -> Given<Value> {
        known.insert(name)
        guard let member = members[name] else { return .absent }
        if member == .null {
            if !nullable { problems.add(prefix + name, "must not be null") }
            return .null
        }
        switch read(member) {
        case .success(let value): return .value(value)
        case .failure(let refusal):
            problems.add(prefix + name, refusal.issue)
            return .absent
        }
    }

    /// As `given`, for a member that must be there.
    func required<Value>(_ name: String, else placeholder: Value, _ read: (JSON) -> Result<Value, Refusal>) -> Value {
        require(name)
        return given(name, read).value ?? placeholder
    }
}

/// What is wrong with a value.
struct Refusal: Error {
    let issue: String
    init(_ issue: String) { self.issue = issue }
}

/// The ways a JSON value is read.
enum Read {
    /// Text of `limits` Unicode scalars, without U+0000.
    static func text(_ limits: ClosedRange<Int>) -> (JSON) -> Result<String, Refusal> {
        { value in
            guard case .string(let text) = value else { return .failure(Refusal("must be a string")) }
            return Self.text(text, limits)
        }
    }

    static func text(_ text: String, _ limits: ClosedRange<Int>) -> Result<String, Refusal> {
        guard limits.contains(text.unicodeScalars.count) else {
            return .failure(Refusal("must have \(limits.lowerBound) to \(limits.upperBound) characters"))
        }
        guard !text.utf8.contains(0) else { return .failure(Refusal("must not contain U+0000")) }
        return .success(text)
    }

    static func boolean(_ value: JSON) -> Result<Bool, Refusal> {
        guard case .boolean(let flag) = value else { return .failure(Refusal("must be true or false")) }
        return .success(flag)
    }

    static func integer(_ limits: ClosedRange<Int64>) -> (JSON) -> Result<Int64, Refusal> {
        { value in
            guard case .number(let number) = value, let integer = Int64(number.description), limits.contains(integer)
            else {
                return .failure(Refusal("must be an integer from \(limits.lowerBound) to \(limits.upperBound)"))
            }
            return .success(integer)
        }
    }

    static func chainID(_ value: JSON) -> Result<ChainID, Refusal> {
        guard case .number(let number) = value, let id = Int64(number.description).flatMap(ChainID.init(rawValue:))
        else { return .failure(Refusal("must be a positive integer")) }
        return .success(id)
    }

    static func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _: Choice.Type = Choice.self
    ) -> (JSON) -> Result<Choice, Refusal> {
        { value in
            guard case .string(let text) = value, let choice = Choice(rawValue: text) else {
                let names = Choice.allCases.map(\.rawValue).joined(separator: ", ")
                return .failure(Refusal("must be one of \(names)"))
            }
            return .success(choice)
        }
    }

    static func uuid(_ value: JSON) -> Result<UUID, Refusal> {
        guard case .string(let text) = value, let id = UUID(uuidString: text) else {
            return .failure(Refusal("must be a UUID"))
        }
        return .success(id)
    }

    static func address(_ value: JSON) -> Result<Address, Refusal> {
        guard case .string(let text) = value, let address = try? Address(hex: text) else {
            return .failure(Refusal("must be an address: 0x and 40 hexadecimal digits, EIP-55 where cases are mixed"))
        }
        return .success(address)
    }

    /// A JSON integer or a decimal string.
    static func uint256(_ value: JSON) -> Result<UInt256, Refusal> {
        let digits: String? =
            switch value {
            case .number(let number): number.description
            case .string(let text): text
            default: nil
            }
        guard let digits, let number = UInt256(decimal: digits) else {
            return .failure(Refusal("must be an integer from 0 to 2^256 - 1, as a number or a decimal string"))
        }
        return .success(number)
    }

    static func object(_ value: JSON) -> Result<JSON, Refusal> {
        guard case .object = value else { return .failure(Refusal("must be an object")) }
        return .success(value)
    }

    static func list(_ most: Int) -> (JSON) -> Result<[JSON], Refusal> {
        { value in
            guard case .array(let elements) = value else { return .failure(Refusal("must be a list")) }
            guard elements.count <= most else { return .failure(Refusal("must have at most \(most) elements")) }
            return .success(elements)
        }
    }
}
