import Domain
import Ethereum

extension ComparisonCompiler {
    mutating func number(_ field: Field, _ operator: Operator, _ operands: [JSON]) -> Step? {
        let isList = operands.count > 1 || `operator`.takesList
        let facts = FieldFacts.of(field)
        let values = read(operands, isList: isList) { operand throws(Literal.Issue) in
            let number = try Literal.number(operand, of: field)
            guard facts.isFractional || number.isInteger else {
                throw Literal.Issue("\(field.rawValue) is a whole number; leave out the decimal places")
            }
            guard facts.range.contains(number) else {
                throw Literal.Issue(
                    "\(field.rawValue) lies between \(facts.range.lowerBound) and \(facts.range.upperBound)")
            }
            return number
        }
        guard let values, let first = values.first else { return nil }
        switch `operator` {
        case .in, .notIn: return .numbers(field, isNegated: `operator`.isNegative, Boxed(Set(values)))
        case .between:
            guard values.count == 2, first <= values[1] else {
                problem("value", "between takes the lowest value first")
                return nil
            }
            return .range(field, Boxed(first...values[1]))
        case .equals: return Self.ordering(field, .equal, first)
        case .notEquals: return Self.ordering(field, .unequal, first)
        case .gt: return Self.ordering(field, .greater, first)
        case .gte: return Self.ordering(field, .greaterOrEqual, first)
        case .lt: return Self.ordering(field, .less, first)
        default: return Self.ordering(field, .lessOrEqual, first)
        }
    }

    /// Numbers of 64 bits, which is nearly all of them, need nothing on the heap.
    private static func ordering(_ field: Field, _ ordering: Ordering, _ value: Number) -> Step {
        value.int64.map { .integer(field, ordering, $0) } ?? .number(field, ordering, Boxed(value))
    }

    mutating func address(_ field: Field, _ operator: Operator, _ operands: [JSON]) -> Step? {
        let values = read(operands, isList: `operator`.takesList) { operand throws(Literal.Issue) in
            try Literal.address(operand, of: field)
        }
        guard let values, let first = values.first else { return nil }
        return `operator`.takesList
            ? .addresses(field, isNegated: `operator`.isNegative, Boxed(Set(values)))
            : .address(first, field, isNegated: `operator`.isNegative)
    }

    mutating func hash(_ field: Field, _ operator: Operator, _ operands: [JSON]) -> Step? {
        let values = read(operands, isList: `operator`.takesList) { operand throws(Literal.Issue) in
            try Literal.hash(operand, of: field)
        }
        guard let values, let first = values.first else { return nil }
        return `operator`.takesList
            ? .hashes(field, isNegated: `operator`.isNegative, Boxed(Set(values)))
            : .hash(field, isNegated: `operator`.isNegative, Boxed(first))
    }

    mutating func boolean(_ field: Field, _ operator: Operator, _ operands: [JSON]) -> Step? {
        let values = read(operands, isList: false) { operand throws(Literal.Issue) in
            try Literal.boolean(operand, of: field)
        }
        guard let value = values?.first else { return nil }
        return .boolean(field, value != `operator`.isNegative)
    }

    mutating func bytes(_ field: Field, _ operator: Operator, _ operands: [JSON]) -> Step? {
        let values = read(operands, isList: `operator`.takesList) { operand throws(Literal.Issue) in
            try Literal.bytes(operand, of: field)
        }
        guard let values, let first = values.first else { return nil }
        if `operator`.takesList { return .byteStrings(field, isNegated: `operator`.isNegative, Boxed(Set(values))) }
        guard let containment = containment(`operator`, isEmpty: first.isEmpty) else { return nil }
        return .bytes(field, containment, isNegated: `operator`.isNegative, Boxed(first))
    }

    mutating func text(_ field: Field, _ operator: Operator, _ operands: [JSON]) -> Step? {
        let values = read(operands, isList: `operator`.takesList) { operand throws(Literal.Issue) in
            try Literal.text(operand, of: field)
        }
        guard let values, let first = values.first else { return nil }
        let isNegated = `operator`.isNegative
        if `operator`.takesList {
            return foldsCase
                ? .foldedTexts(field, isNegated: isNegated, Boxed(Set(values.map { $0.unicodeScalars.map(\.folded) })))
                : .texts(field, isNegated: isNegated, Boxed(Set(values.map(Text.init))))
        }
        if `operator` == .matches { return pattern(first).map { .pattern(field, $0) } }
        guard let containment = containment(`operator`, isEmpty: first.isEmpty) else { return nil }
        return foldsCase
            ? .folded(field, containment, isNegated: isNegated, FoldedText(first))
            : .text(first, field, containment, isNegated: isNegated)
    }

    mutating func pattern(_ source: String) -> Pattern? {
        guard !source.isEmpty else {
            problem("value", "is empty and would match everything; write a pattern of RE2's syntax")
            return nil
        }
        do throws(PatternError) {
            return try Pattern(source, isCaseSensitive: !foldsCase)
        } catch {
            problem("value", "is no pattern of RE2's syntax: \(error.reason)")
            return nil
        }
    }

    mutating func containment(_ operator: Operator, isEmpty: Bool) -> Containment? {
        switch `operator` {
        case .equals, .notEquals: return .whole
        case _ where isEmpty:
            problem("value", "is empty, and every value \(`operator`.rawValue) nothing; write at least one character")
            return nil
        case .startsWith: return .prefix
        case .endsWith: return .suffix
        default: return .anywhere
        }
    }
}
