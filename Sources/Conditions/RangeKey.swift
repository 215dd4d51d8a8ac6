public import Domain
import Ethereum

/// An interval that a number must lie in, for an index that sorts triggers by their bounds.
///
/// The bounds are approximate and lie outside the exact ones, so that nothing that matches is left out.
public struct RangeKey: Hashable, Sendable {
    /// The field whose number is bounded.
    public let field: Field
    /// No number below it can match; minus infinity for none.
    public let lower: Double
    /// No number above it can match; infinity for none.
    public let upper: Double

    /// The interval of `field` between the bounds.
    public init(field: Field, lower: Double, upper: Double) {
        self.field = field
        self.lower = lower
        self.upper = upper
    }
}

extension ConditionSet {
    /// An interval outside of which nothing can match: the first that the conditions ask for; nil if they ask for none.
    public var rangeKey: RangeKey? {
        var index = 0
        var found: RangeKey?
        while index < steps.count {
            let step = steps[index]
            index = step.end ?? index + 1
            guard let range = step.range else { continue }
            guard let known = found else {
                found = range
                continue
            }
            guard known.field == range.field else { continue }
            found = RangeKey(
                field: known.field, lower: max(known.lower, range.lower), upper: min(known.upper, range.upper))
        }
        return found
    }
}

extension Step {
    /// Where a junction ends; nil for any other step.
    fileprivate var end: Int? {
        switch self {
        case .all(let end), .any(let end), .not(let end): Int(end)
        default: nil
        }
    }

    /// The interval that the step asks for.
    fileprivate var range: RangeKey? {
        switch self {
        case .integer(let field, let ordering, let value): Self.range(field, ordering, Number(value))
        case .number(let field, let ordering, let value): Self.range(field, ordering, value.value)
        case .range(let field, let range):
            RangeKey(
                field: field, lower: range.value.lowerBound.approximation.lowerBound,
                upper: range.value.upperBound.approximation.upperBound)
        default: nil
        }
    }

    private static func range(_ field: Field, _ ordering: Ordering, _ value: Number) -> RangeKey? {
        let near = value.approximation
        return switch ordering {
        // An equality is a key of its own, see IndexKey.
        case .equal, .unequal: nil
        case .greater, .greaterOrEqual: RangeKey(field: field, lower: near.lowerBound, upper: .infinity)
        case .less, .lessOrEqual: RangeKey(field: field, lower: -.infinity, upper: near.upperBound)
        }
    }
}

extension Number {
    /// Floating-point numbers at or below, and at or above, the exact value.
    public var approximation: ClosedRange<Double> {
        if let value = uint64, value < 1 << 53 { return Double(value)...Double(value) }
        let word = magnitude.word.bytes
        var size = 0.0
        for byte in word { size = size * 256 + Double(byte) }
        for _ in 0..<scale { size /= 10 }
        // Up to 32 roundings of the digits and 77 of the decimals, each within 2^-53.
        let slack = size * 0x1p-45
        return isNegative ? (-size - slack)...(-size + slack) : (size - slack)...(size + slack)
    }
}
