import Ethereum
import TestSupport
import Testing

@Suite("Hexadecimal text")
struct HexTests {
    @Test("bytes survive")
    func roundTrip() throws {
        var random = SeededGenerator.printed()
        for count in 0..<300 {
            let bytes = random.bytes(count)
            #expect(try Hex.decode(Hex.encode(bytes)) == bytes)
            #expect(try Hex.decode("0x" + Hex.encode(bytes).dropFirst(2).uppercased()) == bytes)
        }
    }

    @Test(
        "refuses what is not bytes",
        arguments: [
            ("", HexError.missingPrefix), ("0", .missingPrefix), ("0X00", .missingPrefix), (" 0x00", .missingPrefix),
            ("0x0", .oddLength), ("0x0g", .invalidDigit), ("0x/0", .invalidDigit), ("0x:0", .invalidDigit),
            ("0x@0", .invalidDigit), ("0xG0", .invalidDigit), ("0x`0", .invalidDigit), ("0x\u{ff}", .invalidDigit),
            ("0x00\n", .oddLength), ("0x00 \n", .invalidDigit),
        ])
    func malformed(_ text: String, _ error: HexError) {
        #expect(throws: error) { try Hex.decode(text) }
    }

    @Test("accepts every digit and no other byte")
    func alphabet() throws {
        for byte in UInt8.min...UInt8.max {
            let text: [UInt8] = [UInt8(ascii: "0"), UInt8(ascii: "x"), UInt8(ascii: "0"), byte]
            let expected = byte < 0x80 ? Character(Unicode.Scalar(byte)).hexDigitValue : nil
            let decoded = text.withUnsafeBufferPointer { try? Hex.decode(utf8: $0) }
            #expect(decoded == expected.map { [UInt8($0)] })
        }
    }

    @Test(
        "reads quantities",
        arguments: [
            ("0x0", 0), ("0x1a", 26), ("0x001a", 26), ("0xffffffffffffffff", UInt64.max),
            ("0x" + String(repeating: "0", count: 90) + "7", 7),
        ] as [(String, UInt64)])
    func quantity(_ text: String, _ value: UInt64) throws { #expect(try Hex.quantity(text) == value) }

    @Test(
        "refuses what is no quantity",
        arguments: [
            ("", HexError.missingPrefix), ("1a", .missingPrefix), ("0x", .noDigits), ("0xg", .invalidDigit),
            ("0x10000000000000000", .overflow), ("0x1" + String(repeating: "0", count: 64), .overflow),
            ("-0x1", .missingPrefix), ("0x-1", .invalidDigit),
        ])
    func wrongQuantity(_ text: String, _ error: HexError) {
        #expect(throws: error) { try Hex.quantity(text) }
    }

    @Test("words are 32 bytes")
    func words() throws {
        var random = SeededGenerator.printed()
        for _ in 0..<200 {
            let bytes = random.bytes(32)
            let word = try #require(Hash(bytes: bytes))
            #expect(word.bytes == bytes)
            #expect(try Hash(hex: word.description) == word)
            #expect(word.description == Hex.encode(bytes))
        }
        #expect(throws: HexError.wrongLength(expected: 32, found: 31)) {
            try Hash(hex: "0x" + String(repeating: "00", count: 31))
        }
        #expect(throws: HexError.oddLength) { try Hash(hex: "0x" + String(repeating: "0", count: 63)) }
        #expect(throws: HexError.invalidDigit) { try Hash(hex: "0x" + String(repeating: "x", count: 64)) }
        #expect(Hash(bytes: [UInt8](repeating: 0, count: 33)) == nil)
    }
}
