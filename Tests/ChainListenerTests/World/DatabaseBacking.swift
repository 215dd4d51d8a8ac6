import Domain
import Ethereum
import EthereumRPC
import Storage
import TestSupport

@testable import ChainListener

/// Rows in a real database and, beside them, in memory; what the two make of the same calls must be the same.
///
/// Touched by the driver's thread alone.
final class DatabaseBacking: WorldBacking, @unchecked Sendable {
    private let database: Database
    private let store: FeedStore
    private let ledger: LedgerStore
    /// The rows of events in the database, by their place in memory.
    private var ids: [MemoryFeed.Place: EventID] = [:]
    private let memory = MemoryBacking()
    private(set) var differences: [String] = []
    /// In a hundred commits: every connection is killed while one is under way.
    var kills = 0
    private(set) var killed = 0
    private var random: SeededGenerator

    /// All lives have one holder there, whose life lock the test keeps; which of them may have the lease, memory says.
    init(_ database: Database, seed: UInt64) {
        self.database = database
        random = SeededGenerator(seed: seed)
        ledger = LedgerStore(database: database)
        store = FeedStore(
            database: database, holder: LifeLock.test(1).holder, leaseDuration: MemoryBacking.leaseDuration, pruneMax: 8
        )
    }

    var feed: MemoryFeed { memory.feed }

    func acquire(_ chainID: ChainID, _ life: Life) async throws -> Lease? {
        guard let expected = try memory.acquire(chainID, life) else { return nil }
        let lease = try await life.world.external { [store] in try await store.acquire(chainID) }
        if lease != expected { differences.append("acquire: \(String(describing: lease)) instead of \(expected)") }
        return lease
    }

    func window(_ chainID: ChainID, checkpoint: BlockNumber, limit: Int, _ life: Life) async throws -> [Header] {
        let headers = try await life.world.external { [store] in
            try await store.window(chainID, checkpoint: checkpoint, limit: limit)
        }
        if headers != (try memory.window(chainID, checkpoint: checkpoint, limit: limit, life)) {
            differences.append("window up to \(checkpoint)")
        }
        return headers
    }

    func commit(_ commit: FeedCommit, _ life: Life) async throws -> CommitOutcome {
        let isKilled = kills > 0 && random.chance(kills)
        if isKilled { killed += 1 }
        let result: Result<CommitOutcome, any Error>
        do {
            result = .success(
                try await life.world.external { [store, database] in
                    guard isKilled else { return try await store.commit(commit) }
                    async let gone = try? database.withConnection { try await $0.run(script: Self.killAll) }
                    let outcome = try await store.commit(commit)
                    _ = await gone
                    return outcome
                })
        } catch {
            result = .failure(error)
        }
        if isKilled, case .failure = result {
            // Whether it was committed only the database knows.
            let row = try await life.world.external { [database] in
                try await database.first(ReadChain(chainID: commit.chainID))
            }
            if row?.checkpointHash != memory.feed.checkpoint?.hash || row?.sequence != Int64(memory.feed.feed.count) {
                _ = try memory.commit(commit, life)
            }
            return try result.get()
        }
        let expected: Result<CommitOutcome, any Error>
        do { expected = .success(try memory.commit(commit, life)) } catch { expected = .failure(error) }
        if "\(result)" != "\(expected)" { differences.append("commit: \(result) instead of \(expected)") }
        return try result.get()
    }

    private static let killAll = """
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'
        """

    func renew(_ lease: Lease, head: BlockNumber?, error: String?, _ life: Life) async throws {
        var problem: ListenerError?
        do {
            try await life.world.external { [store] in try await store.renew(lease, head: head, error: error) }
        } catch let error as ListenerError {
            problem = error
        }
        do { try memory.renew(lease, head: head, error: error, life) } catch {
            if problem == nil { differences.append("renew: \(error) in memory alone") }
        }
        if let problem { throw problem }
    }

    func halt(_ lease: Lease, reason: String, _ life: Life) async throws {
        try memory.halt(lease, reason: reason, life)
        try await life.world.external { [store] in try await store.halt(lease, reason: reason) }
    }

    func release(_ lease: Lease, _ life: Life) async throws {
        memory.release(lease, life)
        try await life.world.external { [store] in try await store.release(lease) }
    }

    // MARK: The ledger

    func next(_ chainID: ChainID, from position: BlockNumber, _ life: Life) async throws -> FindUnverified.Found? {
        let found = try await life.world.external { [ledger] in try await ledger.next(chainID, from: position) }
        let expected = memory.next(chainID, from: position, life)
        if found?.range != expected?.range || found?.finalized != expected?.finalized {
            differences.append("next: \(String(describing: found)) instead of \(String(describing: expected))")
        }
        return found
    }

    func count(_ chainID: ChainID, _ life: Life) async throws -> Int64 {
        let count = try await life.world.external { [ledger] in try await ledger.count(chainID) }
        if count != memory.count(chainID, life) { differences.append("count: \(count)") }
        return count
    }

    func stored(
        _ chainID: ChainID, _ range: ClosedRange<BlockNumber>, _ life: Life
    ) async throws -> (hashes: [BlockNumber: Hash], events: [StoredLog]) {
        let (hashes, events) = try await life.world.external { [ledger] in try await ledger.stored(chainID, range) }
        let expected = memory.stored(chainID, range, life)
        if hashes != expected.hashes || events.map(\.log) != expected.events.map(\.log) {
            differences.append("stored in \(range)")
        }
        for event in events {
            ids[.init(blockHash: event.log.blockHash, logIndex: event.log.logIndex)] = event.id
        }
        // Both are asked about rows by the numbers that memory gives them.
        return expected
    }

    func newest(_ chainID: ChainID, limit: Int, _ life: Life) async throws -> [StoredLog] {
        let events = try await life.world.external { [ledger] in try await ledger.newest(chainID, limit: limit) }
        let expected = memory.newest(chainID, limit: limit, life)
        if events.map(\.log) != expected.map(\.log) { differences.append("the newest \(limit)") }
        return expected
    }

    func settle(_ settlement: Settlement, _ life: Life) async throws -> (events: Int, retractions: Int)? {
        var translated = settlement
        translated.surplus = settlement.surplus.compactMap { id in
            let log = memory.feed.events[Int(id.rawValue)].row.log
            return ids[.init(blockHash: log.blockHash, logIndex: log.logIndex)]
        }
        let settled = translated
        let outcome = try await life.world.external { [ledger] in try await ledger.settle(settled) }
        let expected = try memory.settle(settlement, life)
        if outcome?.events != expected?.events || outcome?.retractions != expected?.retractions {
            differences.append(
                "settle: \(String(describing: outcome)) instead of \(String(describing: expected))")
        }
        return outcome
    }

    /// Holds all rows of the chain against memory.
    func compare(_ chainID: ChainID) async throws {
        let rows = try await database.query(ReadFeed(chainID: chainID))
        let stored = rows.map { row in
            "\(row.kind) \(row.block) \(row.blockHash?.description ?? "-") \(row.logIndex ?? -1)"
        }
        let expected = feed.feed.map { row in
            let log = row.event.map { feed.events[$0].row.log }
            return
                "\(row.kind) \(row.block) \(log?.blockHash.description ?? "-") \(log.map { Int64($0.logIndex) } ?? -1)"
        }
        if stored != expected { differences.append("feed: \(stored.count) rows instead of \(expected.count)") }
        if rows.map(\.sequence) != Array(1...Int64(max(1, rows.count))).prefix(rows.count).map(\.self) {
            differences.append("the sequence has holes")
        }
        let logs = try await database.query(ReadCanonicalLogs(chainID: chainID))
        let canonical = feed.events.filter(\.isCanonical).sorted {
            ($0.row.log.blockNumber, $0.row.log.logIndex) < ($1.row.log.blockNumber, $1.row.log.logIndex)
        }
        let same = logs.elementsEqual(canonical) { row, record in
            row.blockHash == record.row.log.blockHash && row.logIndex == record.row.log.logIndex
                && row.type == record.row.type?.rawValue && row.decodingError == record.row.decodingError
                && row.from == record.from
        }
        let moves = try await database.query(ReadMoves(chainID: chainID))
        let movedFrom = feed.feed.enumerated().compactMap { index, row in
            row.movedFrom.map { place in
                let log = feed.events[place].row.log
                return ReadMoves.Row(
                    sequence: Int64(index + 1), blockHash: log.blockHash, logIndex: Int64(log.logIndex))
            }
        }
        if moves != movedFrom {
            let (others, missing) = (moves.filter { !movedFrom.contains($0) }, movedFrom.filter { !moves.contains($0) })
            differences.append("moves: \(others) instead of \(missing)")
        }
        if !same { differences.append("events: \(logs.count) canonical instead of \(canonical.count), or others") }
    }
}

/// Which feed rows tell that their event moved, and from where.
struct ReadMoves: Statement {
    struct Row: Sendable, Equatable {
        let sequence: Int64
        let blockHash: Hash
        let logIndex: Int64
    }
    static let sql = """
        SELECT feed.sequence, events.block_hash, events.log_index FROM feed JOIN events ON events.id = feed.moved_from
        WHERE feed.chain_id = $1 ORDER BY feed.sequence
        """
    let chainID: ChainID
    var arguments: [SQLValue] { [.integer(chainID.rawValue)] }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> Row {
        Row(sequence: try row.integer(0), blockHash: try row.hash(1), logIndex: try row.integer(2))
    }
}
