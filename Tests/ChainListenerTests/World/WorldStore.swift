import Domain
import Ethereum
import EthereumRPC
import Storage

@testable import ChainListener

/// The store of a simulated world as one life of the process reaches it.
struct WorldStore: FeedStoring {
    let life: Life

    /// What every call meets: the end of the process, a database that is away, and some time.
    fileprivate func reach() async throws {
        guard !life.isDead else { throw CancellationError() }
        if let delay = life.world.storeDelay { try await life.clock.sleep(for: delay) }
        guard !life.isDead else { throw CancellationError() }
        guard life.world.isDatabaseUp else {
            life.world.counts[.databaseDown] += 1
            throw StorageError.unavailable(reason: "the simulated server is down")
        }
    }

    func acquire(_ chainID: ChainID) async throws -> Lease? {
        try await reach()
        let lease = try await life.world.backing.acquire(chainID, life)
        life.world.record("acquire \(life.number) \(lease?.token ?? 0)")
        return lease
    }

    func window(_ chainID: ChainID, checkpoint: BlockNumber, limit: Int) async throws -> [Header] {
        try await reach()
        return try await life.world.backing.window(chainID, checkpoint: checkpoint, limit: limit, life)
    }

    func commit(_ commit: FeedCommit) async throws -> CommitOutcome {
        try await reach()
        let world = life.world
        switch world.fate(life) {
        case .crashBeforeCommit:
            world.kill(life)
            throw CancellationError()
        case .crashAfterCommit:
            _ = try await world.backing.commit(commit, life)
            world.committed(commit, by: life)
            world.kill(life)
            throw CancellationError()
        case .unknownCommit:
            _ = try await world.backing.commit(commit, life)
            world.committed(commit, by: life)
            throw StorageError.commitUnknown
        default:
            let outcome = try await world.backing.commit(commit, life)
            world.committed(commit, by: life)
            return outcome
        }
    }

    func renew(_ lease: Lease, head: BlockNumber?, error: String?) async throws {
        try await reach()
        try await life.world.backing.renew(lease, head: head, error: error, life)
    }

    func halt(_ lease: Lease, reason: String) async throws {
        try await reach()
        try await life.world.backing.halt(lease, reason: reason, life)
        life.world.record("halt \(reason)")
    }

    func release(_ lease: Lease) async throws {
        try await reach()
        try await life.world.backing.release(lease, life)
    }
}

/// The ledger of a simulated world as one life of the process reaches it.
struct WorldLedger: LedgerStoring {
    let life: Life

    private var store: WorldStore { WorldStore(life: life) }

    func next(_ chainID: ChainID, from position: BlockNumber) async throws -> FindUnverified.Found? {
        try await store.reach()
        return try await life.world.backing.next(chainID, from: position, life)
    }

    func count(_ chainID: ChainID) async throws -> Int64 {
        try await store.reach()
        return try await life.world.backing.count(chainID, life)
    }

    func stored(
        _ chainID: ChainID, _ range: ClosedRange<BlockNumber>
    ) async throws -> (hashes: [BlockNumber: Hash], events: [StoredLog]) {
        try await store.reach()
        return try await life.world.backing.stored(chainID, range, life)
    }

    func newest(_ chainID: ChainID, limit: Int) async throws -> [StoredLog] {
        try await store.reach()
        return try await life.world.backing.newest(chainID, limit: limit, life)
    }

    func settle(_ settlement: Settlement) async throws -> (events: Int, retractions: Int)? {
        try await store.reach()
        let outcome = try await life.world.backing.settle(settlement, life)
        life.world.settled(settlement, by: life)
        return outcome
    }
}

/// What holds a simulated world's rows: memory, or a real database.
protocol WorldBacking: AnyObject, Sendable {
    /// The rows as the oracle reads them.
    var feed: MemoryFeed { get }
    func acquire(_ chainID: ChainID, _ life: Life) async throws -> Lease?
    func window(_ chainID: ChainID, checkpoint: BlockNumber, limit: Int, _ life: Life) async throws -> [Header]
    func commit(_ commit: FeedCommit, _ life: Life) async throws -> CommitOutcome
    func renew(_ lease: Lease, head: BlockNumber?, error: String?, _ life: Life) async throws
    func halt(_ lease: Lease, reason: String, _ life: Life) async throws
    func release(_ lease: Lease, _ life: Life) async throws
    func next(_ chainID: ChainID, from position: BlockNumber, _ life: Life) async throws -> FindUnverified.Found?
    func count(_ chainID: ChainID, _ life: Life) async throws -> Int64
    func stored(
        _ chainID: ChainID, _ range: ClosedRange<BlockNumber>, _ life: Life
    ) async throws -> (hashes: [BlockNumber: Hash], events: [StoredLog])
    func newest(_ chainID: ChainID, limit: Int, _ life: Life) async throws -> [StoredLog]
    func settle(_ settlement: Settlement, _ life: Life) async throws -> (events: Int, retractions: Int)?
}

/// Rows in memory; touched by the driver's thread alone.
final class MemoryBacking: WorldBacking, @unchecked Sendable {
    static let leaseDuration = Duration.seconds(30)
    private(set) var feed = MemoryFeed()

    private func now(_ life: Life) -> Duration { life.world.now + life.world.databaseLead }

    func acquire(_ chainID: ChainID, _ life: Life) throws -> Lease? {
        feed.acquire(
            chainID, holder: life.holder, now: now(life), lasts: Self.leaseDuration, living: life.world.livingHolders)
    }
    func window(_ chainID: ChainID, checkpoint: BlockNumber, limit: Int, _ life: Life) throws -> [Header] {
        feed.window(checkpoint: checkpoint, limit: limit)
    }
    func commit(_ commit: FeedCommit, _ life: Life) throws -> CommitOutcome {
        try feed.commit(commit, now: now(life), lasts: Self.leaseDuration, pruneMax: 8)
    }
    func renew(_ lease: Lease, head: BlockNumber?, error: String?, _ life: Life) throws {
        try feed.renew(lease, head: head, error: error, now: now(life), lasts: Self.leaseDuration)
    }
    func halt(_ lease: Lease, reason: String, _ life: Life) throws { try feed.halt(lease, reason: reason) }
    func release(_ lease: Lease, _ life: Life) { feed.release(lease) }
    func next(_ chainID: ChainID, from position: BlockNumber, _ life: Life) -> FindUnverified.Found? {
        feed.next(from: position)
    }
    func count(_ chainID: ChainID, _ life: Life) -> Int64 { feed.unverifiedCount }
    func stored(
        _ chainID: ChainID, _ range: ClosedRange<BlockNumber>, _ life: Life
    ) -> (hashes: [BlockNumber: Hash], events: [StoredLog]) {
        (feed.hashes(in: range), feed.logs(in: range))
    }
    func newest(_ chainID: ChainID, limit: Int, _ life: Life) -> [StoredLog] {
        feed.logs(in: 0...BlockNumber(integerLiteral: .max)).reversed().prefix(limit).map(\.self)
    }
    func settle(_ settlement: Settlement, _ life: Life) throws -> (events: Int, retractions: Int)? {
        try feed.settle(settlement)
    }
}
