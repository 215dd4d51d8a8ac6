import Domain
import Ethereum
import Foundation
import Testing

@testable import EthereumRPC

/// A log as a node writes it, with any member replaced; nil leaves it out.
func logText(_ changes: [String: String?] = [:]) -> String {
    var members: [(String, String)] = [
        ("address", #""0x8004A169FB4a3325136EB29fA0ceB6D2e539a432""#),
        ("topics", #"["0x\#(String(repeating: "ab", count: 32))","0x\#(String(repeating: "00", count: 31))07"]"#),
        ("data", #""0x00ff10""#), ("blockNumber", #""0x10""#), ("blockHash", #""\#(hash(16))""#),
        ("transactionHash", #""\#(hash(99))""#), ("transactionIndex", #""0x2""#), ("logIndex", #""0x5""#),
        ("removed", "false"), ("blockTimestamp", #""0x65""#),
    ]
    members = members.compactMap { name, value in
        guard let change = changes[name] else { return (name, value) }
        return change.map { (name, $0) }
    }
    for (name, value) in changes where !members.contains(where: { $0.0 == name }) {
        if let value { members.append((name, value)) }
    }
    return "{\(members.map { "\"\($0)\":\($1)" }.joined(separator: ","))}"
}

/// A hash that only `number` has.
func hash(_ number: UInt64) -> Hash { Hash(words: (1, 2, 3, number)) }

func answer(_ logs: String...) -> [UInt8] {
    Array(#"{"jsonrpc":"2.0","id":1,"result":[\#(logs.joined(separator: ","))]}"#.utf8)
}

@Suite struct LogReadingTests {
    @Test("decodes every member")
    func decodes() throws {
        let read = try LogAnswer(body: answer(logText()))
        #expect(read.malformed == [])
        let log = try #require(read.logs.first)
        #expect(
            log.address.bytes == [
                0x80, 0x04, 0xa1, 0x69, 0xfb, 0x4a, 0x33, 0x25, 0x13, 0x6e, 0xb2, 0x9f, 0xa0, 0xce, 0xb6, 0xd2, 0xe5,
                0x39, 0xa4, 0x32,
            ])
        #expect(log.topics.count == 2)
        #expect(log.topics[0].bytes == [UInt8](repeating: 0xab, count: 32))
        #expect(log.topics[1] == Hash(words: (0, 0, 0, 7)))
        #expect(log.data == [0, 0xff, 0x10])
        #expect(log.blockNumber == 16)
        #expect(log.blockHash == hash(16))
        #expect(log.transactionHash == hash(99))
        #expect(log.transactionIndex == 2)
        #expect(log.logIndex == 5)
    }

    @Test("takes all that the interface allows", arguments: Self.allowed)
    func allows(changes: [String: String?]) throws {
        let read = try LogAnswer(body: answer(logText(), logText(changes), logText()))
        #expect(read.logs.count == 3, "\(read.malformed)")
    }

    static let allowed: [[String: String?]] = [
        ["topics": "[]"], ["topics": #"["\#(hash(1))","\#(hash(1))","\#(hash(1))","\#(hash(1))"]"#], ["data": #""0x""#],
        ["removed": nil], ["extra": #"{"deep":[{"a":[1,2,{"topics":["x"]}]}]}"#], ["extra": "null"],
        ["extra": #""\u0000\n\"}]""#], ["blockNumber": #""0x0""#], ["blockNumber": #""0x7fffffffffffffff""#],
        ["blockNumber": #""0x0000000000000000000000000000000000000010""#], ["logIndex": #""0xffffffff""#],
        ["address": #""0X""#.replacingOccurrences(of: "0X", with: "0x" + String(repeating: "F", count: 40))],
        ["data": #""0x\#(String(repeating: "5a", count: 100_000))""#],
    ]

    @Test("reports each malformed log by itself, with its text, and keeps its neighbours", arguments: Self.malformed)
    func reportsMalformed(changes: [String: String?], reason: String) throws {
        let bad = logText(changes)
        let read = try LogAnswer(body: answer(logText(), bad, logText()))
        #expect(read.logs.count == 2)
        let found = try #require(read.malformed.first)
        #expect(read.malformed.count == 1)
        #expect(found.position == 1)
        #expect(found.text == bad)
        #expect(found.reason.contains(reason), "\(found.reason)")
    }

    static let malformed: [([String: String?], String)] = [
        (["address": nil], "address"), (["address": "null"], "address"), (["address": #""0x12""#], "address"),
        (["address": #""8004A169FB4a3325136EB29fA0ceB6D2e539a43200""#], "address"), (["address": "{}"], "address"),
        (["address": #""0xg004A169FB4a3325136EB29fA0ceB6D2e539a432""#], "address"),
        (["address": #""0x8004A169FB4a3325136EB29fA0ceB6D2e539a4\u0033""#], "address"),
        (["topics": nil], "topics"), (["topics": "null"], "topics"), (["topics": #""0x""#], "topics"),
        (["topics": #"["0x12"]"#], "topics"), (["topics": "[null]"], "topics"), (["topics": "[[]]"], "topics"),
        (["topics": #"["\#(hash(1))00"]"#], "topics"), (["topics": "{}"], "topics"), (["topics": "[1]"], "topics"),
        (["topics": "[\(Array(repeating: "\"\(hash(1))\"", count: 5).joined(separator: ","))]"], "topics"),
        (["data": nil], "data"), (["data": #""0x1""#], "data"), (["data": #""0xzz""#], "data"),
        (["data": #""""#], "data"),
        (["data": "7"], "data"), (["data": #""ff""#], "data"), (["data": #""0x 00""#], "data"),
        (["data": #""0x\#(String(repeating: "0", count: 63))g""#], "data"),
        (["data": #""0x\#(String(repeating: "0", count: 16))é00""#], "data"),
        (["blockNumber": "null"], "blockNumber"), (["blockNumber": "16"], "blockNumber"),
        (["blockNumber": #""0x""#], "blockNumber"), (["blockNumber": #""0x8000000000000000""#], "blockNumber"),
        (["blockNumber": #""0x\#(String(repeating: "f", count: 64))""#], "blockNumber"),
        (["blockNumber": #""0x\#(String(repeating: "0", count: 65))""#], "blockNumber"),
        (["blockNumber": #""-0x1""#], "blockNumber"), (["blockNumber": #""0x-1""#], "blockNumber"),
        (["blockHash": "null"], "blockHash"), (["blockHash": #""0x00""#], "blockHash"),
        (["transactionHash": "null"], "transactionHash"), (["transactionIndex": "null"], "transactionIndex"),
        (["transactionIndex": #""0x100000000""#], "transactionIndex"), (["logIndex": "null"], "logIndex"),
        (["logIndex": #""0x100000000""#], "logIndex"), (["logIndex": "1e400"], "logIndex"),
        (["data\":\"0x\",\"data": #""0x""#], "twice"),
    ]

    @Test(
        "reports what is no object",
        arguments: ["null", "1", #""log""#, "[]", "true", "[[{}]]", "{}", #"{"a":{"b":{}}}"#])
    func notObjects(text: String) throws {
        let read = try LogAnswer(body: answer(logText(), text, logText()))
        #expect(read.logs.count == 2)
        #expect(read.malformed.map(\.text) == [text])
        #expect(read.malformed.map(\.position) == [1])
    }

    @Test("keeps at most 64 KiB of a malformed log's text")
    func longText() throws {
        let read = try LogAnswer(body: answer(logText(["data": #""0x\#(String(repeating: "0", count: 200_001))""#])))
        #expect(read.malformed.first?.text.utf8.count == 64 << 10)
    }

    @Test("refuses an answer with a removed log")
    func removed() {
        #expect(throws: RPCError.inconsistent("a removed log in a search")) {
            try LogAnswer(body: answer(logText(["removed": "true"])))
        }
    }

    @Test("refuses what is no reply", arguments: Self.noReplies)
    func noReply(text: String) {
        #expect(throws: RPCError.self, "\(text.prefix(100))") { try LogAnswer(body: Array(text.utf8)) }
    }

    static let noReplies: [String] = [
        "", " ", "null", "1", #""x""#, "[]", "{}", "[1]", "[[]]", "{", "[", "}", #"{"result":[}"#, #"{"result":[{]}"#,
        #"{"result":[{}}"#, #"{"result":[],"result":[]}"#, #"{"id":1}"#, #"{"result":null}"#, #"{"result":{}}"#,
        #"{"result":[]} trailing"#, #"{"result":[]}{"result":[]}"#, #"{"result":[],}"#, #"{"result":[{},]}"#,
        #"{"result":[{"data":}]}"#, #"{"result":[{"data" "0x"}]}"#, #"{"result":[{"data":"0x]}"#, "<html></html>",
        #"{"error":{"code":-32000,"message":"x"}}"#, #"{"error":"x"}"#, #"{"error":1}"#, #"{"error":[]}"#,
        #"{"result":[],"error":{"code":1,"message":"x"}}"#, "\u{feff}",
        String(repeating: "[", count: 100_000), String(repeating: #"{"a":"#, count: 100_000),
        #"{"result":"# + String(repeating: "[", count: 100_000),
    ]

    @Test("a null beside the other member is no second answer")
    func nulls() throws {
        #expect(try LogAnswer(body: Array(#"{"error":null,"result":[]}"#.utf8)).logs == [])
        #expect(try LogAnswer(body: Array(#"{"result":[],"error":null,"id":null}"#.utf8)).logs == [])
        for text in [#"{"result":null,"error":{"code":4444,"message":""}}"#, #"{"error":{"code":4444},"result":null}"#]
        {
            #expect(throws: RPCError.pruned) { try LogAnswer(body: Array(text.utf8)) }
        }
    }

    @Test(
        "refuses bytes that are not UTF-8",
        arguments: [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80]])
    func invalidUTF8(bytes: [UInt8]) {
        let body = Array(#"{"result":[],"x":""#.utf8) + bytes + Array(#""}"#.utf8)
        #expect(throws: RPCError.malformed("not JSON")) { try LogAnswer(body: body) }
    }

    @Test("survives an answer that ends at any byte")
    func truncation() throws {
        let whole = answer(logText(), logText(["data": #""0x1""#]))
        for count in 0..<whole.count {
            #expect(throws: RPCError.self) { try LogAnswer(body: Array(whole.prefix(count))) }
        }
        #expect(try LogAnswer(body: whole).logs.count == 1)
    }

    @Test("survives any change of bytes, and never loses a log without a word")
    func mutation() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("seed \(seed)")
        var random = SplitMix(seed: seed)
        let whole = answer(logText(), logText(["topics": "[]"]), logText(["data": #""0x""#]))
        var readable = 0
        for _ in 0..<5_000 {
            var body = whole
            for _ in 0...Int.random(in: 0..<4, using: &random) {
                let index = Int.random(in: 0..<body.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: body[index] = UInt8.random(in: 0...255, using: &random)
                case 1: body.remove(at: index)
                case 2: body.insert(Array("{}[]\",:0".utf8).randomElement(using: &random) ?? 0, at: index)
                default: body[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                }
            }
            guard let read = try? LogAnswer(body: body) else { continue }
            readable += 1
            // Another parser says how many there were, if it can read the answer at all.
            guard let other = try? JSONSerialization.jsonObject(with: Data(body)) as? [String: Any],
                let logs = other["result"] as? [Any]
            else { continue }
            #expect(read.logs.count + read.malformed.count == logs.count)
        }
        #expect(readable > 0)
    }
}

/// A small generator with a seed, for tests that print it.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value >> 31)
    }
}
