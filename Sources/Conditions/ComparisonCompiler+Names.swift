import Domain
import Ethereum

/// Event types and registries are known by name, so their comparisons are decided here, not at each event.
extension ComparisonCompiler {
    mutating func eventType(_ operator: Operator, _ operands: [JSON]) -> Expression? {
        let emitted = EventTypes.emitted(by: registry)
        switch `operator` {
        case .equals, .notEquals, .in, .notIn:
            var named: [Expression] = []
            for (place, operand) in operands.enumerated() {
                guard
                    let member = eventType(named: operand, part: `operator`.takesList ? "value[\(place)]" : "value")
                else { continue }
                named.append(member)
            }
            guard named.count == operands.count else { return nil }
            let union = Self.union(of: named)
            return `operator`.isNegative ? .not(union) : union
        default:
            guard let test = nameTest(`operator`, operands, of: .eventType) else { return nil }
            let types = EventTypes(EventType.allCases.filter { test($0.rawValue) })
            guard !types.isDisjoint(with: emitted) else {
                problem("value", "fits no event type; there are \(Self.names(of: emitted))")
                return nil
            }
            return .step(.types(types))
        }
    }

    /// One comparison for all plain names, so that it can say which types it leaves.
    private static func union(of members: [Expression]) -> Expression {
        var types: EventTypes = []
        var others: [Expression] = []
        for member in members {
            if case .step(.types(let plain)) = member { types.formUnion(plain) } else { others.append(member) }
        }
        if others.isEmpty { return .step(.types(types)) }
        if types.isEmpty, others.count == 1 { return others[0] }
        return .any((types.isEmpty ? [] : [.step(.types(types))]) + others)
    }

    private mutating func eventType(named operand: JSON, part: String) -> Expression? {
        guard case .string(let name) = operand else {
            problem(part, "event_type is a name: write a string such as \"Registered\"")
            return nil
        }
        let type: EventType
        let isBurn = isSame(name, "AgentBurned")
        if let found = EventType.allCases.first(where: { isSame(name, $0.rawValue) }) {
            type = found
        } else if isSame(name, "AgentMinted") {
            type = .registered
        } else if isSame(name, "UriUpdated") {
            type = .uriUpdated
        } else if isBurn {
            type = .transfer
        } else {
            problem(part, "no event has this name; there are \(Self.names(of: .emitted(by: registry)))")
            return nil
        }
        let emitted = EventTypes.emitted(by: registry)
        guard emitted.contains(type) else {
            let registry = registry?.rawValue ?? "watched"
            problem(part, "\(name) is no event of the \(registry) registry; there are \(Self.names(of: emitted))")
            return nil
        }
        let types = Expression.step(.types(EventTypes(type)))
        return isBurn ? .all([types, .step(.address(.zero, .to, isNegated: false))]) : types
    }

    mutating func registry(_ operator: Operator, _ operands: [JSON]) -> Expression? {
        let test: (String) -> Bool
        switch `operator` {
        case .equals, .notEquals, .in, .notIn:
            var names: [String] = []
            for (place, operand) in operands.enumerated() {
                guard let name = Registry.allCases.map(\.rawValue).first(where: { isSame(operand.string ?? "", $0) })
                else {
                    problem(
                        `operator`.takesList ? "value[\(place)]" : "value", "is identity, reputation or validation")
                    continue
                }
                names.append(name)
            }
            guard names.count == operands.count else { return nil }
            let isNegated = `operator`.isNegative
            test = { names.contains($0) != isNegated }
        default:
            guard let found = nameTest(`operator`, operands, of: .registry) else { return nil }
            test = found
        }
        let matching = Registry.allCases.filter { test($0.rawValue) }
        guard matching.contains(where: { registry == nil || registry == $0 }) else {
            problem(
                "value",
                "can never hold: the trigger watches \(registry.map { "the \($0.rawValue) registry" } ?? "every registry")"
            )
            return nil
        }
        return .step(.registries(matching.reduce(0) { $0 | $1.bit }))
    }

    /// A test of names for the operators that look into a text.
    private mutating func nameTest(
        _ operator: Operator, _ operands: [JSON], of field: Field
    ) -> ((String) -> Bool)? {
        guard Self.operators(of: .text).contains(`operator`) else {
            let names = Self.operators(of: .text).map(\.rawValue).joined(separator: ", ")
            problem("operator", "\(field.rawValue) is text; use one of \(names)")
            return nil
        }
        guard
            let values = read(
                operands, isList: false,
                { operand throws(Literal.Issue) in
                    try Literal.text(operand, of: field)
                }), let value = values.first
        else { return nil }
        if `operator` == .matches {
            guard let pattern = pattern(value) else { return nil }
            return { pattern.matches($0) }
        }
        guard let containment = containment(`operator`, isEmpty: value.isEmpty) else { return nil }
        let isNegated = `operator`.isNegative
        if foldsCase {
            let folded = FoldedText(value)
            return { folded.holds(containment, $0) != isNegated }
        }
        return { containment.holds(value, in: $0) != isNegated }
    }

    private func isSame(_ name: String, _ known: String) -> Bool {
        foldsCase ? FoldedText(known).equals(name) : Text(name) == Text(known)
    }

    private static func names(of types: EventTypes) -> String {
        types.elements.map(\.rawValue).joined(separator: ", ")
    }
}
