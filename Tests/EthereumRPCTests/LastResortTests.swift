import Domain
import HTTPClient
import TestSupport
import Testing

@testable import EthereumRPC

/// What becomes of errors that nobody knows, and of searches that take long.
@Suite(.timeLimit(.minutes(2))) struct LastResortTests {
    @Test(
        "an unknown error is asked of the next endpoint and counted, and is never an empty answer",
        arguments: [true, false])
    func unknownError(whole: Bool) async throws {
        let clock = StoppedClock()
        let good = ChainText.node(logs: [7])
        let bad: ScriptedNode.Script = { host, method, parameters in
            method == "eth_getLogs" ? .error(-31_999, "das war nichts") : good(host, method, parameters)
        }
        let node = ScriptedNode { host, method, parameters in
            (host == "one.example" ? bad : good)(host, method, parameters)
        }
        let pool = try pool(node, TrapTests.two, clock: clock)
        func ask() async throws -> BlockLogs {
            try await whole
                ? pool.blockWithLogs(range: 7...7, addresses: [ChainText.contract])
                : pool.blockWithLogs(beginningOf: 7...7, addresses: [ChainText.contract])
        }
        let found = try await ask()
        #expect(found.logs.count == 1 && found.node == 1)
        let status = pool.status()[0]
        #expect(status.lastError == .unknown(code: -31_999, message: "das war nichts"))
        #expect(status.errorRate > 0 && !status.isAvailable)
        // Where everybody says so it is said, however often.
        node.play(bad)
        for _ in 0..<5 {
            clock.move(by: .seconds(60))
            await #expect(throws: RPCError.unknown(code: -31_999, message: "das war nichts")) { try await ask() }
        }
        await #expect(throws: RPCError.self) {
            try await pool.logs(blockHash: hash(7), addresses: [ChainText.contract])
        }
    }

    @Test("the logs of the tip are asked of a second endpoint when the first is slow, those of history are not")
    func hedgedLogs() async throws {
        let clock = StoppedClock()
        let node = ScriptedNode(ChainText.node(logs: [7]))
        let pool = try pool(node, TrapTests.two, clock: clock)
        let hold = node.hold("one.example")
        let tip = Task { try await pool.blockWithLogs(range: 6...7, addresses: [ChainText.contract]) }
        try await within(.seconds(60)) {
            try await hold.arrived.wait()
            try await clock.sleeping.wait()
        }
        clock.move(by: .milliseconds(500))
        let found = try await within(.seconds(60)) { try await tip.value }
        #expect(found.node == 1 && found.logs.count == 1)
        #expect(pool.status()[0].lastError == nil)
        // History waits: a second search would cost the nodes as much again.
        let second = node.hold("two.example")
        let history = Task { try await pool.blockWithLogs(beginningOf: 6...7, addresses: [ChainText.contract]) }
        try await within(.seconds(60)) { try await second.arrived.wait() }
        let asked = node.asked.count
        clock.move(by: .seconds(5))
        second.opened.fire()
        _ = try await within(.seconds(60)) { try await history.value }
        #expect(node.asked.count == asked)
    }
}
