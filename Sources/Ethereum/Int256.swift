/// A signed 256-bit integer in two's complement, Solidity's `int256`.
@frozen
public struct Int256: Hashable, Sendable, Comparable {
    @usableFromInline let bits: UInt256

    /// The integer whose two's complement `bits` is.
    @inlinable
    public init(bits: UInt256) { self.bits = bits }

    /// The integer that `word` holds, big-endian in two's complement.
    @inlinable
    public init(_ word: Hash) { bits = UInt256(word) }

    /// The integer `value`.
    @inlinable
    public init(_ value: Int64) {
        let sign: UInt64 = value < 0 ? .max : 0
        bits = UInt256(limbs: (UInt64(bitPattern: value), sign, sign, sign))
    }

    /// The integer of absolute value `magnitude`; nil outside -2^255..<2^255.
    public init?(isNegative: Bool, magnitude: UInt256) {
        let bits = isNegative ? magnitude.negated : magnitude
        guard magnitude.isZero || (bits.limbs.3 >> 63 == 1) == isNegative else { return nil }
        self.bits = bits
    }

    /// 0.
    @inlinable public static var zero: Int256 { Int256(bits: .zero) }
    /// -2^255.
    @inlinable public static var min: Int256 { Int256(bits: UInt256(limbs: (0, 0, 0, 1 << 63))) }
    /// 2^255 - 1.
    @inlinable public static var max: Int256 { Int256(bits: UInt256(limbs: (.max, .max, .max, .max >> 1))) }

    /// Whether the integer is below 0.
    @inlinable public var isNegative: Bool { bits.limbs.3 >> 63 == 1 }

    /// The absolute value, 2^255 at most.
    public var magnitude: UInt256 { isNegative ? bits.negated : bits }

    /// The 32 bytes of the two's complement, most significant first.
    @inlinable public var word: Hash { bits.word }

    /// The integer, if it lies within 64 bits.
    public var int64: Int64? {
        let value = Int64(bitPattern: bits.limbs.0)
        return Int256(value) == self ? value : nil
    }

    /// How many bits the two's complement needs with its sign: 1 for 0 and -1, 256 at most.
    public var bitWidth: Int { 257 - (isNegative ? ~bits : bits).leadingZeroBitCount }

    /// The sum modulo 2^256, and whether it left the range.
    public func addingReportingOverflow(_ other: Int256) -> (partialValue: Int256, overflow: Bool) {
        let sum = Int256(bits: bits.addingReportingOverflow(other.bits).partialValue)
        return (sum, isNegative == other.isNegative && sum.isNegative != isNegative)
    }

    /// The difference modulo 2^256, and whether it left the range.
    public func subtractingReportingOverflow(_ other: Int256) -> (partialValue: Int256, overflow: Bool) {
        let difference = Int256(bits: bits.subtractingReportingOverflow(other.bits).partialValue)
        return (difference, isNegative != other.isNegative && difference.isNegative != isNegative)
    }

    /// The product modulo 2^256, and whether it left the range.
    public func multipliedReportingOverflow(by other: Int256) -> (partialValue: Int256, overflow: Bool) {
        let isNegative = isNegative != other.isNegative
        let (magnitude, passed) = magnitude.multipliedReportingOverflow(by: other.magnitude)
        let partialValue = Int256(bits: isNegative ? magnitude.negated : magnitude)
        return (partialValue, passed || Int256(isNegative: isNegative, magnitude: magnitude) == nil)
    }

    /// Orders by value.
    @inlinable
    public static func < (left: Int256, right: Int256) -> Bool {
        left.isNegative == right.isNegative ? left.bits < right.bits : left.isNegative
    }
}

extension Int256: CustomStringConvertible, LosslessStringConvertible, Codable {
    /// The integer that `text` spells in decimal digits behind an optional `-`; nil outside -2^255..<2^255.
    public init?(decimal text: some StringProtocol) {
        let isNegative = text.utf8.first == UInt8(ascii: "-")
        guard let magnitude = UInt256(decimal: text.dropFirst(isNegative ? 1 : 0)) else { return nil }
        self.init(isNegative: isNegative, magnitude: magnitude)
    }

    /// The same as ``init(decimal:)``.
    public init?(_ description: String) { self.init(decimal: description) }

    /// The decimal digits, behind `-` below 0.
    public var description: String { (isNegative ? "-" : "") + magnitude.description }

    /// Reads a decimal string, or an integer of 128 bits.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let number = try? container.decode(Int128.self) {
            let sign: UInt64 = number < 0 ? .max : 0
            let low = UInt64(truncatingIfNeeded: number)
            self.init(bits: UInt256(limbs: (low, UInt64(truncatingIfNeeded: number >> 64), sign, sign)))
        } else if let value = Int256(decimal: try container.decode(String.self)) {
            self = value
        } else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "not an integer in -2^255..<2^255 in decimal digits")
        }
    }

    /// Writes a decimal string.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

extension UInt256 {
    /// The two's complement: 2^256 - self, and 0 for 0.
    var negated: UInt256 { (~self).addingReportingOverflow(UInt256(1)).partialValue }
}
