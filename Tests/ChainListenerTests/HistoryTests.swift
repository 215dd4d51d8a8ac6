import Domain
import Ethereum
import EthereumRPC
import Storage
import TestSupport
import Testing

@testable import ChainListener

@Suite("the plan of history")
struct HistoryPlanTests {
    private static func plan(_ blocks: ClosedRange<BlockNumber>, inFlight: Int = 4) -> HistoryPlan<Int> {
        HistoryPlan(blocks, limits: .init(inFlight: inFlight))
    }

    private static func asked(_ plan: inout HistoryPlan<Int>, _ longest: Int) -> ClosedRange<BlockNumber>? {
        plan.plan(longestAllowed: longest)
    }

    private static func next(_ plan: inout HistoryPlan<Int>, _ longest: Int) throws -> ClosedRange<BlockNumber> {
        let range = plan.plan(longestAllowed: longest)
        return try #require(range)
    }

    private static func taken(_ plan: inout HistoryPlan<Int>) throws -> [Int] { try plan.take() }

    @Test("asks for several stretches at once, each once, and gives answers out in order")
    func order() throws {
        var plan = Self.plan(0...999)
        let first = try Self.next(&plan, 10_000)
        let second = try Self.next(&plan, 10_000)
        #expect(first == 0...255 && second == 256...511)
        plan.answered(second, covered: second, 2, logs: 5)
        #expect(try Self.taken(&plan) == [])
        plan.answered(first, covered: first, 1, logs: 5)
        #expect(try Self.taken(&plan) == [1, 2])
        // Nothing was too much: the next one is longer.
        #expect(Self.asked(&plan, 10_000) == 512...999)
        #expect(Self.asked(&plan, 10_000) == nil)
        #expect(!plan.isDone)
        plan.answered(512...999, covered: 512...999, 3, logs: 0)
        #expect(try Self.taken(&plan) == [3])
        #expect(plan.isDone)
    }

    @Test("asks for the rest of a stretch before anything further, and gives it out behind its beginning")
    func rest() throws {
        var plan = Self.plan(0...999, inFlight: 2)
        let first = try Self.next(&plan, 100)
        let second = try Self.next(&plan, 100)
        #expect(Self.asked(&plan, 100) == nil)
        plan.answered(first, covered: 0...9, 1, logs: 0)
        #expect(Self.asked(&plan, 100) == 10...99)
        plan.answered(second, covered: second, 3, logs: 0)
        #expect(try Self.taken(&plan) == [1])
        #expect(try Self.taken(&plan) == [])
        plan.answered(10...99, covered: 10...99, 2, logs: 0)
        #expect(try Self.taken(&plan) == [2, 3])
    }

    @Test("gives out what lies before a failed stretch, then its error, and asks for nothing behind it")
    func failure() throws {
        struct Failure: Error {}
        var plan = Self.plan(0...9999)
        let ranges = (0..<3).compactMap { _ in plan.plan(longestAllowed: 100) }
        plan.failed(ranges[1], Failure())
        #expect(Self.asked(&plan, 100) == nil)
        plan.answered(ranges[0], covered: ranges[0], 1, logs: 0)
        #expect(try Self.taken(&plan) == [1])
        #expect(throws: Failure.self) { try Self.taken(&plan) }
    }

    @Test("makes stretches shorter where blocks are dense, and holds no more logs than its limit")
    func density() throws {
        var plan = Self.plan(0...1_000_000, inFlight: 100)
        let first = try Self.next(&plan, 10_000)
        plan.answered(first, covered: first, 0, logs: first.count * 50)
        _ = try plan.take()
        var asked = 0
        while let range = plan.plan(longestAllowed: 10_000) {
            #expect(range.count == 100)
            asked += range.count * 50
        }
        #expect(asked + first.count * 50 <= 60_000)
        #expect(asked >= 40_000)
    }
}

@Suite("coverage of contracts")
struct CoverageTests {
    private static let address = SimulatedChain.contracts[0].address

    @Test(
        "says what lacks below where a contract began to be watched",
        arguments: [
            (50, nil, nil, 10, 10...49), (50, nil, nil, 50, nil), (50, nil, nil, 80, nil), (50, 10, 29, 10, 30...49),
            (50, 10, 29, 20, 30...49), (50, 10, 29, 5, 5...49), (50, 10, 29, 40, 40...49), (50, 10, 49, 10, nil),
        ] as [(Int64, Int64?, Int64?, Int64, ClosedRange<Int64>?)])
    func gap(live: Int64, first: Int64?, filled: Int64?, start: Int64, expected: ClosedRange<Int64>?) {
        let coverage = Coverage(
            address: Self.address, liveFrom: BlockNumber(integerLiteral: live),
            first: first.map(BlockNumber.init(integerLiteral:)), filledTo: filled.map(BlockNumber.init(integerLiteral:))
        )
        let gap = coverage.gap(from: BlockNumber(integerLiteral: start))
        #expect(gap.map { $0.lowerBound.rawValue...$0.upperBound.rawValue } == expected)
    }

    @Test("is whole once the fill meets the blocks that were watched")
    func filled() {
        let open = Coverage(address: Self.address, liveFrom: 50, first: nil, filledTo: nil)
        let partly = open.filled(from: 10, to: 29)
        #expect(partly == Coverage(address: Self.address, liveFrom: 50, first: 10, filledTo: 29))
        #expect(
            partly.filled(from: 10, to: 49) == Coverage(address: Self.address, liveFrom: 10, first: nil, filledTo: nil))
    }
}

@Suite("the rate of history")
struct HistoryRateTests {
    @Test("estimates the time left from the last seconds")
    func estimate() {
        var rate = HistoryRate()
        #expect(rate.timeLeft(to: 100) == nil)
        rate.note(0, at: .zero)
        rate.note(50, at: .milliseconds(500))
        #expect(rate.blocksPerSecond == nil)
        rate.note(100, at: .seconds(1))
        #expect(rate.blocksPerSecond == 100)
        #expect(rate.timeLeft(to: 1100) == .seconds(10))
        rate.note(300, at: .seconds(2))
        #expect(rate.blocksPerSecond.map { abs($0 - 120) < 1e-9 } == true)
        #expect(rate.timeLeft(to: 300) == .zero)
    }
}

@Suite("history at work", .freshDatabase)
struct HistoryTests {
    private static func follower(
        _ chain: Chain, _ nodes: SimulatedNodes, _ settings: ListenerSettings, _ lease: Lease, _ store: FeedStore
    ) async throws -> Follower {
        try await Follower.resume(
            lease, chain: chain, source: nodes, store: store, settings: settings,
            meters: ListenerMeters(chain: chain.id))
    }

    private static func store(_ database: Database) -> FeedStore {
        FeedStore(database: database, holder: LifeLock.test(1).holder, leaseDuration: .seconds(60), pruneMax: 64)
    }

    @Test(
        "many stretches at once are stored in the order of the chain, by nodes that allow few blocks",
        arguments: [7, 5000])
    func parallel(rangeMax: Int) async throws {
        let database = TestDatabase.current.database
        let nodes = ListenerTests.nodes(
            21, blocks: 3000, faults: [NodeFaults(rangeMax: rangeMax), NodeFaults(rangeMax: rangeMax + 3)])
        let chain = Simulation.chain(21)
        try await database.alive {
            let store = Self.store(database)
            let lease = try #require(try await store.acquire(chain.id))
            var follower = try await Self.follower(chain, nodes, ListenerTests.settings, lease, store)
            while try await follower.step() == .behind {}
            #expect(follower.rate == HistoryRate())
        }
        #expect(try await ListenerTests.stored(chain) == ListenerTests.expected(nodes))
        let ledger = Ledger(replaying: try await database.query(ReadFeed(chainID: chain.id)))
        #expect(ledger.problems == [])
        #expect(ledger.standing.count > 1000)
    }

    @Test("history over orphaned logs of the same blocks brings them back, one by one")
    func again() async throws {
        let database = TestDatabase.current.database
        let nodes = ListenerTests.nodes(22, blocks: 400)
        let chain = Simulation.chain(22)
        try await database.alive {
            let store = Self.store(database)
            let lease = try #require(try await store.acquire(chain.id))
            var follower = try await Self.follower(chain, nodes, ListenerTests.settings, lease, store)
            while try await follower.step() == .behind {}
            try await store.release(lease)
        }
        let before = try await database.query(ReadCanonicalLogs(chainID: chain.id))
        let tools = Self.tools(chain, nodes)
        let retracted = try await tools.rewind(to: 100)
        #expect(retracted > 100)
        let row = try #require(try await database.first(ReadChain(chainID: chain.id)))
        #expect(row.checkpoint == 100 && row.finalized.map { $0 <= 100 } == true)
        try await database.alive {
            let store = Self.store(database)
            let lease = try #require(try await store.acquire(chain.id))
            var follower = try await Self.follower(chain, nodes, ListenerTests.settings, lease, store)
            while try await follower.step() == .behind {}
        }
        #expect(try await database.query(ReadCanonicalLogs(chainID: chain.id)) == before)
        #expect(try await ListenerTests.stored(chain) == ListenerTests.expected(nodes))
    }

    @Test("a contract that is added later is filled from its start while the tip goes on, each log once")
    func late() async throws {
        let database = TestDatabase.current.database
        let nodes = ListenerTests.nodes(23, blocks: 300)
        let whole = Simulation.chain(23)
        let part = Chain(
            id: whole.id, name: whole.name, rpcURLs: whole.rpcURLs, pollInterval: whole.pollInterval,
            confirmations: whole.confirmations, finality: whole.finality, explorerURL: nil,
            contracts: [whole.contracts[0]])
        var settings = ListenerTests.settings
        settings.fillPause = .milliseconds(5)
        let first = ListenerTests.service([(part, nodes)], settings: settings)
        try await ListenerTests.running([first]) { try await ListenerTests.atTip(first, part, nodes) }
        #expect(try await ListenerTests.stored(whole) != ListenerTests.expected(nodes))
        let second = ListenerTests.service([(whole, nodes)], settings: settings)
        try await ListenerTests.running([second]) {
            nodes.change { $0.grow(by: 40, using: &$1) }
            while true {
                let looks = nodes.looks.count
                let coverage = try await LedgerStore(database: database).coverage(whole.id)
                let starts = Dictionary(uniqueKeysWithValues: whole.contracts.map { ($0.address, $0.startBlock) })
                if coverage.count == whole.contracts.count,
                    coverage.allSatisfy({ coverage in
                        starts[coverage.address].map { coverage.gap(from: $0) == nil } ?? false
                    })
                {
                    break
                }
                try await nodes.looks.wait(times: looks + 1)
            }
            try await ListenerTests.atTip(second, whole, nodes)
        }
        #expect(try await ListenerTests.stored(whole) == ListenerTests.expected(nodes))
        let rows = try await database.query(ReadFeed(chainID: whole.id)).filter { $0.kind == 0 }
        #expect(Set(rows.map(\.eventID)).count == rows.count)
    }

    private static func tools(_ chain: Chain, _ nodes: SimulatedNodes, lock: UInt64 = 7) -> ChainTools {
        ChainTools(
            chain: chain, source: nodes, database: TestDatabase.current.database, settings: ListenerTests.settings,
            logger: .silent, lock: LifeLock.test(lock))
    }

    @Test("verifying appends what lacks and takes back what is not on the chain; a second time there is nothing to do")
    func verify() async throws {
        let database = TestDatabase.current.database
        let nodes = ListenerTests.nodes(24, blocks: 300)
        let chain = Simulation.chain(24)
        let tools = Self.tools(chain, nodes)
        await #expect(throws: ChainToolError.nothingStored(chain.id)) {
            try await tools.verify(from: nil, to: nil) { _, _ in }
        }
        try await database.alive {
            let store = Self.store(database)
            let lease = try #require(try await store.acquire(chain.id))
            var follower = try await Self.follower(chain, nodes, ListenerTests.settings, lease, store)
            while try await follower.step() == .behind {}
            await #expect(throws: ChainToolError.busy(chain.id)) {
                try await tools.verify(from: nil, to: nil) { _, _ in }
            }
            try await store.release(lease)
        }
        // Two logs are lost, and one is another than the chain's.
        try await TestDatabase.current.run(
            """
            DELETE FROM feed WHERE event_id IN (SELECT id FROM events ORDER BY id OFFSET 20 LIMIT 2);
            DELETE FROM events WHERE id IN (SELECT id FROM events ORDER BY id OFFSET 20 LIMIT 2);
            UPDATE events SET log_index = 9999 WHERE id = (SELECT id FROM events ORDER BY id OFFSET 40 LIMIT 1);
            """)
        let report = try await tools.verify(from: nil, to: nil) { _, _ in }
        #expect(report.appended == 3 && report.retracted == 1 && report.doubted == [])
        #expect(try await ListenerTests.stored(chain) == ListenerTests.expected(nodes))
        let again = try await tools.backfill(0...200) { _, _ in }
        #expect(again.appended == 0 && again.retracted == 0 && again.blocks == 198)
        await #expect(throws: ChainToolError.self) { try await tools.backfill(0...100_000) { _, _ in } }
        await #expect(throws: ChainToolError.self) { try await tools.rewind(to: 100_000) }
    }
}
