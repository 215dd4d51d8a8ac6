import Domain
import Ethereum

/// Checks and compiles one comparison.
struct ComparisonCompiler {
    let leaf: Leaf
    let registry: Registry?
    /// The event types that the rest of the conditions leaves.
    let types: EventTypes
    /// What is wrong, by part: `field`, `operator`, `value`, or a path in `config`.
    private(set) var problems: [(part: String, issue: String)] = []
    private var isCaseSensitive = true

    init(leaf: Leaf, registry: Registry?, types: EventTypes) {
        self.leaf = leaf
        self.registry = registry
        self.types = types
    }

    /// The expression; nil where there are problems.
    mutating func compile() -> Expression? {
        readConfig()
        let field = readField()
        let `operator` = Operator(leaf.operator)
        if `operator` == nil {
            let names = Operator.allCases.map(\.rawValue).joined(separator: ", ")
            problem("operator", "unknown operator; use one of \(names), = == != > >= < <=")
        }
        guard let field, let `operator` else { return nil }
        if `operator`.isPresence { return presence(field, isPresent: `operator` == .exists) }
        guard let value = leaf.value, value != .null else {
            problem("value", "is missing: \(`operator`.rawValue) compares \(field.rawValue) with a value")
            return nil
        }
        let operands = operands(`operator`, value)
        guard let operands else { return nil }
        switch field {
        case .eventType: return eventType(`operator`, operands)
        case .registry: return registry(`operator`, operands)
        default: return compare(field, `operator`, operands).map { .step($0) }
        }
    }

    mutating func problem(_ part: String, _ issue: String) { problems.append((part, issue)) }

    private mutating func readConfig() {
        guard let config = leaf.config, config != .null else { return }
        guard case .object(let options) = config else {
            problem("config", "is an object, such as {\"case_sensitive\": false}")
            return
        }
        for (name, option) in options.sorted(by: { $0.key < $1.key }) {
            guard name == "case_sensitive" else {
                problem("config.\(name)", "unknown; a comparison's config has case_sensitive alone")
                continue
            }
            guard case .boolean(let flag) = option else {
                problem("config.case_sensitive", "is true or false")
                continue
            }
            isCaseSensitive = flag
        }
    }

    private mutating func readField() -> Field? {
        guard let field = Field(rawValue: leaf.field) else {
            problem("field", "unknown field; use one of \(names(of: types))")
            return nil
        }
        let possible = FieldFacts.of(field).eventTypes
        if possible.isDisjoint(with: .emitted(by: registry)) {
            let subject = registry.map { "no event of the \($0.rawValue) registry has \(field.rawValue)" }
            problem("field", "\(subject ?? "no event has it"); use one of \(names(of: types))")
            return nil
        }
        if possible.isDisjoint(with: types) {
            let events = types.elements.map(\.rawValue).joined(separator: ", ")
            problem("field", "\(events) has no \(field.rawValue); use one of \(names(of: types))")
            return nil
        }
        return field
    }

    private func names(of types: EventTypes) -> String {
        FieldFacts.fields(among: types).map(\.rawValue).joined(separator: ", ")
    }

    private mutating func presence(_ field: Field, isPresent: Bool) -> Expression? {
        switch leaf.value {
        case nil, .null, .boolean(true), .string("true"), .string(""): break
        default: problem("value", "\(isPresent ? "exists" : "not_exists") takes no value; leave it out")
        }
        return .step(.presence(field, isPresent))
    }

    /// The values to compare with: two for `between`, a list's elements, otherwise one.
    private mutating func operands(_ operator: Operator, _ value: JSON) -> [JSON]? {
        if `operator` == .between {
            guard case .array(let bounds) = value, bounds.count == 2 else {
                problem("value", "between takes a list of two, the lowest and the highest: [10, 20]")
                return nil
            }
            return bounds
        }
        guard `operator`.takesList else {
            if case .array = value {
                problem("value", "\(`operator`.rawValue) takes one value; for a list use in or not_in")
                return nil
            }
            return [value]
        }
        guard case .array(let values) = value, !values.isEmpty, values.count <= Literal.maximumListCount else {
            problem("value", "\(`operator`.rawValue) takes a list of 1 to \(Literal.maximumListCount) values")
            return nil
        }
        return values
    }

    private mutating func compare(_ field: Field, _ operator: Operator, _ operands: [JSON]) -> Step? {
        guard Self.operators(of: field.type).contains(`operator`) else {
            let names = Self.operators(of: field.type).map(\.rawValue).joined(separator: ", ")
            problem("operator", "\(field.rawValue) is \(Self.noun(field.type)); use one of \(names)")
            return nil
        }
        return switch field.type {
        case .number: number(field, `operator`, operands)
        case .text: text(field, `operator`, operands)
        case .address: address(field, `operator`, operands)
        case .hash: hash(field, `operator`, operands)
        case .bytes: bytes(field, `operator`, operands)
        case .boolean: boolean(field, `operator`, operands)
        }
    }

    /// The operators that values of `type` support.
    static func operators(of type: FieldType) -> [Operator] {
        switch type {
        case .number: Operator.equality + Operator.order
        case .text: Operator.equality + Operator.substring + [.matches]
        case .address, .hash: Operator.equality
        case .bytes: Operator.equality + Operator.substring
        case .boolean: [.equals, .notEquals, .exists, .notExists]
        }
    }

    private static func noun(_ type: FieldType) -> String {
        switch type {
        case .number: "a number"
        case .text: "text"
        case .address: "an address"
        case .hash: "a hash"
        case .bytes: "bytes"
        case .boolean: "true or false"
        }
    }

    /// Reads every operand; nil where one cannot be read, after reporting each that cannot.
    mutating func read<Value>(
        _ operands: [JSON], isList: Bool, _ read: (JSON) throws(Literal.Issue) -> Value
    ) -> [Value]? {
        var values: [Value] = []
        for (place, operand) in operands.enumerated() {
            do throws(Literal.Issue) {
                values.append(try read(operand))
            } catch {
                problem(isList ? "value[\(place)]" : "value", error.text)
            }
        }
        return values.count == operands.count ? values : nil
    }

    var foldsCase: Bool { !isCaseSensitive }
}
