import Domain
import Ethereum
import Foundation
import TestSupport
import Testing

@Suite("Hostile logs")
struct HostileLogTests {
    @Test("random data under every topic 0 is an event or refused")
    func randomLogs() throws {
        var random = SeededGenerator.printed()
        var decoded = 0
        for round in 0..<120_000 {
            let layout = EventLayouts.all[round % EventLayouts.all.count]
            var topics = [layout.topic0]
            for _ in 0..<Int.random(in: 0...3, using: &random) { topics.append(random.word()) }
            let count = Int.random(in: 0...14, using: &random)
            var data = (0..<count).flatMap { _ in random.word().bytes }
            if round % 16 == 0 { data.removeLast(min(data.count, Int.random(in: 0...40, using: &random))) }
            guard let log = Topics(topics).map({ log(topics: $0, data: data) }) else { continue }
            guard case .event(let found, let values) = EventDecoder.decode(log) else { continue }
            decoded += 1
            #expect(found === layout)
            #expect(values.count == layout.parameters.count)
        }
        #expect(decoded > 1_000)
    }

    @Test("published logs with one changed byte are events or refused")
    func mutations() throws {
        var random = SeededGenerator.printed()
        let logs = try EventDecoderVectorTests.vectors.filter { $0.expect == "ok" }.map { try $0.log.log(on: 1) }
        for round in 0..<20_000 {
            var log = logs[round % logs.count]
            if let index = log.data.indices.randomElement(using: &random) {
                log.data[index] = UInt8.random(in: .min ... .max, using: &random)
            }
            _ = EventDecoder.decode(log)
        }
    }

    @Test("one large log takes time in proportion to its size")
    func large() throws {
        // 4 MiB of text, which all four strings of a feedback share.
        let layout = try #require(EventLayouts.layouts(of: .newFeedback).first)
        let text = [UInt8](repeating: UInt8(ascii: "a"), count: 1 << 22)
        let tail = UInt256(8 * 32).word
        let head = [UInt256(1).word, .zero, .zero, tail, tail, tail, tail, .zero, UInt256(UInt64(text.count)).word]
        let topics = try #require(Topics([layout.topic0, .zero, .zero, .zero]))
        let log = log(topics: topics, data: head.flatMap(\.bytes) + text)
        let elapsed = ContinuousClock().measure {
            guard case .event = EventDecoder.decode(log) else {
                Issue.record("a large log was refused")
                return
            }
        }
        #expect(elapsed < .seconds(10))
    }

    @Test("U+0000 is text like any other")
    func nul() throws {
        let layout = try #require(EventLayouts.layouts(of: .uriUpdated).first)
        let text = try #require(Hash(bytes: [0x61, 0, 0x62] + [UInt8](repeating: 0, count: 29)))
        let log = log(
            topics: try #require(Topics([layout.topic0, .zero, .zero])),
            data: [UInt256(32).word, UInt256(3).word, text].flatMap(\.bytes))
        let chain = try #require(ChainID(rawValue: 1))
        let event = try #require(
            Event(
                decoding: log, chainID: chain, registry: .identity, timestamp: 0,
                transactionFrom: nil))
        #expect(event.value(of: .agentURI) == .text(Text("a\u{0}b")))
    }

    @Test(
        "answers any line with one line of JSON",
        arguments: [
            "", "{}", "[]", "null", "1", "\"x\"", "{\"topics\":null}", "{\"topics\":[]}", "{\"topics\":[1]}",
            "{\"topics\":{}}",
            "{\"topics\":[\"0x\"]}", "{\"topics\":[null],\"data\":\"0x\"}", "{\"topics\":\"0x\",\"data\":\"0x\"}",
            "\u{0}",
            "{\"topics\":[\"0x2c149ed548c6d2993cd73efe187df6eccabe4538091b33adbd25fafdb8a1468b\"],\"data\":null}",
            "{\"topics\":[\"0x2c149ed548c6d2993cd73efe187df6eccabe4538091b33adbd25fafdb8a1468b\"]}",
            "{\"topics\":[\"\\ud800\"]}",
            String(repeating: "[", count: 100_000), String(repeating: "{\"a\":", count: 10_000), "{\"topics\":[",
            "\u{feff}{}",
        ])
    func anyLine(_ text: String) throws {
        let line = LogLine.decode(json: Array(text.utf8))
        let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        #expect(object["error"] is String)
        #expect(object.count == 1)
    }

    @Test("more topics than a log can have are counted, not lost")
    func fiveTopics() throws {
        let layout = try #require(EventLayouts.layouts(of: .transfer).first)
        func line(_ first: Hash) -> String {
            let topics = ([first] + [Hash](repeating: .zero, count: 4)).map { "\"\($0)\"" }.joined(separator: ",")
            return LogLine.decode(json: Array("{\"topics\":[\(topics)],\"data\":\"0x\"}".utf8))
        }
        #expect(line(layout.topic0) == "{\"error\":\"topic count 5, expected 4\"}")
        #expect(line(.zero) == "{\"unknown\":\"\(Hash.zero)\"}")
    }

    @Test("reads an array, an answer of a node, or a log a line")
    func documents() {
        let log = "{\"topics\":[\"\(Hash.zero)\"],\"data\":\"0x\"}"
        let line = "{\"unknown\":\"\(Hash.zero)\"}"
        let error = "{\"error\":\"not JSON\"}"
        func lines(_ text: String) -> [String] { LogLine.decodeAll(json: Array(text.utf8)) }
        #expect(lines("[\(log),\n\(log)]") == [line, line])
        #expect(lines("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":[\(log)]}") == [line])
        #expect(lines(log) == [line])
        #expect(
            lines("\(log)\n\n  \r\n\(log)\n{broken\n[\(log),1]\n") == [
                line, line, error, line, "{\"error\":\"not a JSON object\"}",
            ])
        #expect(lines("[]") == [])
        #expect(lines("") == [])
    }

    @Test("text of a stranger cannot act on a terminal")
    func escapes() throws {
        let layout = try #require(EventLayouts.layouts(of: .uriUpdated).first)
        let text = "\u{1b}[2J\u{202e}\"\\\u{7f}\u{9b}\n\u{2066}é"
        let content = Array(text.utf8) + [UInt8](repeating: 0, count: 32 - text.utf8.count % 32)
        let data = [UInt256(32).word, UInt256(UInt64(text.utf8.count)).word].flatMap(\.bytes) + content
        let topics = [layout.topic0, .zero, .zero].map { "\"\($0)\"" }.joined(separator: ",")
        let line = LogLine.decode(json: Array("{\"topics\":[\(topics)],\"data\":\"\(Hex.encode(data))\"}".utf8))
        let controls: Set<UInt32> = [0x1b, 0x202e, 0x7f, 0x9b, 0x0a, 0x2066]
        #expect(!line.unicodeScalars.contains { controls.contains($0.value) })
        let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        let parameters = try #require(object["params"] as? [String: Any])
        #expect(parameters["new_uri"] as? String == text)
    }

    private func log(topics: Topics, data: [UInt8]) -> Log {
        Log(
            address: .zero, topics: topics, data: data, blockNumber: 1, blockHash: .zero, transactionHash: .zero,
            transactionIndex: 0, logIndex: 0)
    }
}

extension SeededGenerator {
    /// A word that may well be an offset, a length, a small number or an address; now and then anything.
    fileprivate mutating func word() -> Hash {
        switch Int.random(in: 0..<8, using: &self) {
        case 0: Hash(bytes: bytes(32)) ?? .zero
        case 1: UInt256.max.word
        case 2, 3: UInt256(UInt64.random(in: 0...3, using: &self)).word
        default: UInt256(32 * UInt64.random(in: 0...14, using: &self)).word
        }
    }
}
