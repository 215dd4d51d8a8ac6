import Ethereum
import TestSupport
import Testing

@Suite("RLP")
struct RLPTests {
    // Source: Ethereum documentation, "Recursive-length prefix serialization", and pyrlp for the nested list.
    static let examples: [(RLPItem, String)] = [
        (.bytes(Array("dog".utf8)), "0x83646f67"),
        (.list([.bytes(Array("cat".utf8)), .bytes(Array("dog".utf8))]), "0xc88363617483646f67"),
        (.bytes([]), "0x80"), (.list([]), "0xc0"), (.bytes([0]), "0x00"), (.bytes([0x0f]), "0x0f"),
        (.bytes([0x7f]), "0x7f"), (.bytes([0x80]), "0x8180"), (.integer(0 as UInt64), "0x80"),
        (.integer(1024 as UInt64), "0x820400"),
        (.list([.list([]), .list([.list([])]), .list([.list([]), .list([.list([])])])]), "0xc7c0c1c0c3c0c1c0"),
        (
            .bytes(Array("Lorem ipsum dolor sit amet, consectetur adipisicing elit".utf8)),
            "0xb8384c6f72656d20697073756d20646f6c6f722073697420616d65742c20636f6e7365637465747572206164697069736963696e6720656c6974"
        ),
        (
            .list([
                .integer(1 as UInt64),
                .list([
                    .integer(2 as UInt64),
                    .list([
                        .bytes(Array("cat".utf8)), .bytes(Array(String(repeating: "dog", count: 30).utf8)),
                    ]),
                ]),
                .bytes([]), .list([.bytes([0x80]), .integer(1024 as UInt64)]),
            ]),
            "0xf86d01f86302f86083636174b85a" + String(repeating: "646f67", count: 30) + "80c58180820400"
        ),
        (
            .list([.bytes([UInt8](repeating: 0x78, count: 1024))]),
            "0xf90403b90400" + String(repeating: "78", count: 1024)
        ),
    ]

    @Test("writes and reads the published examples", arguments: examples.indices)
    func example(_ index: Int) throws {
        let (item, hex) = Self.examples[index]
        #expect(Hex.encode(RLP.encode(item)) == hex)
        #expect(try RLP.decode(try Hex.decode(hex)) == item)
    }

    @Test(
        "refuses what has another, shorter form or does not end where it should",
        arguments: [
            ("0x", RLPError.truncated), ("0x8100", .notCanonical), ("0x817f", .notCanonical), ("0xb800", .notCanonical),
            ("0xb837" + String(repeating: "00", count: 55), .notCanonical), ("0xb90038", .notCanonical),
            ("0xf800", .notCanonical), ("0xf80180", .notCanonical), ("0x83646f", .truncated),
            ("0xc88363617483646f", .truncated),
            ("0xc1", .truncated), ("0xc283ffff", .truncated), ("0xb8", .truncated), ("0xbf", .truncated),
            ("0xff", .truncated),
            ("0xbfffffffffffffffff", .truncated), ("0xffffffffffffffffff", .truncated),
            ("0xbf7fffffffffffffff", .truncated),
            ("0x0000", .trailingBytes(count: 1)), ("0xc0c0c0", .trailingBytes(count: 2)), ("0xc18100", .truncated),
        ])
    func malformed(_ hex: String, _ error: RLPError) throws {
        let bytes = try Hex.decode(hex)
        #expect(throws: error) { try RLP.decode(bytes) }
    }

    @Test("bounds how deep lists nest")
    func depth() throws {
        func nested(_ depth: Int) -> [UInt8] {
            RLP.encode((0..<depth).reduce(RLPItem.list([])) { item, _ in .list([item]) })
        }
        #expect(throws: Never.self) { try RLP.decode(nested(RLP.maximumDepth)) }
        #expect(throws: RLPError.tooDeep) { try RLP.decode(nested(RLP.maximumDepth + 1)) }
        #expect(throws: RLPError.self) { try RLP.decode([UInt8](repeating: 0xc1, count: 1_000_000)) }
    }

    @Test("integers have no leading zeros")
    func integers() {
        var random = SeededGenerator.printed()
        for _ in 0..<1_000 {
            let value = random.integer()
            #expect(RLPItem.integer(value).integer == value)
        }
        #expect(RLPItem.bytes([0]).integer == nil)
        #expect(RLPItem.bytes([0, 1]).integer == nil)
        #expect(RLPItem.bytes([UInt8](repeating: 1, count: 33)).integer == nil)
        #expect(RLPItem.list([]).integer == nil)
    }

    @Test("random bytes are an item in its only form, or refused")
    func randomBytes() throws {
        var random = SeededGenerator.printed()
        var items = 0
        for _ in 0..<100_000 {
            var bytes = random.bytes(Int.random(in: 0...12, using: &random))
            if Bool.random(using: &random), let last = bytes.indices.last { bytes[0] = 0xc0 + UInt8(last) }
            guard let item = try? RLP.decode(bytes) else { continue }
            items += 1
            #expect(RLP.encode(item) == bytes)
        }
        #expect(items > 1_000)
    }

    @Test("random items survive")
    func roundTrip() throws {
        var random = SeededGenerator.printed()
        func item(_ depth: Int) -> RLPItem {
            if depth < 4, Bool.random(using: &random) {
                return .list((0..<Int.random(in: 0...5, using: &random)).map { _ in item(depth + 1) })
            }
            return .bytes(random.bytes(Int.random(in: 0...300, using: &random)))
        }
        for _ in 0..<1_000 {
            let item = item(0)
            #expect(try RLP.decode(RLP.encode(item)) == item)
        }
    }
}
