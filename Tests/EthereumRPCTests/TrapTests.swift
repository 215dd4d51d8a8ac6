import Domain
import Ethereum
import HTTPClient
import TestSupport
import Testing

@testable import EthereumRPC

/// What nodes get wrong in ways that a naive client believes, and that the pool does not.
@Suite(.timeLimit(.minutes(2))) struct TrapTests {
    static let two = ["https://one.example", "https://two.example"]
    static let three = two + ["https://three.example"]

    /// A node for each host, and one for all others.
    private func nodes(
        _ scripts: [String: ScriptedNode.Script], others: @escaping ScriptedNode.Script = ChainText.node()
    ) -> ScriptedNode {
        ScriptedNode { host, method, parameters in (scripts[host] ?? others)(host, method, parameters) }
    }

    // MARK: A backend behind the head

    @Test("a backend that lacks the last block and answers no logs is passed over")
    func emptyFromBehind() async throws {
        let node = nodes(["one.example": ChainText.node(head: 99)], others: ChainText.node(head: 100, logs: [100]))
        let pool = try pool(node, Self.two)
        for _ in 0..<3 {
            let found = try await pool.blockWithLogs(range: 98...100, addresses: [ChainText.contract])
            #expect(found.logs.count == 1 && found.node == 1)
            let beginning = try await pool.blockWithLogs(beginningOf: 98...100, addresses: [ChainText.contract])
            #expect(beginning.logs.count == 1 && beginning.range == 98...100)
        }
    }

    @Test("null for the newest block is no answer", arguments: [1, 2])
    func nullLatest(count: Int) async throws {
        let null: ScriptedNode.Script = { host, method, parameters in
            parameters.contains("latest") ? .result("null") : ChainText.node()(host, method, parameters)
        }
        let pool = try pool(nodes(["one.example": null]), Array(Self.two.prefix(count)))
        if count == 1 {
            await #expect(throws: RPCError.notYet) { try await pool.marks() }
        } else {
            #expect(try await pool.marks().latest.number == 100)
        }
    }

    @Test("the head never goes back because of a backend behind, and follows a chain that really went back")
    func monotone() async throws {
        let clock = StoppedClock()
        let node = ScriptedNode(ChainText.node(head: 100))
        let pool = try pool(node, clock: clock)
        #expect(try await pool.marks().latest.number == 100)
        var random = SeededGenerator.printed()
        var highest: UInt64 = 100
        for _ in 0..<50 {
            let head = highest - 3 + UInt64.random(in: 0...5, using: &random)
            highest = max(highest, head)
            node.play(ChainText.node(head: head))
            clock.move(by: .seconds(1))
            let marks = try await pool.marks()
            #expect(marks.latest.number == BlockNumber(highest))
            #expect(marks.finalized?.number == BlockNumber(highest - 20))
        }
        #expect(pool.status()[0].isAvailable && pool.status()[0].errorRate == 0)
        node.play(ChainText.node(head: 90))
        var answers: Set<BlockNumber> = []
        for _ in 0..<40 {
            clock.move(by: .seconds(1))
            answers.insert(try await pool.marks().latest.number)
        }
        #expect(answers == [BlockNumber(highest) ?? 0, 90])
    }

    @Test("a backend behind is not asked for the head while another is ahead")
    func prefersAhead() async throws {
        let clock = StoppedClock()
        let node = nodes(["one.example": ChainText.node(head: 95)], others: ChainText.node(head: 100))
        let pool = try pool(node, Self.two, clock: clock)
        for _ in 0..<10 {
            clock.move(by: .seconds(1))
            _ = try await pool.marks()
        }
        #expect(node.asked.suffix(8).allSatisfy { $0.host == "two.example" })
        #expect(try await pool.marks().latest.number == 100)
    }

    @Test("a newest block out of this world is not believed while others know better")
    func leap() async throws {
        let clock = StoppedClock()
        let node = ScriptedNode(ChainText.node(head: 100))
        let pool = try pool(node, Self.two, clock: clock)
        _ = try await pool.marks()
        let mad = ChainText.node(head: 1 << 40)
        node.play { host, method, parameters in
            (host == "one.example" ? mad : ChainText.node(head: 101))(host, method, parameters)
        }
        for number in 0..<5 {
            clock.move(by: .seconds(number))
            #expect(try await pool.marks().latest.number == 101)
        }
        #expect(pool.status()[0].head != BlockNumber(1 << 40))
    }

    // MARK: The wrong chain

    @Test("checks the chain again on a new connection, before the answer counts")
    func reconnected() async throws {
        let clock = StoppedClock()
        let node = ScriptedNode(ChainText.node())
        let pool = try pool(node, Self.two, clock: clock)
        _ = try await pool.header(.number(5))
        #expect(node.chainChecks == ["one.example"])
        clock.move(by: .seconds(1))
        node.reconnect("one.example")
        _ = try await pool.header(.number(5))
        #expect(node.chainChecks == ["one.example", "one.example"])
        // Another server with another chain takes over behind the same name.
        node.play { host, method, parameters in
            host == "one.example" && method == "eth_chainId"
                ? .result(#""0x1""#) : ChainText.node()(host, method, parameters)
        }
        clock.move(by: .seconds(1))
        node.reconnect("one.example")
        #expect(try await pool.header(.number(5))?.number == 5)
        #expect(node.asked.last?.host == "two.example")
        #expect(!pool.status()[0].isAvailable)
    }

    // MARK: Range hints, and one block over the cap

    @Test(
        "hints that are wrong, inverted or identical do not hold the walk up",
        arguments: [
            "query exceeds max results 20000, retry with the range 0-9999",
            "this block range should work: [0x270f, 0x0]", "Try with this block range [0x5, 0x4000000].",
            "exceed maximum block range: 10000", "exceed maximum block range: 0",
            "something about a block range too large",
            "query returned more than 10000 results. Try with this block range [0x0, 0x1].",
        ])
    func badHints(message: String) async throws {
        let node = ScriptedNode(ChainText.capped(at: 7, message, logs: [3, 9, 40]))
        let pool = try pool(node)
        var next: BlockNumber = 0
        var found: [BlockNumber] = []
        var answers = 0
        while next < 50 {
            let answer = try await pool.blockWithLogs(
                beginningOf: next...20_000, addresses: [ChainText.contract])
            #expect(answer.range.lowerBound == next && answer.range.count <= 7)
            found += answer.logs.map(\.blockNumber)
            answers += 1
            next = answer.range.upperBound.advanced(by: 1)
        }
        #expect(found == [3, 9, 40])
        #expect(node.asked.count - answers <= 3)
    }

    @Test(
        "a limit in words that nobody knows, or none but silence, makes searches smaller all the same",
        arguments: [true, false])
    func unknownLimit(isSilent: Bool) async throws {
        let clock = StoppedClock()
        let node = ScriptedNode(ChainText.capped(at: 300, "Zu viel des Guten", logs: [3]))
        let capped = ChainText.capped(at: 300, "")
        if isSilent {
            node.override { host, body in
                let text = String(decoding: body, as: UTF8.self)
                guard let start = text.firstRange(of: #"{"fromBlock"#)?.lowerBound,
                    case .error = capped(host, "eth_getLogs", String(text[start...].prefix { $0 != "]" }))
                else { return nil }
                return .failure(.timedOut(after: .seconds(60)))
            }
        }
        let pool = try pool(node, clock: clock)
        var found: BlockLogs?
        var failures = 0
        while found == nil, failures < 10 {
            do {
                found = try await pool.blockWithLogs(beginningOf: 0...50_000, addresses: [])
            } catch {
                failures += 1
                clock.move(by: .seconds(60))
            }
        }
        #expect(failures == 1)
        #expect(found?.range == 0...0)
        let walked = try await walk(pool, from: 1, to: 10_000, clock: clock)
        #expect(walked.failures <= 1)
        #expect(walked.found.map(\.blockNumber) == [3])
        #expect(walked.longest == 300)
    }

    /// Goes through the blocks from `first` to `last`, and asks again after each failure.
    private func walk(
        _ pool: ProviderPool, from first: BlockNumber, to last: BlockNumber, clock: StoppedClock
    ) async throws -> (found: [Log], failures: Int, longest: Int) {
        var (next, found, failures, longest) = (first, [Log](), 0, 0)
        while next <= last, failures < 10 {
            do {
                let answer = try await pool.blockWithLogs(beginningOf: next...last, addresses: [])
                found += answer.logs
                longest = max(longest, answer.range.count)
                next = answer.range.upperBound.advanced(by: 1)
            } catch {
                failures += 1
                clock.move(by: .seconds(60))
            }
        }
        return (found, failures, longest)
    }

    /// A node that answers no search of block 7 for more than one contract, or for none.
    private func dense(receipts: Bool, topics: Int = 1, most: Int = 1) -> ScriptedNode.Script {
        { host, method, parameters in
            switch method {
            case "eth_getLogs":
                let covers = ChainText.range(parameters).map { $0.contains(7) } ?? (ChainText.height(parameters) == 7)
                guard covers else { return ChainText.node()(host, method, parameters) }
                let addresses = parameters.split(separator: "\"").filter { $0.count == 42 }.map(String.init)
                guard addresses.count <= most else { return .error(-32005, "query returned more than 10000 results") }
                let index = UInt64(addresses[0].suffix(4), radix: 16) ?? 0
                return .result("[\(ChainText.log(7, index: index, address: addresses[0]))]")
            case "eth_getBlockReceipts" where receipts:
                return .result(
                    "[\(ChainText.receipt(7, logs: (0..<3).map { index in ChainText.log(7, index: UInt64(index), address: Hex.encode(ChainText.address(index).bytes)) }))]"
                )
            default: return ChainText.node()(host, method, parameters)
            }
        }
    }

    @Test(
        "one block over the cap is read from its receipts, or in a search for each contract", arguments: [true, false])
    func denseBlock(receipts: Bool) async throws {
        let node = ScriptedNode(dense(receipts: receipts))
        let pool = try pool(node)
        let contracts = (0..<3).map { ChainText.address($0) }
        let one = try await pool.blockWithLogs(beginningOf: 7...9, addresses: contracts)
        #expect(one.range == 7...7 && one.headers.map(\.number) == [7])
        #expect(one.logs.map(\.address) == contracts)
        #expect(one.logs.map(\.logIndex) == one.logs.map(\.logIndex).sorted())
        let whole = try await pool.blockWithLogs(range: 6...8, addresses: contracts)
        #expect(whole.headers.map(\.number) == [6, 7, 8])
        #expect(whole.logs.filter { $0.blockNumber == 7 }.count == 3)
        let byHash = try await pool.logs(blockHash: hash(7), addresses: contracts)
        #expect(byHash.logs.map(\.address) == contracts)
        #expect(node.asked.contains { $0.methods.contains("eth_getBlockReceipts") })
    }

    @Test("a block that cannot be split any more is too large")
    func unsplittable() async throws {
        let node = ScriptedNode(dense(receipts: false, most: 0))
        let pool = try pool(node)
        await #expect(throws: RPCError.rangeTooLarge(RangeHint(.results, maximumResults: 10_000))) {
            try await pool.blockWithLogs(beginningOf: 7...9, addresses: [ChainText.contract])
        }
        #expect(pool.status()[0].isAvailable)
    }

    @Test("a block of one contract is split by its first topics")
    func splitByTopics() async throws {
        let wanted = try Hash(hex: "0x" + String(repeating: "ab", count: 32))
        let node = ScriptedNode { host, method, parameters in
            guard method == "eth_getLogs" else { return ChainText.node()(host, method, parameters) }
            let topics = parameters.split(separator: "\"").filter { $0.count == 66 && $0 != "\(hash(7))" }
            guard topics.count == 1 else { return .error(-32005, "more than 10000 results") }
            return .result(topics[0] == "\(wanted)" ? "[\(ChainText.log(7))]" : "[]")
        }
        let found = try await pool(node).blockWithLogs(
            beginningOf: 7...7, addresses: [ChainText.contract], topics: [[hash(5), wanted]])
        #expect(found.logs.count == 1)
    }

    @Test(
        "a block of one contract that no node answers, nor all its receipts, is put together from its transactions",
        arguments: [1, 250])
    func fromTransactions(count: Int) async throws {
        let transactions = (0..<count).map { hash(5000 + UInt64($0)) }
        let refusing = dense(receipts: false, most: 0)
        let node = nodes(
            ["one.example": refusing],
            others: { host, method, parameters in
                switch method {
                case "eth_getBlockByNumber" where ChainText.number(parameters) == 7,
                    "eth_getBlockByHash" where ChainText.height(parameters) == 7:
                    return .result(ChainText.header(7, transactions: transactions))
                case "eth_getTransactionReceipt":
                    guard let place = transactions.firstIndex(where: { parameters.contains("\($0)") }) else {
                        return .result("null")
                    }
                    // Every second log is another contract's.
                    let address = Hex.encode(ChainText.address(place % 2).bytes)
                    let log = ChainText.log(7, index: UInt64(place), address: address)
                    return .result(ChainText.receipt(7, logs: [log], transaction: transactions[place]))
                default: return refusing(host, method, parameters)
                }
            })
        let pool = try pool(node, Self.two)
        for _ in 0..<2 {
            let found = try await pool.blockWithLogs(beginningOf: 7...9, addresses: [ChainText.address(0)])
            #expect(found.range == 7...7 && found.node == 1)
            #expect(found.logs.map { Int($0.logIndex) } == Array(stride(from: 0, to: count, by: 2)))
        }
        // Transactions that lack, or belong elsewhere, fail the block.
        for wrong in [ScriptedNode.Answer.result("null"), .result(ChainText.receipt(8, logs: []))] {
            node.play { host, method, parameters in
                switch method {
                case "eth_getTransactionReceipt": wrong
                case "eth_getBlockByHash", "eth_getBlockByNumber":
                    .result(ChainText.header(7, transactions: transactions))
                default: refusing(host, method, parameters)
                }
            }
            await #expect(throws: RPCError.self) {
                try await pool.blockWithLogs(beginningOf: 7...7, addresses: [ChainText.address(0)])
            }
        }
    }

    @Test("receipts that are fewer than the transactions are not believed")
    func emptyReceipts() async throws {
        let good = dense(receipts: true)
        let node = ScriptedNode { host, method, parameters in
            method == "eth_getBlockReceipts" && host == "one.example"
                ? .result("[]") : good(host, method, parameters)
        }
        let found = try await pool(node, Self.two).blockWithLogs(
            beginningOf: 7...7, addresses: (0..<3).map { ChainText.address($0) })
        #expect(found.logs.count == 3 && found.node == 1)
    }

    // MARK: History that was thrown away

    /// A node without logs below `first`.
    private static func pruned(below first: UInt64, head: UInt64 = 1_000_000) -> ScriptedNode.Script {
        { host, method, parameters in
            if method == "eth_getLogs", let range = ChainText.range(parameters), range.lowerBound < first {
                return .error(4444, "pruned history unavailable")
            }
            return ChainText.node(head: head, logs: [5])(host, method, parameters)
        }
    }

    @Test("an endpoint without the history is not asked for it again and again, and used again above")
    func prunedHistory() async throws {
        let node = nodes(
            ["one.example": Self.pruned(below: 600_000)], others: ChainText.node(head: 1_000_000, logs: [5]))
        let clock = StoppedClock()
        let pool = try pool(node, Self.two, clock: clock)
        _ = try await pool.marks()
        var next: BlockNumber = 0
        var nodes: [Int] = []
        while next <= 999_999 {
            let found = try await pool.blockWithLogs(beginningOf: next...999_999, addresses: [ChainText.contract])
            nodes.append(found.node)
            next = found.range.upperBound.advanced(by: 1)
        }
        let refused =
            node.asked.filter { $0.host == "one.example" && $0.methods.contains("eth_getLogs") }.count
            - nodes.filter { $0 == 0 }.count
        #expect(refused >= 1 && refused <= 4)
        #expect(nodes.first == 1)
    }

    @Test("where all endpoints lack the history, that is said")
    func allPruned() async throws {
        let node = nodes([:], others: Self.pruned(below: 600_000))
        let pool = try pool(node, Self.two)
        for _ in 0..<3 {
            await #expect(throws: RPCError.pruned) {
                try await pool.blockWithLogs(beginningOf: 0...100, addresses: [ChainText.contract])
            }
        }
        #expect(pool.status().allSatisfy { $0.isAvailable })
        let found = try await pool.blockWithLogs(beginningOf: 700_000...700_100, addresses: [ChainText.contract])
        #expect(found.range == 700_000...700_100)
    }

    // MARK: Batches

    @Test("an element of a batch that was refused for its rate fails the batch and teaches the budget")
    func partialBatch() async throws {
        let node = ScriptedNode { host, method, parameters in
            host == "one.example" && method == "eth_getLogs"
                ? .error(429, "exceeded its compute units per second capacity")
                : ChainText.node(logs: [7])(host, method, parameters)
        }
        let pool = try pool(node, Self.two)
        let found = try await pool.blockWithLogs(range: 7...7, addresses: [ChainText.contract])
        #expect(found.logs.count == 1 && found.node == 1)
        #expect(pool.health(0).budget.limit != nil)
        #expect(!pool.status()[0].isAvailable)
    }

    @Test("batches are split into what comes back whole")
    func splitBatches() async throws {
        let clock = StoppedClock()
        let node = ScriptedNode(ChainText.node(logs: [7]))
        node.override { _, body in
            let count = String(decoding: body, as: UTF8.self).split(separator: "jsonrpc").count - 1
            guard count > 10 else { return nil }
            return .success(
                OutboundResponse(
                    status: 200,
                    body: Array(#"{"id":null,"error":{"code":-32600,"message":"batch too large, at most 10"}}"#.utf8)))
        }
        let pool = try pool(node, clock: clock)
        var found: BlockLogs?
        for _ in 0..<6 where found == nil {
            found = try? await pool.blockWithLogs(range: 1...32, addresses: [ChainText.contract])
            clock.move(by: .seconds(60))
        }
        #expect(found?.logs.count == 1 && found?.headers.count == 32)
        #expect(pool.health(0).batchMax == 8)
        #expect(node.asked.suffix(5).map(\.methods.count) == [8, 8, 8, 8, 1])
    }

    // MARK: Address lists

    @Test("no list is ever empty, and long ones are chunked by what the endpoint takes")
    func addressLists() async throws {
        let node = ScriptedNode { host, method, parameters in
            guard method == "eth_getLogs" else { return ChainText.node()(host, method, parameters) }
            let count = parameters.split(separator: "\"").filter { $0.count == 42 }.count
            if count > 100 { return .error(-32602, "exceed max addresses or topics per search position") }
            return .result("[]")
        }
        let pool = try pool(node)
        let addresses = (0..<700).map { ChainText.address($0) }
        for _ in 0..<2 {
            _ = try await pool.blockWithLogs(beginningOf: 5...9, addresses: addresses)
        }
        // 500 were refused, 20 were not.
        #expect(node.asked.map { $0.methods.filter { $0 == "eth_getLogs" }.count } == [2, 35, 35])
        _ = try await pool.logs(blockHash: hash(5), addresses: addresses)
        #expect(node.asked.last?.methods.count == 36)
        _ = try await pool.blockWithLogs(beginningOf: 5...9, addresses: [])
        for request in node.requests {
            #expect(!String(decoding: request.body, as: UTF8.self).contains(#""address":[]"#))
        }
    }

    // MARK: Slow nodes

    @Test("a slow head is asked of a second endpoint, whose answer wins, and the slow one is not blamed")
    func hedged() async throws {
        let clock = StoppedClock()
        let node = ScriptedNode(ChainText.node())
        let pool = try pool(node, Self.three, clock: clock)
        let hold = node.hold("one.example")
        let task = Task { try await pool.marks() }
        try await within(.seconds(60)) {
            try await hold.arrived.wait()
            try await clock.sleeping.wait()
        }
        #expect(node.asked.map(\.host) == ["one.example"])
        clock.move(by: .milliseconds(500))
        let marks = try await within(.seconds(60)) { try await task.value }
        #expect(marks.node == 1)
        #expect(node.asked.map(\.host) == ["one.example", "two.example"])
        let status = pool.status()
        #expect(status[0].isAvailable && status[0].lastError == nil && status[0].errorRate == 0)
        // It is known to be slow now, and another one is asked first.
        _ = try await within(.seconds(60)) { try await pool.marks() }
        #expect(node.asked.last?.host != "one.example")
    }

    /// A look at the head for which both nodes were asked, and neither answers before its gate opens.
    private func race() async throws -> (
        pool: ProviderPool, first: ScriptedNode.Hold, look: Task<BlockMarks, any Error>
    ) {
        let clock = StoppedClock()
        let node = ScriptedNode(ChainText.node())
        let pool = try pool(node, Self.two, clock: clock)
        let (first, second) = (node.hold("one.example"), node.hold("two.example"))
        let look = Task { try await pool.marks() }
        try await within(.seconds(60)) {
            try await first.arrived.wait()
            try await clock.sleeping.wait()
        }
        clock.move(by: .milliseconds(500))
        try await within(.seconds(60)) { try await second.arrived.wait() }
        return (pool, first, look)
    }

    @Test("a slow answer that comes before the second one wins")
    func slowButFirst() async throws {
        let (pool, first, task) = try await race()
        first.opened.fire()
        let marks = try await within(.seconds(60)) { try await task.value }
        #expect(marks.node == 0)
        #expect(pool.status().allSatisfy { $0.isAvailable && $0.lastError == nil })
    }

    @Test("cancelling a race ends all of it, and blames nobody")
    func cancelledRace() async throws {
        let (pool, _, task) = try await race()
        task.cancel()
        await #expect(throws: RPCError.transport(.cancelled)) {
            try await within(.seconds(60)) { try await task.value }
        }
        #expect(pool.status().allSatisfy { $0.isAvailable && $0.lastError == nil })
        #expect(pool.health(0).inFlight == 0 && pool.health(1).inFlight == 0)
    }

    @Test("deadlines follow what the endpoint takes, and a timeout makes them longer")
    func adaptiveDeadlines() async throws {
        let clock = StoppedClock()
        let node = ScriptedNode { host, method, parameters in
            clock.move(by: .milliseconds(900))
            return ChainText.node()(host, method, parameters)
        }
        let pool = try pool(node, clock: clock)
        for _ in 0..<10 { _ = try await pool.header(.number(7)) }
        #expect(node.requests.first?.deadline == .seconds(10))
        #expect(node.requests.last?.deadline == .milliseconds(3600))
        node.override { _, _ in .failure(.timedOut(after: .milliseconds(3600))) }
        await #expect(throws: RPCError.self) { try await pool.header(.number(7)) }
        node.override(nil)
        clock.move(by: .seconds(5))
        _ = try await pool.header(.number(7))
        #expect(node.requests.last?.deadline == .seconds(10))
        // Logs have their own.
        _ = try await pool.blockWithLogs(range: 1...3, addresses: [])
        #expect(node.requests.last?.deadline == .seconds(60))
    }
}
