import Domain
import HTTPClient
import Synchronization
import TestSupport
import Testing

@testable import EthereumRPC

@Suite("heads over WebSockets")
struct HeadSocketsTests {
    static let chainID: ChainID = ChainID(rawValue: 1)!

    final class Heard: Sendable {
        private let numbers = Mutex<[Int64]>([])
        let signal = Signal()
        var all: [Int64] { numbers.withLock { $0 } }
        func note(_ number: BlockNumber) {
            numbers.withLock { $0.append(number.rawValue) }
            signal.fire()
        }
    }

    static func sockets(
        _ transport: ScriptedSockets, urls: [String] = ["wss://one.example/key", "https://no.example"]
    ) throws -> HeadSockets {
        try #require(
            HeadSockets(
                chainID: chainID, urls: urls, transport: transport, pauses: (.milliseconds(1), .milliseconds(4))))
    }

    /// Runs the sockets until `body` returns.
    static func running(
        _ sockets: HeadSockets, _ heard: Heard = Heard(), _ body: @escaping @Sendable (Heard) async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await sockets.run { heard.note($0) } }
            group.addTask { try await within(.seconds(30)) { try await body(heard) } }
            try await group.next()
            group.cancelAll()
        }
    }

    @Test("asks for the chain and for heads, and hands on their numbers")
    func heads() async throws {
        let transport = ScriptedSockets { _, speak in
            try await speak(ScriptedSockets.chain)
            try await speak(ScriptedSockets.subscribed)
            try await speak(ScriptedSockets.head(7))
            try await speak(ScriptedSockets.head(9, more: #","removed":true"#))
            try await ScriptedSockets.forever()
        }
        let sockets = try Self.sockets(transport)
        try await Self.running(sockets) { heard in
            try await heard.signal.wait(times: 2)
            #expect(heard.all == [7, 9])
            let status = try #require(sockets.status().first)
            #expect(status.isConnected && status.head == 9 && status.endpoint == "one.example")
        }
        #expect(sockets.status().map(\.isConnected) == [false])
        let request = try #require(transport.asked.first)
        #expect(request.url == "wss://one.example/key")
        #expect(request.greeting.count == 2 && request.maximumMessageBytes == 64 << 10)
        #expect(request.greeting[0].contains("eth_chainId"))
        #expect(request.greeting[1].contains(#""eth_subscribe","params":["newHeads"]"#))
    }

    @Test("there is nothing to listen to without a WebSocket URL")
    func none() {
        let transport = ScriptedSockets { _, _ in }
        #expect(
            HeadSockets(chainID: Self.chainID, urls: ["https://a", "http://b", "ftp://c"], transport: transport) == nil)
    }

    @Test(
        "a socket that is of no use is closed, and the next one is tried",
        arguments: [
            ([#"{"id":1,"result":"0x2"}"#, ScriptedSockets.head(5)], .wrongChain),
            ([#"{"id":1,"error":{"code":-32601,"message":"no"}}"#], .wrongChain),
            ([ScriptedSockets.chain, #"{"id":2,"error":{"code":-32601,"message":"no"}}"#], .refused),
            ([ScriptedSockets.chain, #"{"id":2,"result":null}"#], .refused), (["<html>"], .malformed),
            ([""], .malformed), ([], .transport(.receive)),
        ] as [([String], SocketFailure)])
    func failures(messages: [String], failure: SocketFailure) async throws {
        let transport = ScriptedSockets { opening, speak in
            guard opening > 1 else {
                for message in messages { try await speak(message) }
                return
            }
            try await speak(ScriptedSockets.chain)
            try await speak(ScriptedSockets.subscribed)
            try await speak(ScriptedSockets.head(6))
            try await ScriptedSockets.forever()
        }
        let sockets = try Self.sockets(transport, urls: ["wss://one.example", "ws://two.example"])
        try await Self.running(sockets) { heard in
            try await heard.signal.wait()
            #expect(heard.all == [6])
            #expect(sockets.status().map(\.lastFailure) == [failure, nil])
            #expect(sockets.status().map(\.isConnected) == [false, true])
        }
        #expect(transport.asked.map(\.url) == ["wss://one.example", "ws://two.example"])
    }

    @Test("a socket that speaks without end is closed")
    func flood() async throws {
        let transport = ScriptedSockets { _, speak in
            try await speak(ScriptedSockets.chain)
            while true { try await speak(ScriptedSockets.head(5)) }
        }
        let sockets = try Self.sockets(transport)
        try await Self.running(sockets) { heard in
            try await transport.opened.wait(times: 2)
            #expect(sockets.status().first?.lastFailure == .flood)
        }
    }

    @Test("a probe says whether a socket is of use")
    func probe() async throws {
        let works = ScriptedSockets { _, speak in
            try await speak(ScriptedSockets.chain)
            try await speak(ScriptedSockets.subscribed)
            try await ScriptedSockets.forever()
        }
        #expect(try await Self.sockets(works).probe(0) == nil)
        let other = ScriptedSockets { _, speak in try await speak(#"{"id":1,"result":"0x2"}"#) }
        #expect(try await Self.sockets(other).probe(0) == .wrongChain)
        let mute = ScriptedSockets { _, speak in try await speak(ScriptedSockets.chain) }
        #expect(try await Self.sockets(mute).probe(0) == .transport(.receive))
    }

    @Test("what is said beside heads is passed over, and heads before the chain is known are too")
    func chatter() async throws {
        let transport = ScriptedSockets { _, speak in
            try await speak(ScriptedSockets.head(1))
            try await speak(ScriptedSockets.subscribed)
            try await speak(ScriptedSockets.head(2))
            try await speak(ScriptedSockets.chain)
            for text in [
                "[]", "null", "7", #"{"method":"eth_subscription"}"#,
                #"{"method":"eth_subscription","params":{"result":{"number":"7"}}}"#,
                #"{"method":"eth_subscription","params":{"result":{"number":"0x"}}}"#,
                #"{"method":"eth_subscription","params":{"result":{"number":"0x+5"}}}"#,
                #"{"method":"eth_subscription","params":{"result":{"number":"0xffffffffffffffff"}}}"#,
                #"{"method":"eth_subscription","params":{"result":{"number":"0x10000000000000000"}}}"#,
                #"{"method":"eth_subscription","params":{"result":{"number":7}}}"#,
            ] { try await speak(text) }
            try await speak(ScriptedSockets.head(3))
            try await ScriptedSockets.forever()
        }
        try await Self.running(try Self.sockets(transport)) { heard in
            try await heard.signal.wait()
            #expect(heard.all == [3])
        }
    }

    @Test("user information becomes a header, and neither it nor the path is shown")
    func secrets() async throws {
        let transport = ScriptedSockets { _, _ in }
        let sockets = try Self.sockets(transport, urls: ["wss://user:pass@one.example/secret-key"])
        try await Self.running(sockets) { _ in try await transport.opened.wait(times: 2) }
        #expect(transport.asked.first?.url == "wss://one.example/secret-key")
        #expect(transport.asked.first?.headers["Authorization"] == "Basic dXNlcjpwYXNz")
        #expect(!"\(sockets.status())".contains("secret") && !"\(sockets.status())".contains("pass"))
    }

    @Test("a socket that fell silent while polling shows blocks is closed and opened again")
    func silent() async throws {
        let clock = HurriedClock()
        let transport = ScriptedSockets { opening, speak in
            try await speak(ScriptedSockets.chain)
            try await speak(ScriptedSockets.subscribed)
            try await speak(ScriptedSockets.head(opening))
            try await ScriptedSockets.forever()
        }
        let sockets = try #require(
            HeadSockets(
                chainID: Self.chainID, urls: ["ws://a"], transport: transport, clock: clock,
                pauses: (.seconds(1), .seconds(2))))
        try await Self.running(sockets) { heard in
            try await heard.signal.wait()
            // Polls go on until the socket is given up.
            var head: Int64 = 10
            while transport.opened.count < 2 {
                head += 1
                sockets.polled(BlockNumber(rawValue: head) ?? 0)
                try await clock.sleep(for: .seconds(1))
            }
            try await heard.signal.wait(times: 2)
            #expect(sockets.status().first?.lastFailure == .silent)
        }
    }
}

@Suite("a socket's silence")
struct SilenceWatchTests {
    @Test("takes a few blocks and some time")
    func patience() {
        var watch = SilenceWatch(at: .zero)
        var verdicts = ([(100, 1), (105, 9), (105, 10)] as [(BlockNumber, Int)]).map {
            watch.polled($0, at: .seconds($1))
        }
        #expect(verdicts == [false, false, true], "10 s, however many blocks there were")
        watch.heard(at: .seconds(11))
        verdicts = ([(107, 60), (108, 61)] as [(BlockNumber, Int)]).map { watch.polled($0, at: .seconds($1)) }
        #expect(verdicts == [false, true], "3 blocks, however long it takes")
    }

    @Test("a socket that speaks of every block is kept")
    func healthy() {
        var watch = SilenceWatch(at: .zero)
        let verdicts = (1...100).map { (number: Int64) in
            watch.heard(at: .seconds(number * 12))
            return watch.polled(BlockNumber(rawValue: number) ?? 0, at: .seconds(number * 12))
        }
        #expect(!verdicts.contains(true))
    }

    @Test("heads that fall or jump never trap")
    func hostile() {
        var watch = SilenceWatch(at: .zero)
        for number in [.max, 0, .max, 1, 0] as [Int64] {
            _ = watch.polled(BlockNumber(rawValue: number) ?? 0, at: .seconds(100))
            watch.heard(at: .seconds(100))
        }
    }
}
