import Domain
import Ethereum
import HTTPClient
import TestSupport
import Testing

@testable import EthereumRPC

@Suite(.timeLimit(.minutes(2))) struct ProviderPoolTests {
    static let two = ["https://one.example/v2/secretkey", "https://two.example/?key=secretkey"]

    // MARK: The chain id

    @Test("asks for the chain id once before the first answer counts")
    func checksChain() async throws {
        let node = ScriptedNode(ChainText.node())
        let pool = try pool(node)
        _ = try await pool.head()
        _ = try await pool.head()
        #expect(node.chainChecks == ["one.example"])
        #expect(node.requests.first?.body.isEmpty == false)
        #expect(pool.status()[0].isChainVerified)
    }

    @Test("refuses an endpoint of another chain, and uses the next one")
    func wrongChain() async throws {
        let good = ChainText.node(head: 5)
        let node = ScriptedNode { host, method, parameters in
            if host == "one.example", method == "eth_chainId" { return .result(#""0x1""#) }
            return good(host, method, parameters)
        }
        let pool = try pool(node, Self.two)
        #expect(try await pool.head().number == 5)
        #expect(node.asked.map(\.host) == ["two.example"])
        let status = pool.status()
        #expect(status[0].lastError == .wrongChain(expected: pool.chainID, found: "1"))
        #expect(!status[0].isAvailable && !status[0].isChainVerified)
        #expect(status[1].isAvailable && status[1].head == 5)
    }

    @Test(
        "says which chain it found where there is no other endpoint", arguments: [#""0x1""#, #""0xffffffffffffffff""#])
    func onlyWrongChain(found: String) async throws {
        let node = ScriptedNode { _, _, _ in .result(found) }
        let pool = try pool(node)
        let expected = RPCError.wrongChain(
            expected: pool.chainID, found: found == #""0x1""# ? "1" : "18446744073709551615")
        await #expect(throws: expected) { try await pool.head() }
        await #expect(throws: RPCError.unavailable(retryAfter: .seconds(5))) {
            do { _ = try await pool.head() } catch RPCError.unavailable(let wait) {
                // The jitter adds up to a fifth.
                #expect(wait >= .seconds(5) && wait <= .seconds(6))
                throw RPCError.unavailable(retryAfter: .seconds(5))
            }
        }
    }

    @Test("checks the chain again after a failure that may hide another server")
    func checksAgain() async throws {
        let clock = StoppedClock()
        let node = ScriptedNode(ChainText.node())
        let pool = try pool(node, clock: clock)
        _ = try await pool.head()
        node.override { _, _ in .failure(.receive) }
        await #expect(throws: RPCError.transport(.receive)) { try await pool.head() }
        node.override(nil)
        clock.move(by: .seconds(1))
        _ = try await pool.head()
        #expect(node.chainChecks.count == 2)
    }

    // MARK: Failing over

    @Test("goes to the next endpoint on every failure of one", arguments: Self.failures)
    func failsOver(failure: Failure) async throws {
        let good = ChainText.node(head: 50)
        let node = ScriptedNode { host, method, parameters in
            if host == "one.example", method != "eth_chainId", case .answer(let answer) = failure { return answer }
            return good(host, method, parameters)
        }
        node.override { host, body in
            guard host == "one.example", !String(decoding: body, as: UTF8.self).contains("eth_chainId") else {
                return nil
            }
            guard case .response(let response) = failure else { return nil }
            return response
        }
        let pool = try pool(node, Self.two)
        #expect(try await pool.header(.number(7))?.number == 7)
        #expect(node.asked.map(\.host) == ["one.example", "two.example"])
        #expect(pool.status()[0].lastError != nil)
    }

    enum Failure: Sendable {
        case answer(ScriptedNode.Answer)
        case response(Result<OutboundResponse, TransportError>)

        static func text(_ status: Int, _ text: String) -> Failure {
            .response(.success(OutboundResponse(status: status, body: Array(text.utf8))))
        }
    }

    static let failures: [Failure] = [
        .answer(.result("null")), .answer(.result("{}")), .answer(.result("[]")), .answer(.result("7")),
        .answer(.result(ChainText.header(8))), .answer(.error(-32000, "header not found")),
        .answer(.error(-32601, "no")), .answer(.error(4444, "pruned history unavailable")),
        .answer(.error(429, "slow down")), .answer(.error(-1, "something new")), .answer(.missing),
        .answer(.rawError("null")), .answer(.rawError(#""text""#)), .answer(.rawError("{}")), .answer(.rawError("[1]")),
        .response(.failure(.connect)), .response(.failure(.dns)), .response(.failure(.tls)),
        .response(.failure(.timedOutConnecting)), .response(.failure(.timedOut(after: .seconds(1)))),
        .response(.failure(.bodyTooLarge)), .response(.failure(.protocolViolation)),
        .text(200, ""), .text(200, "<html>maintenance</html>"), .text(500, "oops"),
        .text(502, "<html>bad gateway</html>"),
        .text(503, #"{"error":{"code":-32011,"message":"no backend is currently healthy to serve traffic"}}"#),
        .text(401, "no key"), .text(402, "pay"), .text(403, "<html>forbidden</html>"), .text(404, "not found"),
        .text(429, "{}"), .text(200, #"{"jsonrpc":"2.0","id":1,"result":null}"#), .text(200, "null"), .text(200, "[]"),
    ]

    @Test("learns a stated cap from one refusal, and is not refused again")
    func statedCap() async throws {
        let clock = StoppedClock()
        let node = ScriptedNode(ChainText.capped(at: 1000, "eth_getLogs is limited to a 1,000 range", head: 1 << 40))
        let pool = try pool(node, clock: clock)
        #expect(pool.spanLength == 10_000)
        var next: BlockNumber = 1
        for _ in 0..<20 {
            let end = next.advanced(by: 1_000_000)
            let found = try await pool.blockWithLogs(beginningOf: next...end, addresses: [ChainText.contract])
            #expect(found.range == next...next.advanced(by: 999))
            #expect(found.headers.map(\.number) == [found.range.lowerBound, found.range.upperBound])
            next = found.range.upperBound.advanced(by: 1)
            clock.move(by: .seconds(3600))
        }
        #expect(pool.spanLength == 1000)
        #expect(node.asked.count == 21)
        #expect(pool.status()[0].isAvailable)
    }

    @Test("a whole range is searched in pieces where the endpoint is known to allow no more")
    func pieces() async throws {
        let node = ScriptedNode(
            ChainText.capped(at: 10, "up to a 10 block range", head: 1000, logs: [1, 10, 11, 25, 32]))
        let pool = try pool(node)
        for _ in 0..<2 {
            let found = try await pool.blockWithLogs(range: 1...32, addresses: [ChainText.contract])
            #expect(found.range == 1...32)
            #expect(found.logs.map(\.blockNumber) == [1, 10, 11, 25, 32])
            #expect(found.headers.count == 32)
        }
        #expect(node.asked.map { $0.methods.filter { $0 == "eth_getLogs" }.count } == [1, 4, 4])
    }

    @Test("an answer longer than we read is a range too large, down to one block")
    func tooLongAnswer() async throws {
        let node = ScriptedNode(ChainText.node())
        let pool = try pool(node)
        _ = try await pool.head()
        node.override { _, body in
            String(decoding: body, as: UTF8.self).contains("eth_getLogs") ? .failure(.bodyTooLarge) : nil
        }
        await #expect(throws: RPCError.rangeTooLarge(RangeHint(.results))) {
            try await pool.blockWithLogs(range: 1...2, addresses: [])
        }
    }

    @Test("throws what tells most where every endpoint fails")
    func weighs() async throws {
        let node = ScriptedNode { host, method, parameters in
            if method == "eth_chainId" { return .result(#""0x539""#) }
            return host == "one.example" ? .error(-1, "something new") : .error(-32000, "unknown block")
        }
        let pool = try pool(node, Self.two)
        await #expect(throws: RPCError.notYet) { try await pool.head() }
        #expect(try await pool.header(.number(3)) == nil)
    }

    // MARK: Leaving alone

    @Test("leaves a failing endpoint alone, longer each time, and comes back to it")
    func backsOff() async throws {
        let clock = StoppedClock()
        let node = ScriptedNode(ChainText.node())
        let pool = try pool(node, clock: clock)
        _ = try await pool.head()
        node.override { _, _ in .failure(.connect) }
        var waits: [Duration] = []
        for _ in 0..<9 {
            await #expect(throws: RPCError.transport(.connect)) { try await pool.head() }
            let wait = try #require(pool.status()[0].retryAfter)
            waits.append(wait)
            await #expect(throws: RPCError.unavailable(retryAfter: wait)) { try await pool.head() }
            clock.move(by: wait)
        }
        for (index, wait) in waits.enumerated() {
            let least = min(Duration.seconds(30), .milliseconds(500) * (1 << index))
            #expect(wait >= least && wait <= least * 1.2, "\(index): \(wait)")
        }
        node.override(nil)
        #expect(try await pool.head().number == 100)
        #expect(pool.status()[0].retryAfter == nil)
    }

    @Test(
        "waits as long as it is told, and at least a second", arguments: [("7", 7), ("0", 1), ("never", 1), ("-3", 1)])
    func retryAfter(header: String, seconds: Int) async throws {
        let node = ScriptedNode(ChainText.node())
        let pool = try pool(node)
        _ = try await pool.head()
        node.override { _, _ in
            .success(OutboundResponse(status: 429, headers: ["Retry-After": header], body: Array("{}".utf8)))
        }
        await #expect(throws: RPCError.self) { try await pool.head() }
        let wait = try #require(pool.status()[0].retryAfter)
        #expect(wait >= .seconds(seconds) && wait <= .seconds(seconds) * 1.2)
    }

    @Test("waits until the time that it is told, by the clock of who told it")
    func retryAtTime() async throws {
        let node = ScriptedNode(ChainText.node())
        let pool = try pool(node)
        _ = try await pool.head()
        node.override { _, _ in
            .success(
                OutboundResponse(
                    status: 503,
                    headers: [
                        "Retry-After": "Sun, 06 Nov 1994 08:49:37 GMT", "Date": "Sun, 06 Nov 1994 08:49:27 GMT",
                    ], body: Array(#"{"error":{"code":429,"message":""}}"#.utf8)))
        }
        await #expect(throws: RPCError.rateLimited(retryAfter: .seconds(10))) { try await pool.head() }
        #expect(try #require(pool.status()[0].retryAfter) >= .seconds(10))
    }

    @Test("an allowed rate is kept to, and a wait of 0 is a second")
    func allowedRate() async throws {
        let clock = StoppedClock()
        let node = ScriptedNode(ChainText.node())
        let pool = try pool(node, clock: clock)
        _ = try await pool.head()
        node.play { host, method, parameters in
            method == "eth_chainId"
                ? .result(#""0x539""#)
                : .rawError(
                    #"{"code":-32005,"message":"project ID request rate exceeded","data":{"see":"https://x","rate":{"allowed_rps":2,"backoff_seconds":0,"current_rps":3.5}}}"#
                )
        }
        await #expect(throws: RPCError.rateLimited(retryAfter: nil, perSecond: 2)) { try await pool.header(.number(7)) }
        #expect(try #require(pool.status()[0].retryAfter) >= .seconds(1))
        node.play(ChainText.node())
        clock.move(by: .seconds(10))
        // The bucket holds a little less than two calls; the second one has to wait.
        _ = try await pool.header(.number(7))
        let task = Task { try await pool.header(.number(7)) }
        try await within(.seconds(60)) { try await clock.sleeping.wait() }
        #expect(node.asked.count == 3)
        clock.move(by: .seconds(1))
        #expect(try await within(.seconds(60)) { try await task.value }?.number == 7)
        // Whoever would wait very long is told so instead.
        clock.move(by: .seconds(10))
        let many = (1...60).map { BlockSelector.number(BlockNumber(UInt64($0)) ?? 0) }
        #expect(try await pool.headers(many).count == 60)
        await #expect(throws: RPCError.self) { try await pool.header(.number(7)) }
        #expect(pool.status()[0].isAvailable)
    }

    @Test("one call alone finds out whether an endpoint is back; others go elsewhere meanwhile")
    func oneProbe() async throws {
        let clock = StoppedClock()
        let node = ScriptedNode(ChainText.node())
        let pool = try pool(node, Self.two, clock: clock)
        _ = try await pool.header(.number(7))
        node.override { host, _ in host == "one.example" ? .failure(.connect) : nil }
        _ = try await pool.header(.number(7))
        node.override(nil)
        clock.move(by: .seconds(600))
        let before = node.asked.count
        let hold = node.hold("one.example")
        let single = try await withThrowingTaskGroup(of: Int.self) { group in
            // The best endpoint by now is whichever was not slow; ask without the second so that the first probes.
            group.addTask { try await pool.header(.number(7), notBy: 1) == nil ? 1 : 0 }
            try await within(.seconds(60)) { try await hold.arrived.wait() }
            for _ in 0..<3 { #expect(try await pool.header(.number(7))?.number == 7) }
            await #expect(throws: RPCError.unavailable(retryAfter: .milliseconds(100))) {
                try await pool.header(.number(7), notBy: 1)
            }
            hold.opened.fire()
            return try await group.next()
        }
        #expect(single == 0)
        #expect(node.asked[before...].filter { $0.host == "one.example" }.count == 1)
        #expect(pool.status()[0].isAvailable)
    }

    @Test("prefers the endpoint that answers faster, and looks at new ones")
    func prefersFast() async throws {
        let clock = StoppedClock()
        let node = ScriptedNode(ChainText.node())
        let pool = try pool(node, Self.two, clock: clock)
        for head in 100..<105 as Range<UInt64> {
            let good = ChainText.node(head: head)
            node.play { host, method, parameters in
                clock.move(by: host == "one.example" ? .milliseconds(200) : .milliseconds(10))
                return good(host, method, parameters)
            }
            _ = try await pool.head()
        }
        #expect(node.asked.map(\.host) == ["one.example"] + [String](repeating: "two.example", count: 4))
    }

    @Test("asks for the newest block by turns while there is none, with one call for each look")
    func byTurns() async throws {
        let node = ScriptedNode(ChainText.node())
        let pool = try pool(node, Self.two)
        for _ in 0..<6 { _ = try await pool.head() }
        let hosts = node.asked.map(\.host)
        #expect(hosts.count == 6)
        #expect(zip(hosts, hosts.dropFirst()).allSatisfy { $0 != $1 })
    }

    @Test("leaves alone who is given up on again and again without a word")
    func silentEndpoint() async throws {
        var health = EndpointHealth()
        health.succeeded(.small, after: .milliseconds(20), at: .seconds(1))
        let quick = (2..<20).map { health.outrun(.small, after: .milliseconds(100), at: .seconds($0)) }
        #expect(!quick.contains(true))
        let silent = [20, 23].map { health.outrun(.small, after: .seconds(2), at: .seconds($0)) }
        #expect(silent == [false, true])
        health.succeeded(.small, after: .seconds(1), at: .seconds(24))
        let isSilent = health.outrun(.small, after: .seconds(2), at: .seconds(25))
        #expect(!isSilent)
    }

    @Test("asks another endpoint than the one named, and says so where there is none")
    func secondOpinion() async throws {
        let node = ScriptedNode(ChainText.node(logs: [7]))
        let both = try pool(node, Self.two)
        let first = try await both.blockWithLogs(range: 7...7, addresses: [ChainText.contract])
        #expect(first.node == 0)
        let second = try await both.logs(blockHash: hash(7), addresses: [ChainText.contract], notBy: first.node)
        #expect(second.node == 1)
        #expect(both.endpointCount == 2)
        let single = try pool(node)
        await #expect(throws: RPCError.unavailable(retryAfter: .seconds(60))) {
            try await single.header(.number(7), notBy: 0)
        }
    }

    // MARK: Secrets

    @Test("shows hosts and nothing else of the URLs")
    func secrets() async throws {
        let node = ScriptedNode { _, _, _ in
            .error(-1, "bad key secretkey0123456789 at https://one.example/v2/secretkey")
        }
        let pool = try pool(
            node, Self.two + ["https://user:secretkey@two.example:8545/x", "wss://three.example/secretkey", "nonsense"])
        #expect(pool.status().map(\.endpoint) == ["one.example", "two.example", "two.example#2"])
        var shown = ""
        do { _ = try await pool.head() } catch { shown = "\(error)" }
        shown += "\(pool.status())"
        #expect(!shown.contains("secretkey"))
        let last = try #require(node.requests.last)
        #expect(last.url == "https://two.example:8545/x")
        #expect(last.headers["authorization"] == "Basic dXNlcjpzZWNyZXRrZXk=")
        #expect(!last.guarded)
    }

    // MARK: Batches

    @Test("sends ids that differ from batch to batch")
    func randomIDs() async throws {
        let node = ScriptedNode(ChainText.node())
        let pool = try pool(node)
        for _ in 0..<10 { _ = try await pool.head() }
        #expect(Set(node.requests.map { String(decoding: $0.body, as: UTF8.self) }).count == node.requests.count)
    }

    @Test("refuses replies that are nobody's, twice there, or missing")
    func strangeReplies() async throws {
        for wrong in ["[%reply,%reply]", #"[{"id":1,"result":"0x1"}]"#, #"{"id":%id,"result":"0x1"}"#] {
            let node = ScriptedNode(ChainText.node())
            node.override { _, body in
                let text = String(decoding: body, as: UTF8.self)
                guard !text.contains("eth_chainId"), let start = text.firstRange(of: #""id":"#) else { return nil }
                let id = String(text[start.upperBound...].prefix { $0.isNumber })
                let reply = #"{"id":\#(id),"result":\#(ChainText.header(1))}"#
                let answer = wrong.replacing("%id", with: id).replacing("%reply", with: reply)
                return .success(OutboundResponse(status: 200, body: Array(answer.utf8)))
            }
            await #expect(throws: RPCError.self, "\(wrong)") { try await pool(node).marks() }
        }
    }

    @Test("sends calls one by one once batches come back torn", arguments: [true, false])
    func tornBatches(isRefusal: Bool) async throws {
        let clock = StoppedClock()
        let good = ChainText.node(logs: [7])
        let node = ScriptedNode(good)
        node.override { _, body in
            let text = String(decoding: body, as: UTF8.self)
            guard text.hasPrefix("[") else { return nil }
            if isRefusal {
                return .success(
                    OutboundResponse(
                        status: 200,
                        body: Array(
                            #"{"id":null,"error":{"code":-32600,"message":"batch requests are not supported"}}"#.utf8)))
            }
            let id = text.split(separator: "\"id\":")[1].prefix { $0.isNumber }
            return .success(
                OutboundResponse(
                    status: 200, body: Array(#"[{"id":\#(id),"result":\#(ChainText.header(7))}]"#.utf8)))
        }
        let pool = try pool(node, clock: clock)
        for _ in 0..<2 {
            await #expect(throws: RPCError.malformed("a reply is missing")) {
                try await pool.blockWithLogs(range: 7...7, addresses: [ChainText.contract])
            }
            clock.move(by: .seconds(5))
        }
        let found = try await pool.blockWithLogs(range: 7...7, addresses: [ChainText.contract])
        #expect(found.logs.count == 1 && found.headers.count == 1)
        #expect(node.asked.suffix(2).map(\.isBatch) == [false, false])
    }

    @Test("one element that failed fails the batch, however many are fine")
    func partialFailure() async throws {
        let good = ChainText.node(logs: [7])
        let node = ScriptedNode { host, method, parameters in
            method == "eth_getLogs" ? .error(429, "slow down") : good(host, method, parameters)
        }
        let pool = try pool(node)
        await #expect(throws: RPCError.rateLimited(retryAfter: nil)) {
            try await pool.blockWithLogs(range: 7...7, addresses: [ChainText.contract])
        }
    }

    @Test("cancelling reaches the transport and blames no endpoint")
    func cancellation() async throws {
        let arrived = Signal()
        let server = try TestServer { _, writer in
            arrived.fire()
            _ = writer.isClosed()
            return .close
        }
        defer { server.stop() }
        let pool = ProviderPool(
            chainID: ChainID(rawValue: 1) ?? { preconditionFailure() }(), urls: [server.url()],
            transport: CurlTransport())
        let task = Task { try await pool.head() }
        try await within(.seconds(60)) { try await arrived.wait() }
        task.cancel()
        await #expect(throws: RPCError.transport(.cancelled)) { try await task.value }
        #expect(pool.status()[0].isAvailable)
    }
}
