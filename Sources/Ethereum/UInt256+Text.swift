extension UInt256: CustomStringConvertible, LosslessStringConvertible, Codable {
    /// The integer that `text` spells in decimal digits; nil for anything else and from 2^256 on.
    ///
    /// At most 78 digits, leading zeros included; no sign.
    @inlinable
    public init?(decimal text: some StringProtocol) { self.init(decimal: String(text)) }

    /// The integer that `text` spells in decimal digits; nil for anything else and from 2^256 on.
    public init?(decimal text: String) {
        var text = text
        guard let value = text.withUTF8({ Self.decimal($0) }) else { return nil }
        self = value
    }

    private static func decimal(_ digits: UnsafeBufferPointer<UInt8>) -> UInt256? {
        guard !digits.isEmpty, digits.count <= 78 else { return nil }
        var value = UInt256.zero
        var pending: UInt64 = 0
        var scale: UInt64 = 1
        for digit in digits {
            let number = digit &- UInt8(ascii: "0")
            guard number < 10 else { return nil }
            pending = pending * 10 + UInt64(number)
            scale *= 10
            if scale == chunk {
                guard value.take(pending, scale: scale) else { return nil }
                (pending, scale) = (0, 1)
            }
        }
        guard value.take(pending, scale: scale) else { return nil }
        return value
    }

    /// The same as ``init(decimal:)``.
    public init?(_ description: String) { self.init(decimal: description) }

    /// The integer that `text` spells as `0x` and 1 or more digits of either case, leading zeros accepted.
    @inlinable
    public init(hex text: some StringProtocol) throws(HexError) { try self.init(hex: String(text)) }

    /// The integer that `text` spells as `0x` and 1 or more digits of either case, leading zeros accepted.
    public init(hex text: String) throws(HexError) {
        limbs = try Hex.withUTF8(of: text) { (utf8) throws(HexError) in try Hex.limbs(utf8: utf8) }
    }

    /// The integer that `utf8`, the UTF-8 of a text, spells, see ``init(hex:)``.
    public init(hexUTF8 utf8: UnsafeBufferPointer<UInt8>) throws(HexError) { limbs = try Hex.limbs(utf8: utf8) }

    /// The decimal digits.
    public var description: String {
        if let small = uint64 { return String(small) }
        var text = ""
        var rest = self
        while !rest.isZero {
            let (quotient, remainder) = rest.quotientAndRemainder(dividingBy: Self.chunk)
            let digits = String(remainder)
            text = (quotient.isZero ? "" : String(repeating: "0", count: 19 - digits.utf8.count)) + digits + text
            rest = quotient
        }
        return text
    }

    /// `0x` and the hexadecimal digits without padding, `0x0` for zero.
    public var hexQuantity: String {
        let digits = Hex.encode(word.bytes).dropFirst(2).drop { $0 == "0" }
        return "0x" + (digits.isEmpty ? "0" : digits)
    }

    /// Reads a decimal string, or an integer below 2^128.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let number = try? container.decode(UInt128.self) {
            limbs = (UInt64(truncatingIfNeeded: number), UInt64(truncatingIfNeeded: number >> 64), 0, 0)
            return
        }
        guard let value = UInt256(decimal: try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "not an integer in 0..<2^256 in decimal digits")
        }
        self = value
    }

    /// Writes a decimal string.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }

    /// 10^19, the largest power of ten that a limb holds.
    private static let chunk: UInt64 = 10_000_000_000_000_000_000

    /// Appends the digits of `pending`, `scale` being ten to their count; false on overflow.
    private mutating func take(_ pending: UInt64, scale: UInt64) -> Bool {
        let (product, passed) = multipliedReportingOverflow(by: scale)
        let (sum, carried) = product.addingReportingOverflow(UInt256(pending))
        self = sum
        return !passed && !carried
    }
}
