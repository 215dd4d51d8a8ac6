import Ethereum
import Foundation

/// Walks the document of `chains.json` and notes what it finds wrong, by path, without stopping.
///
/// Each method answers nil after noting a problem, so a chain is made only of parts that were all right.
final class ChainsFileReader {
    let environment: [String: String]
    private(set) var problems: [ChainsFile.Remark] = []
    private(set) var warnings: [ChainsFile.Remark] = []

    init(environment: [String: String]) { self.environment = environment }

    func problem(_ path: String, _ text: String) { problems.append(.init(path: path, text: text)) }

    func warn(_ path: String, _ text: String) { warnings.append(.init(path: path, text: text)) }

    /// The members of the object at `path`, of which those other than `known` are problems; nil unless it is one.
    func object(_ value: JSON, at path: String, known: [String]) -> [String: JSON]? {
        guard case .object(let members) = value else {
            problem(path, "must be an object")
            return nil
        }
        for name in members.keys.sorted() where !known.contains(name) {
            problem(join(path, name), "unknown; known here are \(known.joined(separator: ", "))")
        }
        return members
    }

    /// The elements of the list at `path`, at least one and at most `maximum` of them.
    func array(_ value: JSON, at path: String, maximum: Int) -> [JSON]? {
        guard case .array(let elements) = value else {
            problem(path, "must be a list")
            return nil
        }
        guard !elements.isEmpty else {
            problem(path, "empty")
            return nil
        }
        guard elements.count <= maximum else {
            problem(path, "holds \(elements.count) elements, at most \(maximum) are allowed")
            return nil
        }
        return elements
    }

    /// The integer member `name` within `range`; `fallback` where it is absent, a problem where that is nil.
    func integer(
        _ members: [String: JSON], _ name: String, at path: String, in range: ClosedRange<Int64>,
        default fallback: Int64? = nil
    ) -> Int64? {
        let path = join(path, name)
        guard let value = members[name] else {
            if fallback == nil { problem(path, "missing") }
            return fallback
        }
        // A Decimal writes an integer without point or exponent, so anything else is no Int64.
        guard case .number(let number) = value, let integer = Int64(number.description) else {
            problem(path, "must be an integer")
            return nil
        }
        guard range.contains(integer) else {
            problem(path, "must lie in \(range.lowerBound)...\(range.upperBound)")
            return nil
        }
        return integer
    }

    /// The member `name`, `true` or `false`; `fallback` where it is absent.
    func boolean(_ members: [String: JSON], _ name: String, at path: String, default fallback: Bool) -> Bool? {
        guard let value = members[name] else { return fallback }
        guard case .boolean(let flag) = value else {
            problem(join(path, name), "must be true or false")
            return nil
        }
        return flag
    }

    /// The member `name`, text of 1 to `maximum` UTF-8 bytes without control characters.
    func text(_ members: [String: JSON], _ name: String, at path: String, maximum: Int) -> String? {
        let path = join(path, name)
        guard let value = members[name] else {
            problem(path, "missing")
            return nil
        }
        guard case .string(let text) = value else {
            problem(path, "must be a text")
            return nil
        }
        guard (1...maximum).contains(text.utf8.count) else {
            problem(path, "must have 1 to \(maximum) bytes")
            return nil
        }
        guard !text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7f }) else {
            problem(path, "holds a control character")
            return nil
        }
        return text
    }

    func join(_ path: String, _ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }
}
