import Domain
import Foundation

/// Reads the members of a config one by one and remembers every problem and every secret.
struct ConfigReader {
    typealias Problem = ActionConfigurationErrors.Problem

    private(set) var problems: [Problem] = []
    private(set) var secrets: [String: String] = [:]
    private(set) var generated: Set<String> = []
    private var members: [String: JSON]
    private var unread: Set<String>
    private let stored: [String: String]

    init(_ config: JSON, stored: [String: String]) {
        self.stored = stored
        if case .object(let members) = config {
            self.members = members
        } else {
            members = [:]
            problems.append(Problem(field: "", issue: "must be an object"))
        }
        unread = Set(members.keys)
    }

    /// The config without its secrets.
    var publicConfig: JSON { .object(members) }

    mutating func refuse(_ field: String, _ issue: String) { problems.append(Problem(field: field, issue: issue)) }

    mutating func refuseUnread() {
        for name in unread { refuse(name, "is not a member of this config") }
    }

    /// The member `name`, which counts as read; nil where it is absent or null.
    mutating func member(_ name: String) -> JSON? {
        unread.remove(name)
        guard let value = members[name], value != .null else { return nil }
        return value
    }

    mutating func text(_ name: String) -> String? {
        guard let value = member(name) else { return nil }
        guard let text = value.string else {
            refuse(name, "must be a string")
            return nil
        }
        return text
    }

    mutating func flag(_ name: String, default fallback: Bool) -> Bool {
        switch member(name) {
        case nil: return fallback
        case .boolean(let flag): return flag
        default:
            refuse(name, "must be true or false")
            return fallback
        }
    }

    mutating func integer(_ name: String, in range: ClosedRange<Int64>) -> Int64? {
        guard let value = member(name) else { return nil }
        guard let number = value.integer, range.contains(number) else {
            refuse(name, "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return number
    }

    /// A template, checked for `context`.
    mutating func template(_ source: String, at field: String, for context: TemplateContext) -> Template? {
        do {
            return try Template(parsing: source, for: context)
        } catch {
            refuse(field, error.description)
            return nil
        }
    }

    /// The secret `name` of the config's root: given, kept or absent.
    mutating func secret(_ name: String) -> String? {
        let isPresent = members[name] != nil
        let value = text(name)
        guard let secret = resolve(value, isPresent: isPresent, path: name) else { return nil }
        keep(secret, path: name)
        members[name] = .string(ActionConfiguration.mask(secret))
        return secret
    }

    /// Stores a secret that the client did not give.
    mutating func generate(_ name: String, _ secret: String) {
        generated.insert(name)
        keep(secret, path: name)
        members[name] = .string(ActionConfiguration.mask(secret))
    }

    mutating func keep(_ secret: String, path: String) { secrets[path] = secret }

    /// Replaces the text of `parent`'s member `name` by its mask.
    mutating func mask(_ secret: String, member name: String, of parent: String) {
        guard case .object(var inner) = members[parent] else { return }
        inner[name] = .string(ActionConfiguration.mask(secret))
        members[parent] = .object(inner)
    }

    /// The secret that `value` stands for: itself, or the stored one where it is masked or left out.
    mutating func resolve(_ value: String?, isPresent: Bool, path: String) -> String? {
        guard let value else { return isPresent ? nil : stored[path] }
        guard value.hasPrefix(ActionConfiguration.maskPrefix) else { return value }
        if let kept = stored[path], ActionConfiguration.mask(kept) == value { return kept }
        refuse(path, "is a masked value; send the secret itself")
        return nil
    }
}

extension JSON {
    /// The whole number that this is; nil for fractions and for anything beyond 64 bits.
    var integer: Int64? {
        guard case .number(let number) = self, number.isFinite else { return nil }
        return Int64(number.description)
    }
}
