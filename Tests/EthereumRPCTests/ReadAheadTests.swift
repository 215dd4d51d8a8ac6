import CSimdJSON
import Domain
import Ethereum
import Foundation
import Testing

@testable import EthereumRPC

/// Logs that are written alike are read ahead of the parser; a blank before the array prevents that.
@Suite("Logs read ahead of the parser")
struct ReadAheadTests {
    /// What `body` is read as, the error's class in place of logs.
    private func outcome(_ body: String) -> (logs: [Log], malformed: [MalformedLog], error: String?) {
        do throws(RPCError) {
            let answer = try LogAnswer(body: Array(body.utf8))
            return (answer.logs, answer.malformed, nil)
        } catch { return ([], [], error.errorClass) }
    }

    private func expectSame(_ body: String, count: Int? = nil) {
        let ahead = outcome(body)
        let parsed = outcome(body.replacing("\"result\":[", with: "\"result\": ["))
        #expect(ahead.logs == parsed.logs, "\(body.prefix(300))")
        #expect(ahead.malformed == parsed.malformed)
        #expect(ahead.error == parsed.error)
        if let count { #expect(ahead.logs.count == count, "\(body.prefix(300))") }
    }

    private func reply(_ logs: [String], then end: String = "]") -> String {
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":[\(logs.joined(separator: ","))\(end)}"
    }

    @Test("one log that is unlike the others changes nothing", arguments: LogReadingTests.allowed)
    func allowed(_ changes: [String: String?]) {
        for place in 0...3 {
            var logs = [String](repeating: logText(), count: 3)
            logs.insert(logText(changes), at: place)
            expectSame(reply(logs), count: 4)
        }
        expectSame(reply([String](repeating: logText(changes), count: 3)), count: 3)
    }

    @Test("a malformed log is reported with its place and its text", arguments: LogReadingTests.malformed)
    func malformed(_ changes: [String: String?], _: String) {
        for place in 0...3 {
            var logs = [String](repeating: logText(), count: 3)
            logs.insert(logText(changes), at: place)
            expectSame(reply(logs), count: 3)
            #expect(outcome(reply(logs)).malformed.map(\.position) == [place])
        }
    }

    @Test("what is no JSON, or another document, is refused as it was")
    func broken() {
        let log = logText()
        for end in [
            "", ",]", "]]", "],\"result\":[]", "],\"error\":{\"code\":1}", ",{}]", ",7]", ",{]", "]x", "] ", ",\"",
            "\u{0}]",
        ] {
            expectSame(reply([log, log], then: end))
        }
        // Cut anywhere.
        let whole = reply([log, log])
        for count in stride(from: 0, to: whole.utf8.count, by: 7) { expectSame(String(whole.prefix(count))) }
        // One character replaced, anywhere in the second log.
        for offset in stride(from: whole.utf8.count - log.utf8.count - 2, to: whole.utf8.count, by: 3) {
            for character in ["\"", "}", "g", " ", "\\", "]", ",", "é", "\u{1}"] {
                let index = whole.index(whole.startIndex, offsetBy: offset)
                expectSame(whole.replacingCharacters(in: index...index, with: character))
            }
        }
    }

    @Test("an array that only looks like a result is not taken for one")
    func elsewhere() {
        let log = logText()
        let text = "\"result\":[\(log)]"
        expectSame("{\"jsonrpc\":\"2.0\",\"x\":{\(text)},\"id\":1,\"result\":[]}", count: 0)
        expectSame("{\"jsonrpc\":\"2.0\",\"x\":{\(text)},\"id\":1,\(text)}", count: 1)
        expectSame("{\"jsonrpc\":\"2.0\",\"id\":1,\(text),\(text)}", count: 0)
        expectSame("[{\"jsonrpc\":\"2.0\",\"id\":1,\(text)}]", count: 1)
        expectSame("{\"id\":1,\"x\":\"\(text.replacing("\"", with: "\\\""))\",\"result\":[\(log),\(log)]}", count: 2)
    }

    @Test("a batch keeps the logs of each reply apart")
    func batch() throws {
        let one = reply([logText(["logIndex": #""0x1""#]), logText()])
        let two = reply([logText(["logIndex": #""0x2""#])])
        let spaced = two.replacing("\"result\":[", with: "\"result\": [")
        for (bodies, expected) in [
            ([one, two], [[1, 5], [2]]), ([spaced, one], [[2], [1, 5]]), ([two, spaced], [[2], [2]]),
        ] {
            let second = bodies[1].replacing("\"id\":1", with: "\"id\":2")
            let found = try JSONReader.read(Array("[\(bodies[0]),\(second)]".utf8), decodingLogs: true) {
                reader, replies, found throws(RPCError) in
                let answers = try Answers(
                    reader: reader, replies: replies, found: found, node: 0, calls: [.anyLogs, .anyLogs], firstID: 1,
                    status: 200)
                return [try answers.logs(0).logs, try answers.logs(1).logs].map { $0.map { Int($0.logIndex) } }
            }
            #expect(found == expected)
        }
    }
}
