import Domain
import Ethereum
import EthereumRPC
import Logging
import Storage
import TestSupport
import Testing

@testable import ChainListener

@Suite("verifying what is stored", .freshDatabase)
struct AuditorTests {
    /// A chain whose nodes answered wrongly when it was read, and what is known of it now.
    private struct World {
        let nodes: SimulatedNodes
        let chain: Chain
        let lease: Lease
        let log = LogRecorder()
        var settings: ListenerSettings

        /// Reads `blocks` blocks through `source`, which distorts what the nodes answer.
        init(
            _ id: Int64, blocks: Int = 150, hasBlooms: Bool = true, finality: FinalitySource = .tags,
            reading: (SimulatedNodes) -> DistortedSource
        ) async throws {
            var random = SeededGenerator(seed: UInt64(id))
            var chain = SimulatedChain(hasBlooms: hasBlooms, using: &random)
            chain.grow(by: blocks, using: &random)
            nodes = SimulatedNodes(chain: chain, nodes: [NodeFaults(), NodeFaults()], seed: UInt64(id))
            self.chain = Simulation.chain(id, finality: finality)
            settings = ListenerTests.settings
            settings.auditRangeMax = 40
            let store = FeedStore(
                database: TestDatabase.current.database, holder: LifeLock.test(1).holder,
                leaseDuration: .seconds(60), pruneMax: 8)
            let chainID = self.chain.id
            lease = try await TestDatabase.current.database.alive {
                try #require(try await store.acquire(chainID))
            }
            var follower = try await Follower.resume(
                lease, chain: self.chain, source: reading(nodes), store: store, settings: settings,
                meters: ListenerMeters(chain: self.chain.id))
            while try await follower.step() == .behind {}
        }

        func auditor(_ source: any ChainSource) -> Auditor {
            Auditor(
                chain: chain, token: lease.token, source: source,
                ledger: LedgerStore(database: TestDatabase.current.database), settings: settings,
                meters: ListenerMeters(chain: chain.id), logger: log.logger)
        }

        /// Audits until everything is verified or a pass came to nothing.
        func audit(_ source: any ChainSource, trustsBloom: Bool = true) async throws -> Auditor.Pace {
            var auditor = auditor(source)
            for _ in 0..<500 {
                let pace = try await auditor.step(trustsBloom: trustsBloom)
                if pace != .more { return pace }
            }
            Issue.record("the audit does not end")
            return .more
        }

        /// The heights that are unverified.
        func unverified() async throws -> Set<Int64> {
            let ranges = try await TestDatabase.current.database.query(ReadRanges(chainID: chain.id))
            return Set(ranges.flatMap(Array.init))
        }

        /// Expects that what stands in table and feed is what the chain holds.
        func expectTruth(sourceLocation: SourceLocation = #_sourceLocation) async throws {
            #expect(
                try await ListenerTests.stored(chain) == ListenerTests.expected(nodes), sourceLocation: sourceLocation)
            let events = nodes.with { $0.chain.watchedLogs }.filter { log in
                if case .event = EventDecoder.decode(log) { true } else { false }
            }
            let rows = try await TestDatabase.current.database.query(ReadFeed(chainID: chain.id))
            #expect(rows.map(\.sequence) == Array(1...Int64(rows.count)), sourceLocation: sourceLocation)
            var standing: Set<Int64> = []
            for row in rows {
                guard let id = row.eventID else { continue }
                let isNew = row.kind == 0 ? standing.insert(id).inserted : standing.remove(id) != nil
                #expect(isNew, "feed row \(row.sequence)", sourceLocation: sourceLocation)
            }
            #expect(standing.count == events.count, sourceLocation: sourceLocation)
        }
    }

    private struct ReadRanges: Statement {
        static let sql = "SELECT first, last FROM unverified_ranges WHERE chain_id = $1 ORDER BY first"
        let chainID: ChainID
        var arguments: [SQLValue] { [.integer(chainID.rawValue)] }
        func decode(_ row: borrowing RowReader) throws(StorageError) -> ClosedRange<Int64> {
            try row.integer(0)...row.integer(1)
        }
    }

    private struct CountVerifications: Statement {
        static let sql = """
            SELECT coalesce(verification, 'none'), count(*) FROM blocks
            WHERE chain_id = $1 AND is_canonical AND log_count > 0 GROUP BY 1
            """
        let chainID: ChainID
        var arguments: [SQLValue] { [.integer(chainID.rawValue)] }
        func decode(_ row: borrowing RowReader) throws(StorageError) -> (String, Int64) {
            (try row.text(0), try row.integer(1))
        }
    }

    private static func verifications(_ world: World) async throws -> [String: Int64] {
        let rows = try await TestDatabase.current.database.query(CountVerifications(chainID: world.chain.id))
        return Dictionary(uniqueKeysWithValues: rows)
    }

    /// Leaves out every third log, by its hash.
    private static let forgetful: @Sendable ([Log]) -> [Log] = { logs in
        logs.filter { $0.blockHash.bytes[31] % 3 != 0 }
    }

    private static func alone(_ nodes: SimulatedNodes) -> DistortedSource {
        DistortedSource(inner: nodes, otherLogs: nil)
    }

    @Test("one honest node with receipts proves everything; what it has beyond what is stored is appended late")
    func late() async throws {
        let world = try await World(21) {
            DistortedSource(inner: $0, logs: Self.forgetful, otherLogs: nil, receipts: nil)
        }
        let before = try await ListenerTests.stored(world.chain)
        #expect(before.count < ListenerTests.expected(world.nodes).count)
        #expect(try await !world.unverified().isEmpty)
        // Above finality, heights without a stored block wait until they are final.
        world.nodes.with { $0.finalityDepth = 0 }
        try await Self.finalize(world)
        #expect(try await world.audit(Self.alone(world.nodes)) == .idle)
        #expect(try await world.unverified().isEmpty)
        try await world.expectTruth()
        #expect(Set(try await Self.verifications(world).keys) == ["receipts"])
        #expect(world.log.count(.error) > 0)
    }

    @Test("two nodes that agree prove ranges without a header of each block, also where no bloom says anything")
    func quorum() async throws {
        let world = try await World(22, hasBlooms: false) {
            DistortedSource(inner: $0, logs: Self.forgetful, otherLogs: nil, receipts: nil)
        }
        try await Self.finalize(world)
        let source = DistortedSource(inner: world.nodes, receipts: nil)
        #expect(try await world.audit(source, trustsBloom: false) == .idle)
        try await world.expectTruth()
        #expect(try await Self.verifications(world).keys.sorted() == ["quorum"])
    }

    @Test("what is stored and not on the chain is retracted")
    func surplus() async throws {
        // A log that repeats another one's topics leaves no trace in the bloom.
        let inventive: @Sendable ([Log]) -> [Log] = { logs in
            logs
                + logs.filter { $0.blockHash.bytes[31] % 4 == 0 && $0.logIndex < 90 }.map { log in
                    var log = log
                    log.logIndex += 100
                    return log
                }
        }
        let world = try await World(23) {
            DistortedSource(inner: $0, logs: inventive, otherLogs: nil, receipts: nil)
        }
        let truth = ListenerTests.expected(world.nodes).count
        #expect(try await ListenerTests.stored(world.chain).count > truth)
        try await Self.finalize(world)
        #expect(try await world.audit(Self.alone(world.nodes)) == .idle)
        try await world.expectTruth()
        let rows = try await TestDatabase.current.database.query(ReadFeed(chainID: world.chain.id))
        #expect(rows.contains { $0.kind == 1 })
    }

    @Test("a log that was stored with another content is retracted, and the right one takes its place")
    func altered() async throws {
        // What transaction a log is of leaves no trace in the bloom.
        let altering: @Sendable ([Log]) -> [Log] = { logs in
            logs.map { log in
                var log = log
                if log.blockHash.bytes[31] % 4 == 0 { log.transactionHash = SimulatedChain.word(4) }
                return log
            }
        }
        let world = try await World(29) {
            DistortedSource(inner: $0, logs: altering, otherLogs: nil, receipts: nil)
        }
        try await Self.finalize(world)
        #expect(try await world.audit(Self.alone(world.nodes)) == .idle)
        try await world.expectTruth()
        let rows = try await TestDatabase.current.database.query(ReadFeed(chainID: world.chain.id))
        #expect(rows.contains { $0.kind == 1 })
        #expect(world.log.count(.error) > 0)
    }

    @Test("without receipts and a second node, blooms prove what they rule out and the rest stays on the ledger")
    func stuck() async throws {
        let world = try await World(24) { DistortedSource(inner: $0, otherLogs: nil, receipts: nil) }
        try await Self.finalize(world)
        // The signal fires for each block that is asked for on its own and has logs.
        let asked = Signal()
        let source = DistortedSource(
            inner: world.nodes,
            logs: { logs in
                if !logs.isEmpty { asked.fire() }
                return logs
            }, otherLogs: nil, receipts: nil)
        #expect(try await world.audit(source) == .stuck)
        // Two passes, neither of which goes on asking in vain.
        #expect(asked.count <= 2 * (Auditor.fruitlessMax + Auditor.blocksMax))
        let open = world.nodes.with { state in
            state.chain.canonical.compactMap { state.chain.blocks[$0]?.header }.filter { header in
                // An empty bloom over transactions proves nothing where no receipts ever bore one out.
                header.logsBloom?.isEmpty == true && header.transactionCount != 0
                    || world.chain.contracts.contains { header.logsBloom?.contains($0.address) == true }
            }.map(\.number.rawValue)
        }
        let unverified = try await world.unverified()
        #expect(unverified.isSubset(of: open) && !unverified.isEmpty)
        #expect(world.log.count(.error) == 0)
        try await world.expectTruth()
        // As soon as the node has receipts the rest is proved too.
        #expect(try await world.audit(Self.alone(world.nodes)) == .idle)
        try await world.expectTruth()
    }

    @Test("above finality stored blocks are verified by their hash, and heights without one wait")
    func tip() async throws {
        let world = try await World(25, blocks: 30) {
            DistortedSource(inner: $0, logs: Self.forgetful, otherLogs: nil, receipts: nil)
        }
        try await TestDatabase.current.run("UPDATE chains SET finalized_number = NULL")
        #expect(try await world.audit(Self.alone(world.nodes)) == .stuck)
        let rows = try await Self.verifications(world)
        #expect(rows.keys.contains("receipts"))
        let unverified = try await world.unverified()
        let tip = 30 - Int64(world.settings.windowDepth)
        #expect(!unverified.isEmpty && unverified.allSatisfy { $0 <= tip + 16 })
        try await Self.finalize(world)
        #expect(try await world.audit(Self.alone(world.nodes)) == .idle)
        try await world.expectTruth()
    }

    @Test("blooms that contradict what is stored are not believed about anything else")
    func bloomsOfOthers() async throws {
        let world = try await World(26) {
            DistortedSource(inner: $0, logs: Self.forgetful, otherLogs: nil, receipts: nil)
        }
        try await Self.finalize(world)
        let source = SwappedBlooms(inner: DistortedSource(inner: world.nodes, otherLogs: nil, receipts: nil))
        let before = try await world.unverified()
        #expect(try await world.audit(source) == .stuck)
        #expect(try await world.unverified() == before)
        #expect(try await world.audit(SwappedBlooms(inner: Self.alone(world.nodes))) == .idle)
        try await world.expectTruth()
    }

    @Test("nothing is written without the lease, or where the chain changed meanwhile")
    func fenced() async throws {
        let world = try await World(27) { DistortedSource(inner: $0, otherLogs: nil, receipts: nil) }
        try await Self.finalize(world)
        let ledger = LedgerStore(database: TestDatabase.current.database)
        let before = try await world.unverified()
        let (hashes, _) = try await ledger.stored(world.chain.id, 0...40)
        var settlement = Settlement(
            chainID: world.chain.id, token: world.lease.token, range: 0...40, hashes: hashes.filter { $0.key != 40 })
        if hashes[40] == nil {
            settlement = Settlement(
                chainID: world.chain.id, token: world.lease.token, range: 0...40, hashes: [40: .zero])
        }
        settlement.verified = [3]
        #expect(try await ledger.settle(settlement) == nil)
        #expect(try await world.unverified() == before)
        try await TestDatabase.current.run("UPDATE chains SET listener_token = listener_token + 1")
        var auditor = world.auditor(Self.alone(world.nodes))
        await #expect(throws: ListenerError.fenced) { while try await auditor.step() == .more {} }
        #expect(try await world.unverified() == before)
    }

    /// Makes everything that is stored final.
    private static func finalize(_ world: World) async throws {
        try await TestDatabase.current.run("UPDATE chains SET finalized_number = checkpoint_number")
    }

    @Test("the listener works the ledger off beside following the tip")
    func service() async throws {
        let world = try await World(28) {
            DistortedSource(inner: $0, logs: Self.forgetful, otherLogs: nil, receipts: nil)
        }
        world.nodes.with { $0.finalityDepth = 2 }
        var settings = ListenerTests.settings
        (settings.auditPause, settings.auditIdle, settings.auditRetry) = (.zero, .milliseconds(1), .milliseconds(1))
        let service = ListenerTests.service([(world.chain, world.nodes)], settings: settings)
        let database = TestDatabase.current.database
        try await ListenerTests.running([service]) {
            while true {
                let looks = world.nodes.looks.count
                if try await LedgerStore(database: database).count(world.chain.id) == 0 { return }
                world.nodes.change { $0.grow(by: 1, using: &$1) }
                try await world.nodes.looks.wait(times: looks + 2)
            }
        }
        try await ListenerTests.running([service]) { try await ListenerTests.atTip(service, world.chain, world.nodes) }
        try await world.expectTruth()
    }
}

/// Headers that carry the bloom of the block below, as on chains that execute later than they order, but do not say so.
private struct SwappedBlooms: ChainSource {
    let inner: DistortedSource

    private func swapped(_ headers: [Header]) async throws -> [Header] {
        var result: [Header] = []
        for var header in headers {
            if header.number > 0 { header.logsBloom = try await inner.headers([header.parentHash]).first?.logsBloom }
            result.append(header)
        }
        return result
    }
    private func swapped(_ answer: BlockLogs) async throws -> BlockLogs {
        var answer = answer
        answer.headers = try await swapped(answer.headers)
        return answer
    }
    var spanLength: Int { inner.spanLength }
    var nodeCount: Int { 1 }
    func tip(tags: Bool) async throws -> BlockMarks { try await inner.tip(tags: tags) }
    func tip(
        tags: Bool, notBy node: Int, at numbers: [BlockNumber]
    ) async throws -> (marks: BlockMarks?, blocks: [Header])? { nil }
    func segment(_ range: ClosedRange<BlockNumber>, contracts: [Address]) async throws -> BlockLogs {
        try await swapped(inner.segment(range, contracts: contracts))
    }
    func span(_ range: ClosedRange<BlockNumber>, contracts: [Address]) async throws -> BlockLogs {
        try await swapped(inner.span(range, contracts: contracts))
    }
    func block(_ hash: Hash, contracts: [Address]) async throws -> BlockLogs {
        try await swapped(inner.block(hash, contracts: contracts))
    }
    func span(_ range: ClosedRange<BlockNumber>, contracts: [Address], notBy node: Int) async throws -> BlockLogs? {
        nil
    }
    func block(_ hash: Hash, contracts: [Address], notBy node: Int) async throws -> BlockLogs? { nil }
    func headers(_ hashes: [Hash]) async throws -> [Header] { try await swapped(inner.headers(hashes)) }
    func header(at number: BlockNumber, notBy node: Int) async throws -> Header? { nil }
    func receipts(of hash: Hash) async throws -> [Receipt]? { try await inner.receipts(of: hash) }
    func senders(of transactions: [Hash]) async throws -> [Hash: Address] { try await inner.senders(of: transactions) }
    func distrust(_ node: Int, because reason: String) {}
}
