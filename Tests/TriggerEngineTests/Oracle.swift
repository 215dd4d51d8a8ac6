import Conditions
import Domain
import Ethereum
import Foundation

/// What conditions mean, read from their sources event by event: slow, plain, and sharing nothing with the index or
/// the compiled conditions but the event.
enum Oracle {
    static func holds(_ sources: [ConditionSource], _ event: Event) -> Bool {
        sources.allSatisfy { source in
            if source.type == "group" { return source.config.map { tree($0, event) } ?? false }
            return comparison(source.field, source.operator, source.value, source.config, event)
        }
    }

    private static func tree(_ node: JSON, _ event: Event) -> Bool {
        if case .array(let members)? = node["all"] { return members.allSatisfy { tree($0, event) } }
        if case .array(let members)? = node["any"] { return members.contains { tree($0, event) } }
        if let member = node["not"] { return !tree(member, event) }
        guard let field = node["field"]?.string, let name = node["operator"]?.string else { return false }
        return comparison(field, name, node["value"], node["config"], event)
    }

    private static func comparison(
        _ field: String, _ name: String, _ value: JSON?, _ config: JSON?, _ event: Event
    ) -> Bool {
        if field == "event_type" { return eventType(name, value, event) }
        guard let known = Field(rawValue: field) else { return false }
        guard let actual = event.value(of: known) else { return name == "not_exists" }
        let isFolded = config?["case_sensitive"] == .boolean(false)
        switch (name, value) {
        case ("exists", _): return true
        case ("not_exists", _): return false
        case ("in", .array(let operands)?): return operands.contains { compare(actual, "equals", $0, isFolded) }
        case ("not_in", .array(let operands)?): return !operands.contains { compare(actual, "equals", $0, isFolded) }
        case ("between", .array(let bounds)?):
            return compare(actual, "gte", bounds[0], isFolded) && compare(actual, "lte", bounds[1], isFolded)
        case ("not_equals", let operand?): return !compare(actual, "equals", operand, isFolded)
        case ("not_contains", let operand?): return !compare(actual, "contains", operand, isFolded)
        case (_, let operand?): return compare(actual, name, operand, isFolded)
        case (_, nil): return false
        }
    }

    private static func eventType(_ name: String, _ value: JSON?, _ event: Event) -> Bool {
        func isNamed(_ operand: JSON) -> Bool {
            switch operand.string {
            case "AgentMinted": event.type == .registered
            case "AgentBurned": event.type == .transfer && event.value(of: .to) == .address(.zero)
            default: event.type.rawValue == operand.string
            }
        }
        switch (name, value) {
        case ("equals", let operand?): return isNamed(operand)
        case ("not_equals", let operand?): return !isNamed(operand)
        case ("in", .array(let operands)?): return operands.contains(where: isNamed)
        case ("not_in", .array(let operands)?): return !operands.contains(where: isNamed)
        default: return false
        }
    }

    private static func compare(_ actual: FieldValue, _ name: String, _ operand: JSON, _ isFolded: Bool) -> Bool {
        switch actual {
        case .number(let number): return numbers(number, name, operand)
        case .text(let text):
            let fold: (String) -> [UInt32] = { text in
                text.unicodeScalars.map {
                    isFolded ? ($0.properties.lowercaseMapping.unicodeScalars.first ?? $0).value : $0.value
                }
            }
            if name == "matches" {
                guard let pattern = operand.string, let regex = try? Regex(pattern) else { return false }
                return text.string.contains(regex.ignoresCase(isFolded))
            }
            return sequences(fold(text.string), name, fold(operand.string ?? ""))
        case .bytes(let bytes):
            guard let other = try? Hex.decode(operand.string ?? "") else { return false }
            return sequences(bytes, name, other)
        case .address(let address): return address.hex == operand.string?.lowercased() && name == "equals"
        case .hash(let hash): return hash.description == operand.string?.lowercased() && name == "equals"
        case .boolean(let flag): return operand == .boolean(flag) && name == "equals"
        }
    }

    private static func numbers(_ number: Number, _ name: String, _ operand: JSON) -> Bool {
        let text: String
        switch operand {
        case .number(let decimal): text = decimal.description
        default: text = operand.string ?? ""
        }
        guard let other = Number(decimal: text) else { return false }
        switch name {
        case "equals": return number == other
        case "gt": return number > other
        case "gte": return number >= other
        case "lt": return number < other
        case "lte": return number <= other
        default: return false
        }
    }

    private static func sequences<Element: Equatable>(
        _ text: [Element], _ name: String, _ part: [Element]
    ) -> Bool {
        switch name {
        case "equals": return text == part
        case "starts_with": return Array(text.prefix(part.count)) == part
        case "ends_with": return Array(text.suffix(part.count)) == part
        case "contains":
            guard text.count >= part.count else { return false }
            return (0...(text.count - part.count)).contains { Array(text[$0..<($0 + part.count)]) == part }
        default: return false
        }
    }
}
