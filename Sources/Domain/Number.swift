public import Ethereum

/// An exact decimal number: `magnitude / 10^scale`, negative or not.
///
/// Holds every `uint256` and `int256` as it stands and a feedback's value with its decimals applied. Comparing never
/// rounds: 0.1 equals 0.10 and 2^256 - 1 differs from 2^256 - 2. Kept in canonical form, without zeros at the end of
/// its decimal places, so that equal numbers have equal parts.
public struct Number: Hashable, Sendable {
    /// Whether the number lies below zero.
    public let isNegative: Bool
    /// The digits without sign and point.
    public let magnitude: UInt256
    /// How many of the digits stand behind the point; the last of them is not 0.
    public let scale: UInt8

    /// The number `magnitude / 10^scale`; a zero is never negative.
    public init(isNegative: Bool = false, magnitude: UInt256, scale: UInt8 = 0) {
        var magnitude = magnitude
        var scale = magnitude.isZero ? 0 : scale
        while scale > 0 {
            let (quotient, remainder) = magnitude.quotientAndRemainder(dividingBy: 10)
            guard remainder == 0 else { break }
            magnitude = quotient
            scale -= 1
        }
        self.isNegative = isNegative && !magnitude.isZero
        self.magnitude = magnitude
        self.scale = scale
    }

    /// The integer `value`.
    public init(_ value: Int64) {
        isNegative = value < 0
        magnitude = UInt256(value.magnitude)
        scale = 0
    }

    /// The integer `value`.
    public init(_ value: Int) { self.init(Int64(value)) }

    /// The integer `value`.
    public init(_ value: UInt64) { self.init(UInt256(value)) }

    /// The integer `value`.
    public init(_ value: UInt256) {
        isNegative = false
        magnitude = value
        scale = 0
    }

    /// The integer `value`.
    public init(_ value: Int256) {
        isNegative = value.isNegative
        magnitude = value.magnitude
        scale = 0
    }

    /// 0.
    public static var zero: Number { Number(UInt256.zero) }

    /// Whether there is nothing behind the point.
    public var isInteger: Bool { scale == 0 }

    /// The number as an integer of 64 bits, if it is one.
    public var uint64: UInt64? { scale == 0 && !isNegative ? magnitude.uint64 : nil }

    /// The number as an integer of 64 bits, if it is one.
    public var int64: Int64? {
        guard scale == 0, let magnitude = magnitude.uint64 else { return nil }
        return isNegative ? Int64(exactly: -Int128(magnitude)) : Int64(exactly: magnitude)
    }
}

extension Number: Comparable {
    /// Orders by value, exactly.
    public static func < (left: Number, right: Number) -> Bool {
        guard left.isNegative == right.isNegative else { return left.isNegative }
        return left.isNegative ? isMagnitude(of: right, below: left) : isMagnitude(of: left, below: right)
    }

    private static func isMagnitude(of left: Number, below right: Number) -> Bool {
        if left.scale == right.scale { return left.magnitude < right.magnitude }
        if left.scale < right.scale {
            // A product above 256 bits is above the other side, which has 256 at most.
            guard let scaled = left.magnitude.scaled(byTenToThe: right.scale - left.scale) else { return false }
            return scaled < right.magnitude
        }
        guard let scaled = right.magnitude.scaled(byTenToThe: left.scale - right.scale) else { return true }
        return left.magnitude < scaled
    }
}

extension UInt256 {
    /// The product with 10^`exponent`; nil from 2^256 on.
    fileprivate func scaled(byTenToThe exponent: UInt8) -> UInt256? {
        guard !isZero else { return self }
        var product = self
        var left = exponent
        while left > 0 {
            let step = min(left, 19)
            var factor: UInt64 = 1
            for _ in 0..<step { factor *= 10 }  // 10^19 is below 2^64
            let (partialValue, overflow) = product.multipliedReportingOverflow(by: factor)
            guard !overflow else { return nil }
            product = partialValue
            left -= step
        }
        return product
    }
}

extension Number: CustomStringConvertible, LosslessStringConvertible {
    /// The most digits that a decimal text may have, which is as many as 2^256 - 1 has.
    public static let maximumDigits = 78

    /// The number that `text` spells: an optional sign, digits, and optionally a point and more digits.
    ///
    /// At most 78 digits, 77 of them behind the point; nil above 2^256 - 1 without the point, for an exponent, and for
    /// a point without digits on both sides.
    public init?(decimal text: some StringProtocol) {
        var rest = text[...]
        let isNegative = rest.utf8.first == UInt8(ascii: "-")
        if isNegative || rest.utf8.first == UInt8(ascii: "+") { rest = rest.dropFirst() }
        let parts = rest.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole = parts.first, !whole.isEmpty else { return nil }
        guard parts.count == 2 else {
            guard let magnitude = UInt256(decimal: whole) else { return nil }
            self.init(isNegative: isNegative, magnitude: magnitude)
            return
        }
        let digits = whole.utf8.count + parts[1].utf8.count
        guard !parts[1].isEmpty, parts[1].utf8.count < Self.maximumDigits, digits <= Self.maximumDigits,
            let magnitude = UInt256(decimal: String(whole) + String(parts[1]))
        else { return nil }
        self.init(isNegative: isNegative, magnitude: magnitude, scale: UInt8(parts[1].utf8.count))
    }

    /// The same as ``init(decimal:)``.
    public init?(_ description: String) { self.init(decimal: description) }

    /// The shortest decimal text: a `-` below zero, digits, and a point only before digits that are not all 0.
    public var description: String {
        let digits = magnitude.description
        let sign = isNegative ? "-" : ""
        guard scale > 0 else { return sign + digits }
        let padded = String(repeating: "0", count: max(0, Int(scale) + 1 - digits.utf8.count)) + digits
        return "\(sign)\(padded.dropLast(Int(scale))).\(padded.suffix(Int(scale)))"
    }
}
