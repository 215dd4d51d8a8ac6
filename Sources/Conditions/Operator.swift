/// A comparison; the raw value is its name in conditions.
enum Operator: String, CaseIterable, Sendable {
    case equals
    case notEquals = "not_equals"
    case gt, gte, lt, lte, between
    case `in`
    case notIn = "not_in"
    case contains
    case notContains = "not_contains"
    case startsWith = "starts_with"
    case endsWith = "ends_with"
    case matches
    case exists
    case notExists = "not_exists"

    /// The operator that `text` names or stands for; nil for any other text.
    init?(_ text: String) {
        switch text {
        case "=", "==": self = .equals
        case "!=": self = .notEquals
        case ">": self = .gt
        case ">=": self = .gte
        case "<": self = .lt
        case "<=": self = .lte
        default: self.init(rawValue: text)
        }
    }

    /// Whether it is true where its positive sibling is false.
    var isNegative: Bool { self == .notEquals || self == .notIn || self == .notContains }
    /// Whether it asks for presence alone and takes no value.
    var isPresence: Bool { self == .exists || self == .notExists }
    /// Whether it takes a list.
    var takesList: Bool { self == .in || self == .notIn }

    static let equality: [Operator] = [.equals, .notEquals, .in, .notIn, .exists, .notExists]
    static let order: [Operator] = [.gt, .gte, .lt, .lte, .between]
    static let substring: [Operator] = [.contains, .notContains, .startsWith, .endsWith]
}
