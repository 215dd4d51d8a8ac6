import Domain
import Ethereum

/// What is known of a field before any event is seen.
struct FieldFacts: Sendable {
    /// The event types that have it, in one layout at least.
    let eventTypes: EventTypes
    /// The range of a number.
    let range: ClosedRange<Number>
    /// Whether a number may have decimal places.
    let isFractional: Bool

    /// The facts of `field`.
    static func of(_ field: Field) -> FieldFacts { table[Int(field.ordinal)] }

    /// Every field that an event of `types` can have, in the order of `Field`.
    static func fields(among types: EventTypes) -> [Field] {
        Field.allCases.filter { !of($0).eventTypes.isDisjoint(with: types) }
    }

    private static let table: [FieldFacts] = Field.allCases.map { field in
        FieldFacts(
            eventTypes: field.isEnvelope ? .all : EventTypes(EventType.allCases.filter { $0.fields.contains(field) }),
            range: range(of: field), isFractional: field == .score)
    }

    /// The union of what the layouts declare; other fields than numbers have none that matters.
    private static func range(of field: Field) -> ClosedRange<Number> {
        switch field {
        case .logIndex: return unsigned(bits: 32)
        case _ where field.isEnvelope: return unsigned(bits: 63)
        default: break
        }
        // A score is a feedback's value with its decimals applied, so it has the value's range.
        let declared = EventLayouts.all.flatMap(\.parameters)
            .filter { $0.field == (field == .score ? .value : field) }
            .compactMap { range(declared: $0.solidityType) }
        let lowest = declared.map(\.lowerBound).min() ?? .zero
        let highest = declared.map(\.upperBound).max() ?? .zero
        return lowest...highest
    }

    private static func range(declared solidityType: String) -> ClosedRange<Number>? {
        if solidityType.hasPrefix("uint"), let bits = Int(solidityType.dropFirst(4)) { return unsigned(bits: bits) }
        if solidityType.hasPrefix("int"), let bits = Int(solidityType.dropFirst(3)) {
            let limit = UInt256(1) << (bits - 1)
            let most = UInt256.max >> (257 - bits)
            return Number(isNegative: true, magnitude: limit)...Number(most)
        }
        return nil
    }

    private static func unsigned(bits: Int) -> ClosedRange<Number> { .zero...Number(UInt256.max >> (256 - bits)) }
}
