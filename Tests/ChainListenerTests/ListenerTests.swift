import Domain
import Ethereum
import EthereumRPC
import Logging
import Storage
import Synchronization
import TestSupport
import Testing

@testable import ChainListener

@Suite("listeners at work", .freshDatabase)
struct ListenerTests {
    static var settings: ListenerSettings {
        var settings = ListenerSettings()
        settings.windowDepth = 16
        settings.segmentMax = 6
        settings.leasePause = .milliseconds(10)
        settings.retryFirst = .milliseconds(5)
        settings.retryCeiling = .milliseconds(20)
        return settings
    }

    static func nodes(_ seed: UInt64, blocks: Int = 30, faults: [NodeFaults] = [NodeFaults()]) -> SimulatedNodes {
        var random = SeededGenerator(seed: seed)
        var chain = SimulatedChain(using: &random)
        chain.grow(by: blocks, using: &random)
        return SimulatedNodes(chain: chain, nodes: faults, seed: seed)
    }

    static func service(
        _ chains: [(Chain, SimulatedNodes)], logger: Logger = .silent, settings: ListenerSettings = settings
    ) -> ListenerService {
        let nodes = Dictionary(uniqueKeysWithValues: chains.map { ($0.0.id, $0.1) })
        return ListenerService(
            chains: chains.map(\.0), database: TestDatabase.current.database, logger: logger, settings: settings
        ) { nodes[$0.id]! }
    }

    /// Runs the service until `body` returns.
    static func running(
        _ services: [ListenerService], _ body: @escaping @Sendable () async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for service in services { group.addTask { try await service.run() } }
            group.addTask { try await within(.seconds(60), body) }
            // The first to end is the body, or a service that failed.
            try await group.next()
            group.cancelAll()
        }
    }

    /// Returns once `service` has stored the newest block of `nodes`.
    static func atTip(_ service: ListenerService, _ chain: Chain, _ nodes: SimulatedNodes) async throws {
        var looks = nodes.looks.count
        while true {
            let tip = nodes.with { BlockNumber(integerLiteral: Int64($0.chain.height)) }
            let status = service.status().first { $0.chainID == chain.id }
            if status?.state == .following, status?.checkpoint == tip { return }
            try await nodes.looks.wait(times: looks + 1)
            looks = nodes.looks.count
        }
    }

    static func stored(_ chain: Chain) async throws -> [Ledger.Place] {
        try await TestDatabase.current.database.query(ReadCanonicalLogs(chainID: chain.id)).map {
            Ledger.Place(blockHash: $0.blockHash, logIndex: $0.logIndex)
        }
    }

    static func expected(_ nodes: SimulatedNodes) -> [Ledger.Place] {
        nodes.with { $0.chain.watchedLogs }.map { Ledger.Place(blockHash: $0.blockHash, logIndex: $0.logIndex) }
    }

    @Test("a service brings each chain to its tip, notifies and follows it")
    func follow() async throws {
        let (one, two) = (Self.nodes(1), Self.nodes(2, blocks: 60))
        let (first, second) = (Simulation.chain(1), Simulation.chain(2))
        let service = Self.service([(first, one), (second, two)])
        let notices = TestDatabase.current.database.listen(["tocsin_feed"])
        try await Self.running([service]) {
            try await Self.atTip(service, first, one)
            try await Self.atTip(service, second, two)
            one.change { $0.grow(by: 5, using: &$1) }
            try await Self.atTip(service, first, one)
        }
        #expect(try await Self.stored(first) == Self.expected(one))
        #expect(try await Self.stored(second) == Self.expected(two))
        _ = try await notices.first(within: .seconds(10)) { $0 == .notified(channel: "tocsin_feed", payload: "") }
    }

    @Test("of two listeners on one chain exactly one writes, and the other takes over at once when it dies")
    func standby() async throws {
        let nodes = Self.nodes(3)
        let chain = Simulation.chain(3)
        var patient = Self.settings
        // The lease alone would keep the second one waiting for an hour.
        patient.leaseDuration = .seconds(3600)
        let log = LogRecorder()
        let first = Self.service([(chain, nodes)], settings: patient)
        let second = Self.service([(chain, nodes)], logger: log.logger, settings: patient)
        let database = TestDatabase.current.database
        try await Self.running([first]) {
            try await Self.atTip(first, chain, nodes)
            let token = try await database.first(ReadChain(chainID: chain.id))?.token
            try await Self.running([second]) {
                try await log.wait(for: .notice)
                #expect(second.status().first?.state == .standingBy)
                nodes.change { $0.grow(by: 5, using: &$1) }
                try await Self.atTip(first, chain, nodes)
            }
            #expect(try await database.first(ReadChain(chainID: chain.id))?.token == token)
            #expect(second.status().first?.checkpoint == nil)
        }
        nodes.change { $0.grow(by: 5, using: &$1) }
        try await Self.running([second]) { try await Self.atTip(second, chain, nodes) }
        #expect(try await Self.stored(chain) == Self.expected(nodes))
        #expect(Ledger(replaying: try await database.query(ReadFeed(chainID: chain.id))).problems == [])
    }

    @Test("a holder whose lease was taken writes nothing any more")
    func fenced() async throws {
        let database = TestDatabase.current.database
        let nodes = Self.nodes(4)
        let chain = Simulation.chain(4)
        func store(_ lock: UInt64) -> FeedStore {
            FeedStore(database: database, holder: LifeLock.test(lock).holder, leaseDuration: .seconds(60), pruneMax: 8)
        }
        func follower(_ lease: Lease, _ store: FeedStore) async throws -> Follower {
            try await Follower.resume(
                lease, chain: chain, source: nodes, store: store, settings: Self.settings,
                meters: ListenerMeters(chain: chain.id))
        }
        #expect(try await store(1).acquire(chain.id) == nil, "no lease without a life lock")
        let old = try await database.alive(.test(1)) {
            let lease = try #require(try await store(1).acquire(chain.id))
            #expect(try await database.alive(.test(2)) { try await store(2).acquire(chain.id) } == nil)
            return try await follower(lease, store(1))
        }
        try await database.alive(.test(2)) {
            let lease = try #require(try await store(2).acquire(chain.id))
            #expect(lease.token == old.lease.token + 1)
            var (old, new) = (old, try await follower(lease, store(2)))
            await #expect(throws: ListenerError.fenced) { try await old.step() }
            await #expect(throws: ListenerError.fenced) { try await store(1).renew(old.lease, head: 3, error: nil) }
            await #expect(throws: ListenerError.fenced) { try await store(1).halt(old.lease, reason: "no") }
            let before = try await database.first(ReadChain(chainID: chain.id))
            #expect(before?.sequence == 0 && before?.halted == nil)
            while try await new.step() == .behind {}
        }
        #expect(try await Self.stored(chain) == Self.expected(nodes))
    }

    @Test("a commit on another checkpoint than the stored one is refused")
    func stale() async throws {
        let database = TestDatabase.current.database
        let nodes = Self.nodes(5)
        let chain = Simulation.chain(5)
        let store = FeedStore(
            database: database, holder: LifeLock.test(1).holder, leaseDuration: .seconds(60), pruneMax: 8)
        try await database.alive {
            let lease = try #require(try await store.acquire(chain.id))
            var one = try await Follower.resume(
                lease, chain: chain, source: nodes, store: store, settings: Self.settings,
                meters: ListenerMeters(chain: chain.id))
            var two = one
            _ = try await one.step()
            await #expect(throws: ListenerError.stale) { try await two.step() }
        }
    }

    @Test("a chain whose nodes are away says so once and holds no other chain up; it goes on when they are back")
    func unreachable() async throws {
        let (good, bad) = (Self.nodes(6), Self.nodes(7))
        let (first, second) = (Simulation.chain(6), Simulation.chain(7))
        bad.with { $0.isDown = true }
        let log = LogRecorder()
        let service = Self.service([(first, good), (second, bad)], logger: log.logger)
        let database = TestDatabase.current.database
        try await Self.running([service]) {
            try await Self.atTip(service, first, good)
            try await bad.looks.wait(times: 10)
            let row = try await database.first(ReadChain(chainID: second.id))
            #expect(row?.error == "no node answers: server")
            #expect(service.status().last?.state == .failing("no node answers: server"))
            bad.with { $0.isDown = false }
            try await Self.atTip(service, second, bad)
        }
        #expect(try await Self.stored(second) == Self.expected(bad))
        #expect(log.count(.warning) == 1)
        #expect(log.count(.notice) == 1)
    }

    @Test("a block that the policy demands proof of is held back, loudly, until there is one")
    func heldBack() async throws {
        let nodes = Self.nodes(11, faults: [NodeFaults(hasReceipts: false)])
        let simulated = Simulation.chain(11)
        let chain = Chain(
            id: simulated.id, name: simulated.name, rpcURLs: simulated.rpcURLs, pollInterval: simulated.pollInterval,
            confirmations: simulated.confirmations, finality: simulated.finality, verification: .receipts,
            explorerURL: nil, contracts: simulated.contracts)
        let log = LogRecorder()
        let service = Self.service([(chain, nodes)], logger: log.logger)
        let database = TestDatabase.current.database
        try await Self.running([service]) {
            try await log.wait(for: .warning)
            // The error is stored behind the warning and before the next look.
            try await nodes.looks.wait(times: nodes.looks.count + 1)
            let row = try #require(try await database.first(ReadChain(chainID: chain.id)))
            #expect(row.error?.contains("is held back") == true)
            #expect(try #require(row.checkpoint) < 30)
            nodes.with { $0.nodes[0].faults.hasReceipts = true }
            try await Self.atTip(service, chain, nodes)
        }
        #expect(try await Self.stored(chain) == Self.expected(nodes))
        #expect(log.count(.warning) == 1)
        #expect(try await database.first(ReadChain(chainID: chain.id))?.error == nil)
    }

    @Test("a fork below what is final halts the chain until an operator clears the reason")
    func halt() async throws {
        let nodes = Self.nodes(8, blocks: 60)
        let chain = Simulation.chain(8)
        let log = LogRecorder()
        let service = Self.service([(chain, nodes)], logger: log.logger)
        let database = TestDatabase.current.database
        try await Self.running([service]) { try await Self.atTip(service, chain, nodes) }
        let (left, before) = (nodes.with { $0.chain.canonical }, Self.expected(nodes))
        nodes.change { $0.fork(depth: 30, length: 31, using: &$1) }
        try await Self.running([service]) {
            try await log.wait(for: .error)
            let row = try await database.first(ReadChain(chainID: chain.id))
            #expect(row?.halted?.contains("tocsin rewind --chain 8 --to 60,") == true)
            // The nodes were wrong, and an operator says so.
            nodes.change { chain, random in
                chain.restore(left)
                chain.grow(by: 2, using: &random)
            }
            try await TestDatabase.current.run("UPDATE chains SET halted_reason = NULL")
            try await Self.atTip(service, chain, nodes)
        }
        #expect(Array(try await Self.stored(chain).prefix(before.count)) == before)
        #expect(try await Self.stored(chain) == Self.expected(nodes))
        #expect(Ledger(replaying: try await database.query(ReadFeed(chainID: chain.id))).retractions == 0)
        #expect(log.count(.error) == 1)
    }

    @Test("connections that the server cuts at any moment change nothing")
    func cuts() async throws {
        let nodes = Self.nodes(10, blocks: 100)
        let chain = Simulation.chain(10)
        let service = Self.service([(chain, nodes)])
        try await Self.running([service]) {
            for _ in 0..<5 {
                nodes.change { $0.grow(by: 3, using: &$1) }
                let looks = nodes.looks.count
                try await nodes.looks.wait(times: looks + 1)
                try await TestDatabase.current.run(
                    """
                    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE datname = current_database() AND pid <> pg_backend_pid()
                    """)
            }
            try await Self.atTip(service, chain, nodes)
        }
        #expect(try await Self.stored(chain) == Self.expected(nodes))
        let ledger = Ledger(replaying: try await TestDatabase.current.database.query(ReadFeed(chainID: chain.id)))
        #expect(ledger.problems == [])
    }

    @Test("an idle chain keeps no more blocks than a reorganisation could undo")
    func pruning() async throws {
        let nodes = Self.nodes(9, blocks: 200)
        let chain = Simulation.chain(9)
        let service = Self.service([(chain, nodes)])
        try await Self.running([service]) {
            try await Self.atTip(service, chain, nodes)
            for _ in 0..<20 {
                nodes.change { $0.grow(by: 10, using: &$1) }
                try await Self.atTip(service, chain, nodes)
            }
        }
        let counts = try await TestDatabase.current.database.first(CountBlocks(chainID: chain.id))
        #expect(try #require(counts).empty <= 16)
        #expect(try #require(counts).withLogs > 50)
    }
}

struct CountBlocks: Statement {
    static let sql = """
        SELECT count(*) FILTER (WHERE log_count = 0), count(*) FILTER (WHERE log_count > 0) FROM blocks
        WHERE chain_id = $1
        """
    let chainID: ChainID
    var arguments: [SQLValue] { [.integer(chainID.rawValue)] }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> (empty: Int64, withLogs: Int64) {
        (try row.integer(0), try row.integer(1))
    }
}

/// Counts and keeps what is logged.
final class LogRecorder: Sendable {
    struct Entry: Sendable {
        let level: Logger.Level
        let message: String
        /// The logger's and the message's own, as text.
        let metadata: [String: String]
    }
    private let kept = Mutex<[Entry]>([])
    var entries: [Entry] { kept.withLock { $0 } }
    private let signals = Dictionary(uniqueKeysWithValues: Logger.Level.allCases.map { ($0, Signal()) })
    func count(_ level: Logger.Level) -> Int { signals[level]?.count ?? 0 }
    func wait(for level: Logger.Level) async throws { try await signals[level]?.wait() }
    var logger: Logger { Logger(label: "tests") { _ in Handler(recorder: self) } }

    struct Handler: LogHandler {
        let recorder: LogRecorder
        var metadata: Logger.Metadata = [:]
        var logLevel: Logger.Level = .debug
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }
        func log(event: LogEvent) {
            let all = metadata.merging(event.metadata ?? [:]) { $1 }
            let entry = Entry(level: event.level, message: "\(event.message)", metadata: all.mapValues { "\($0)" })
            recorder.kept.withLock { $0.append(entry) }
            recorder.signals[event.level]?.fire()
        }
    }
}
