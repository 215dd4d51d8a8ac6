import TestSupport
import Testing

@testable import Dispatchers

@Suite struct SSEParserTests {
    static func events(_ data: String...) -> [ServerSentEvent] {
        data.map { ServerSentEvent(data: Array($0.utf8)) }
    }

    /// Streams and the events in them.
    static let cases: [(String, [ServerSentEvent])] = [
        ("data: a\n\n", events("a")), ("data:a\r\rdata: b\r\r", events("a", "b")),
        ("data: a\r\n\r\ndata: b\r\n\r\n", events("a", "b")), ("\u{feff}data: a\n\n", events("a")),
        ("data: a\ndata: b\ndata:\n\n", events("a\nb\n")), ("data:  two spaces\n\n", events(" two spaces")),
        (": comment\n\n:\n\ndata: a\n\n", events("a")), ("data: a\n\ndata: lost", events("a")),
        ("data: a\n\ndata: lost\n", events("a")), ("event: x\n\n", []), ("\n\n\n", []), ("", []),
        ("data\n\n", events("")), ("data: {\"x\":\"é東👩‍👩‍👧‍👦\"}\n\n", events("{\"x\":\"é東👩‍👩‍👧‍👦\"}")),
        ("retry: 100\ndata: a\nunknown: x\nunknown\n\n", events("a")), ("data: a:b: c\n\n", events("a:b: c")),
        (" data: a\n\ndata : b\n\n", []),
        (
            "event: ping\nid: 7\ndata: a\n\ndata: b\n\nid: x\u{0}y\ndata: c\n\nid\ndata: d\n\n",
            [
                ServerSentEvent(type: "ping", data: Array("a".utf8), lastID: Array("7".utf8)),
                ServerSentEvent(data: Array("b".utf8), lastID: Array("7".utf8)),
                ServerSentEvent(data: Array("c".utf8), lastID: Array("7".utf8)),
                ServerSentEvent(data: Array("d".utf8)),
            ]
        ),
    ]

    @Test("streams are read the same whole, cut at every byte, and byte by byte", arguments: cases)
    func splits(text: String, expected: [ServerSentEvent]) throws {
        let bytes = Array(text.utf8)
        var parser = SSEParser()
        #expect(try parser.read(bytes) == expected)
        for cut in 0...bytes.count {
            var parser = SSEParser()
            let events = try parser.read(bytes[..<cut]) + parser.read(bytes[cut...])
            #expect(events == expected, "cut at \(cut)")
        }
        var slow = SSEParser()
        #expect(try bytes.flatMap { try slow.read([$0]) } == expected)
    }

    @Test("only a whole byte order mark at the very beginning is one")
    func mark() throws {
        var parser = SSEParser()
        #expect(try parser.read([0xef, 0xbb] + Array("data: a\n\n".utf8)).isEmpty, "the field's name is broken")
        var second = SSEParser()
        #expect(try second.read(Array("data: a\n\n\u{feff}data: b\n\n".utf8)).count == 1)
    }

    @Test("an event longer than the limit ends the reading", arguments: ["data: ", "", ":", "data: x\ndata: "])
    func limit(start: String) {
        var parser = SSEParser()
        #expect(throws: SSEParser.Problem.eventTooLarge) {
            _ = try parser.read(Array(start.utf8))
            for _ in 0..<(SSEParser.eventMaximum / 64 + 1) { _ = try parser.read([UInt8](repeating: 0x78, count: 64)) }
        }
    }

    @Test("random bytes never trap")
    func hostile() {
        var random = SeededGenerator.announced()
        let alphabet = Array("data: \n\r\u{0}:idevnt".utf8) + [0xef, 0xbb, 0xbf, 0xff]
        for _ in 0..<500 {
            var parser = SSEParser()
            for _ in 0..<20 {
                let piece = (0..<Int.random(in: 0..<9, using: &random)).map { _ in
                    alphabet.randomElement(using: &random)!
                }
                _ = try? parser.read(piece)
            }
        }
    }
}
