import Domain
import Ethereum

/// A value on the heap, so that the step that refers to it stays small.
final class Boxed<Value: Sendable>: Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}

/// How a number lies to another.
enum Ordering: UInt8, Sendable {
    case equal, unequal, greater, greaterOrEqual, less, lessOrEqual

    @inline(__always)
    func holds<Value: Comparable>(_ left: Value, _ right: Value) -> Bool {
        switch self {
        case .equal: left == right
        case .unequal: left != right
        case .greater: left > right
        case .greaterOrEqual: left >= right
        case .less: left < right
        case .lessOrEqual: left <= right
        }
    }
}

/// One step of a compiled condition, in 24 bytes, since a million triggers hold a few each; so the large values come
/// first in their cases.
///
/// Steps stand in prefix order: a junction is followed by its members, the last of them before `end`. Every comparison
/// of an absent field is false, the negated ones too.
enum Step: Sendable {
    case all(end: UInt16)
    case any(end: UInt16)
    case not(end: UInt16)
    case types(EventTypes)
    /// Bit 0 identity, 1 reputation, 2 validation.
    case registries(UInt8)
    case presence(Field, Bool)
    case integer(Field, Ordering, Int64)
    case number(Field, Ordering, Boxed<Number>)
    case range(Field, Boxed<ClosedRange<Number>>)
    case numbers(Field, isNegated: Bool, Boxed<Set<Number>>)
    case address(Address, Field, isNegated: Bool)
    case addresses(Field, isNegated: Bool, Boxed<Set<Address>>)
    case hash(Field, isNegated: Bool, Boxed<Hash>)
    case hashes(Field, isNegated: Bool, Boxed<Set<Hash>>)
    case boolean(Field, Bool)
    case text(String, Field, Containment, isNegated: Bool)
    case texts(Field, isNegated: Bool, Boxed<Set<Text>>)
    case folded(Field, Containment, isNegated: Bool, FoldedText)
    case foldedTexts(Field, isNegated: Bool, Boxed<Set<[UInt32]>>)
    case pattern(Field, Pattern)
    case bytes(Field, Containment, isNegated: Bool, Boxed<[UInt8]>)
    case byteStrings(Field, isNegated: Bool, Boxed<Set<[UInt8]>>)
}

extension Step {
    /// Whether the comparison holds for `event`; for junctions see ``ConditionSet``.
    func holds(for event: Event) -> Bool {
        switch self {
        case .all, .any, .not: preconditionFailure("a junction is evaluated with its members")
        case .types(let types): return types.contains(event.type)
        case .registries(let registries): return registries & event.registry.bit != 0
        case .presence(let field, let isPresent): return (event.value(of: field) != nil) == isPresent
        case .integer(let field, let ordering, let value):
            guard case .number(let number)? = event.value(of: field) else { return false }
            return ordering.holds(number, Number(value))
        case .number(let field, let ordering, let value):
            guard case .number(let number)? = event.value(of: field) else { return false }
            return ordering.holds(number, value.value)
        case .range(let field, let range):
            guard case .number(let number)? = event.value(of: field) else { return false }
            return range.value.contains(number)
        case .numbers(let field, let isNegated, let values):
            guard case .number(let number)? = event.value(of: field) else { return false }
            return values.value.contains(number) != isNegated
        case .address(let value, let field, let isNegated):
            guard case .address(let address)? = event.value(of: field) else { return false }
            return (address == value) != isNegated
        case .addresses(let field, let isNegated, let values):
            guard case .address(let address)? = event.value(of: field) else { return false }
            return values.value.contains(address) != isNegated
        case .hash(let field, let isNegated, let value):
            guard case .hash(let hash)? = event.value(of: field) else { return false }
            return (hash == value.value) != isNegated
        case .hashes(let field, let isNegated, let values):
            guard case .hash(let hash)? = event.value(of: field) else { return false }
            return values.value.contains(hash) != isNegated
        case .boolean(let field, let value):
            guard case .boolean(let flag)? = event.value(of: field) else { return false }
            return flag == value
        default: return holdsForText(of: event)
        }
    }

    private func holdsForText(of event: Event) -> Bool {
        switch self {
        case .text(let value, let field, let containment, let isNegated):
            guard let text = text(field, of: event) else { return false }
            return containment.holds(value, in: text) != isNegated
        case .texts(let field, let isNegated, let values):
            guard let text = text(field, of: event) else { return false }
            return values.value.contains(Text(text)) != isNegated
        case .folded(let field, let containment, let isNegated, let value):
            guard let text = text(field, of: event) else { return false }
            return value.holds(containment, text) != isNegated
        case .foldedTexts(let field, let isNegated, let values):
            guard let text = text(field, of: event) else { return false }
            return values.value.contains(text.unicodeScalars.map(\.folded)) != isNegated
        case .pattern(let field, let pattern):
            guard let text = text(field, of: event) else { return false }
            return pattern.matches(text)
        case .bytes(let field, let containment, let isNegated, let value):
            guard case .bytes(let bytes)? = event.value(of: field) else { return false }
            return bytes.withUnsafeBufferPointer { bytes in
                value.value.withUnsafeBufferPointer { containment.holds($0, in: bytes) } != isNegated
            }
        case .byteStrings(let field, let isNegated, let values):
            guard case .bytes(let bytes)? = event.value(of: field) else { return false }
            return values.value.contains(bytes) != isNegated
        default: preconditionFailure("every step is a junction, a value's comparison or a text's")
        }
    }
}

extension Step {
    @inline(__always)
    private func text(_ field: Field, of event: Event) -> String? {
        guard case .text(let text)? = event.value(of: field) else { return nil }
        return text.string
    }

    /// The field that an event must have for the step to hold; nil for a step that needs none.
    var needsField: Field? {
        switch self {
        case .all, .any, .not, .types, .registries, .presence(_, false): nil
        case .presence(let field, _), .integer(let field, _, _), .number(let field, _, _), .range(let field, _),
            .numbers(let field, _, _), .address(_, let field, _), .addresses(let field, _, _), .hash(let field, _, _),
            .hashes(let field, _, _), .boolean(let field, _), .text(_, let field, _, _), .texts(let field, _, _),
            .folded(let field, _, _, _), .foldedTexts(let field, _, _), .pattern(let field, _),
            .bytes(let field, _, _, _), .byteStrings(let field, _, _):
            field
        }
    }
}

extension Registry {
    /// The registry's bit in ``Step/registries(_:)``.
    var bit: UInt8 {
        switch self {
        case .identity: 1
        case .reputation: 2
        case .validation: 4
        }
    }
}
