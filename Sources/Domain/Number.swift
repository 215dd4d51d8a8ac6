public import Ethereum

/// An exact decimal number: `magnitude / 10^scale`, negative or not.
///
/// Holds every `uint256` and `int256` as it stands and a feedback's value with its decimals applied. Comparing never
/// rounds: 0.1 equals 0.10 and 2^256 - 1 differs from 2^256 - 2.
public struct Number: Hashable, Sendable {
    /// Whether the number lies below zero.
    public let isNegative: Bool
    /// The digits without sign and point.
    public let magnitude: UInt256
    /// 0...77 decimal places.
    public let scale: UInt8

    /// The number `magnitude / 10^scale`; a zero is never negative.
    public init(isNegative: Bool = false, magnitude: UInt256, scale: UInt8 = 0) {
        self.isNegative = isNegative && magnitude != UInt256(0)
        self.magnitude = magnitude
        self.scale = scale
    }

    /// The integer `value`.
    public init(_ value: Int64) {
        self.init(isNegative: value < 0, magnitude: UInt256(value.magnitude))
    }

    /// The integer `value`.
    public init(_ value: UInt256) { self.init(magnitude: value) }
}
