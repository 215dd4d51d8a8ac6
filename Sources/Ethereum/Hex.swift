/// Why a hexadecimal text was refused.
public enum HexError: Error, Equatable {
    /// The text does not begin with `0x`.
    case missingPrefix
    /// An odd number of digits, where whole bytes were expected.
    case oddLength
    /// A character outside `0-9a-fA-F`.
    case invalidDigit
    /// The text holds another number of bytes than the type has.
    case wrongLength(expected: Int, found: Int)
    /// No digit behind `0x`, where a quantity was expected.
    case noDigits
    /// A quantity of more bits than the type has.
    case overflow
}

extension HexError: CustomStringConvertible {
    /// What is wrong, without the text.
    public var description: String {
        switch self {
        case .missingPrefix: "missing 0x prefix"
        case .oddLength: "odd number of hex digits"
        case .invalidDigit: "non-hex character"
        case .wrongLength(let expected, let found): "\(found) bytes, expected \(expected)"
        case .noDigits: "no digits behind 0x"
        case .overflow: "number too large"
        }
    }
}

/// Hexadecimal text as JSON-RPC writes it: byte strings of two digits a byte, and quantities without padding.
///
/// - SeeAlso: Ethereum JSON-RPC, "Unformatted data" and "Quantities".
public enum Hex {
    /// The bytes of `text`, which must begin with `0x`; digits of either case.
    @inlinable
    public static func decode(_ text: some StringProtocol) throws(HexError) -> [UInt8] { try decode(String(text)) }

    /// The bytes of `text`, which must begin with `0x`; digits of either case.
    public static func decode(_ text: String) throws(HexError) -> [UInt8] {
        try withUTF8(of: text) { (utf8) throws(HexError) in try decode(utf8: utf8) }
    }

    /// The bytes that `utf8`, the UTF-8 of a text, spells; it must begin with `0x`; digits of either case.
    public static func decode(utf8: UnsafeBufferPointer<UInt8>) throws(HexError) -> [UInt8] {
        let digits = try digits(of: utf8)
        guard digits.count.isMultiple(of: 2) else { throw .oddLength }
        let bytes = [UInt8](unsafeUninitializedCapacity: digits.count / 2) { buffer, count in
            var seen: UInt8 = 0
            for index in 0..<digits.count / 2 {
                let high = value(digits[2 * index])
                let low = value(digits[2 * index + 1])
                seen |= high | low
                buffer[index] = high << 4 | low & 0xf
            }
            count = seen < 16 ? digits.count / 2 : 0
        }
        guard bytes.count == digits.count / 2 else { throw .invalidDigit }
        return bytes
    }

    /// The number that `text` spells as `0x` and 1 or more digits, see ``quantity(_:)-(String)``.
    @inlinable
    public static func quantity(_ text: some StringProtocol) throws(HexError) -> UInt64 { try quantity(String(text)) }

    /// The number that `text` spells as `0x` and 1 or more digits.
    ///
    /// Leading zeros are accepted, since some nodes write them; more than 64 bits are not.
    public static func quantity(_ text: String) throws(HexError) -> UInt64 {
        try withUTF8(of: text) { (utf8) throws(HexError) in try quantity(utf8: utf8) }
    }

    /// The number that `utf8` spells as `0x` and 1 or more digits, see ``quantity(_:)``.
    public static func quantity(utf8: UnsafeBufferPointer<UInt8>) throws(HexError) -> UInt64 {
        let limbs = try limbs(utf8: utf8)
        guard (limbs.1 | limbs.2 | limbs.3) == 0 else { throw .overflow }
        return limbs.0
    }

    /// `bytes` as lower-case digits behind `0x`.
    @inlinable
    public static func encode(_ bytes: some Collection<UInt8>) -> String { encode([UInt8](bytes)) }

    /// `bytes` as lower-case digits behind `0x`.
    public static func encode(_ bytes: [UInt8]) -> String { bytes.withUnsafeBufferPointer { encode($0) } }

    /// `bytes` as lower-case digits behind `0x`.
    public static func encode(_ bytes: UnsafeBufferPointer<UInt8>) -> String {
        String(unsafeUninitializedCapacity: 2 + 2 * bytes.count) { buffer in
            buffer[0] = UInt8(ascii: "0")
            buffer[1] = UInt8(ascii: "x")
            for index in 0..<bytes.count {
                buffer[2 + 2 * index] = digit(bytes[index] >> 4)
                buffer[3 + 2 * index] = digit(bytes[index] & 0xf)
            }
            return 2 + 2 * bytes.count
        }
    }

    /// `value` as a quantity: `0x` and the digits without padding, `0x0` for zero.
    public static func encode(quantity value: UInt64) -> String { "0x" + String(value, radix: 16) }

    static func nibble(_ character: UInt8) -> UInt8? {
        let nibble = value(character)
        return nibble < 16 ? nibble : nil
    }

    static func digit(_ nibble: UInt8) -> UInt8 {
        nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10
    }

    /// The value of `character` as a digit, 0xff where it is none; without a branch or a table, so that loops vectorise.
    @inline(__always)
    private static func value(_ character: UInt8) -> UInt8 {
        let decimal = character &- UInt8(ascii: "0")
        let letter = (character | 0x20) &- UInt8(ascii: "a")
        return decimal < 10 ? decimal : letter < 6 ? letter &+ 10 : 0xff
    }

    static func digits(of utf8: UnsafeBufferPointer<UInt8>) throws(HexError) -> UnsafeBufferPointer<UInt8> {
        guard utf8.count >= 2, utf8[0] == UInt8(ascii: "0"), utf8[1] == UInt8(ascii: "x") else { throw .missingPrefix }
        return UnsafeBufferPointer(rebasing: utf8[2...])
    }

    /// The quarters of the 64 digits that `utf8` spells behind `0x`, the most significant first.
    static func word(utf8: UnsafeBufferPointer<UInt8>) throws(HexError) -> (UInt64, UInt64, UInt64, UInt64) {
        let digits = try digits(of: utf8)
        guard digits.count == 64 else {
            guard digits.count.isMultiple(of: 2) else { throw .oddLength }
            throw .wrongLength(expected: 32, found: digits.count / 2)
        }
        return (
            try sixteen(digits, at: 0), try sixteen(digits, at: 16), try sixteen(digits, at: 32),
            try sixteen(digits, at: 48)
        )
    }

    /// The limbs of the quantity that `utf8` spells, the least significant first.
    static func limbs(utf8: UnsafeBufferPointer<UInt8>) throws(HexError) -> (UInt64, UInt64, UInt64, UInt64) {
        let digits = try digits(of: utf8)
        guard !digits.isEmpty else { throw .noDigits }
        let zeros = digits.count - min(digits.count, 64)
        guard digits[..<zeros].allSatisfy({ $0 == UInt8(ascii: "0") }) else { throw .overflow }
        func limb(_ index: Int) throws(HexError) -> UInt64 {
            let end = max(zeros, digits.count - 16 * index)
            return try integer(digits, in: max(zeros, end - 16)..<end)
        }
        return (try limb(0), try limb(1), try limb(2), try limb(3))
    }

    /// The number of the at most 16 digits in `range`; 0 for none.
    static func integer(_ digits: UnsafeBufferPointer<UInt8>, in range: Range<Int>) throws(HexError) -> UInt64 {
        var number: UInt64 = 0
        var seen: UInt8 = 0
        for index in range {
            let nibble = value(digits[index])
            seen |= nibble
            number = number << 4 | UInt64(nibble & 0xf)
        }
        guard seen < 16 else { throw .invalidDigit }
        return number
    }

    /// The number of the 16 digits at `offset`.
    static func sixteen(_ digits: UnsafeBufferPointer<UInt8>, at offset: Int) throws(HexError) -> UInt64 {
        UInt64(try eight(digits, at: offset)) << 32 | UInt64(try eight(digits, at: offset + 8))
    }

    /// The number of the 8 digits at `offset`, all at once: each step works on the eight bytes of a word.
    static func eight(_ digits: UnsafeBufferPointer<UInt8>, at offset: Int) throws(HexError) -> UInt32 {
        precondition(offset >= 0 && digits.count >= offset + 8, "the caller counted the digits")
        func all(_ byte: UInt64) -> UInt64 { byte &* 0x0101_0101_0101_0101 }
        let text = UInt64(
            littleEndian: UnsafeRawBufferPointer(digits).loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        guard text & all(0x80) == 0 else { throw .invalidDigit }
        // Below 0x80, adding 0x80 - c sets the high bit of the bytes that are c or more, and carries nowhere.
        let lower = text | all(0x20)
        let isDecimal = (text &+ all(0x80 - 0x30)) & ~(text &+ all(0x80 - 0x3a)) & all(0x80)
        let isLetter = (lower &+ all(0x80 - 0x61)) & ~(lower &+ all(0x80 - 0x67)) & all(0x80)
        guard isDecimal | isLetter == all(0x80) else { throw .invalidDigit }
        let nibbles = (text & all(0x0f)) &+ (isLetter >> 7) &* 9
        // The first digit stands in the lowest byte: join pairs, then close the gaps between them.
        let pairs = (nibbles << 4 | nibbles >> 8) & 0x00ff_00ff_00ff_00ff
        let halves = (pairs | pairs >> 8) & 0x0000_ffff_0000_ffff
        return UInt32(truncatingIfNeeded: halves | halves >> 16).byteSwapped
    }

    /// Shows `body` the UTF-8 of `text`.
    @inline(__always)
    static func withUTF8<Value, Failure: Error>(
        of text: String, _ body: (UnsafeBufferPointer<UInt8>) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        var text = text
        // `String.withUTF8` rethrows untyped, so the outcome leaves it as a value.
        let result = text.withUTF8 { utf8 in
            Result { () throws(Failure) in try body(utf8) }
        }
        return try result.get()
    }
}
