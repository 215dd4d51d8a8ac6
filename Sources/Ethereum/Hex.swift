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
}

/// Hexadecimal text as JSON-RPC writes byte strings: `0x`, then two digits a byte.
///
/// - SeeAlso: Ethereum JSON-RPC, "Unformatted data".
public enum Hex {
    /// The bytes of `text`, which must begin with `0x`; digits of either case.
    public static func decode(_ text: some StringProtocol) throws(HexError) -> [UInt8] {
        var digits = text.utf8.makeIterator()
        guard digits.next() == UInt8(ascii: "0"), digits.next() == UInt8(ascii: "x") else { throw .missingPrefix }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count / 2)
        while let high = digits.next() {
            guard let low = digits.next() else { throw .oddLength }
            guard let upper = nibble(high), let lower = nibble(low) else { throw .invalidDigit }
            bytes.append(upper << 4 | lower)
        }
        return bytes
    }

    /// `bytes` as lower-case digits behind `0x`.
    public static func encode(_ bytes: some Collection<UInt8>) -> String {
        var digits: [UInt8] = [UInt8(ascii: "0"), UInt8(ascii: "x")]
        digits.reserveCapacity(2 + 2 * bytes.count)
        for byte in bytes {
            digits.append(digit(byte >> 4))
            digits.append(digit(byte & 0xf))
        }
        return String(decoding: digits, as: UTF8.self)
    }

    static func nibble(_ character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): character - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    static func digit(_ nibble: UInt8) -> UInt8 {
        nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10
    }
}
