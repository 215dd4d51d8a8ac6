import Domain
import Foundation
import Logging
import Storage
import Synchronization
import TestSupport
import Testing

@testable import TriggerEngine

/// A store that breaks off before or after a write, at random.
final class FaultyStore: CursorStoring {
    struct Fault: Error {}

    let inner: CursorStore
    let random: Mutex<SeededGenerator>
    let faults: Signal

    init(inner: CursorStore, seed: UInt64, faults: Signal) {
        self.inner = inner
        random = Mutex(SeededGenerator(seed: seed))
        self.faults = faults
    }

    private func maybeFail() throws {
        guard random.withLock({ $0.chance(25) }) else { return }
        faults.fire()
        throw Fault()
    }

    func acquire(_ chainID: ChainID) async throws -> Cursor? { try await inner.acquire(chainID) }
    func renew(_ cursor: Cursor) async throws { try await inner.renew(cursor) }
    func read(_ cursor: Cursor, limit: Int) async throws -> FeedPage? {
        try maybeFail()
        return try await inner.read(cursor, limit: limit)
    }
    func events(
        _ chainID: ChainID, after: (height: Int64, logIndex: Int64), last: Int64, limit: Int
    ) async throws -> [StoredEvent] {
        try maybeFail()
        return try await inner.events(chainID, after: after, last: last, limit: limit)
    }
    func commit(
        _ deliveries: [PlannedDelivery], from old: Cursor, to new: Cursor, mayRepeat: Bool
    ) async throws {
        try maybeFail()
        try await inner.commit(deliveries, from: old, to: new, mayRepeat: mayRepeat)
        try maybeFail()
    }
    func retract(_ events: [EventID], from old: Cursor, to new: Cursor) async throws -> RetractDeliveries.Outcome {
        try maybeFail()
        let outcome = try await inner.retract(events, from: old, to: new)
        try maybeFail()
        return outcome
    }
}

@Suite("Faults", .freshDatabase)
struct FaultTests {
    /// What must be there in the end, told from the database itself.
    private func verify(_ world: World, triggers: [UUID], seed: UInt64) async throws {
        let canonical = try await world.database.query(CanonicalIDs())
        let deliveries = try await world.deliveries()
        let notifications = deliveries.filter { $0.kind == 0 }
        #expect(Set(notifications).count == notifications.count, "seed \(seed)")
        for trigger in triggers {
            let told = notifications.filter { $0.trigger == trigger }.map(\.event).sorted()
            #expect(told == canonical, "seed \(seed)")
        }
        #expect(deliveries.allSatisfy { $0.kind == 0 }, "nothing was attempted, so nothing is taken back")
    }

    @Test("between any two steps lose nothing and repeat nothing", arguments: 0..<4)
    func brokenOff(_ round: Int) async throws {
        let seed = UInt64.random(in: 0 ... .max)
        print("seed \(seed)")
        var random = SeededGenerator(seed: seed)
        let world = try await World.make()
        let triggers = [
            try await world.trigger(), try await world.trigger(finality: .safe),
            try await world.trigger(finality: .finalized),
        ]
        let last = try await fill(world, &random)
        let database = world.database
        let faults = Signal()
        let lock = LifeLock.test(77)
        var settings = EngineSettings()
        settings.batchRows = 7
        settings.retryFirst = .milliseconds(1)
        settings.retryCeiling = .milliseconds(5)
        let store = FaultyStore(
            inner: CursorStore(database: database, holder: lock.holder, leaseDuration: .seconds(15)),
            seed: seed ^ 1, faults: faults)
        let wakeUps = WakeUps()
        let worker = ChainWorker(
            chainID: RandomWorld.chains[0], store: store,
            triggers: TriggerSet(database: database, logger: .silent, meters: EngineMeters()), settings: settings,
            meters: ChainMeters(chain: RandomWorld.chains[0]), logger: .silent, clock: ContinuousClock(),
            wakeUps: wakeUps)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await lock.keep(on: database, clock: ContinuousClock()) }
            group.addTask { await worker.run() }
            group.addTask {
                while (try? await ContinuousClock().sleep(for: .milliseconds(20))) != nil { wakeUps.fire() }
            }
            try await world.settled(within: .seconds(60))
            group.cancelAll()
        }
        #expect(faults.count > 5)
        let cursor = try await database.query(SelectMarks())
        #expect(cursor == [[last, last]])
        try await verify(world, triggers: triggers, seed: seed)
    }

    /// Engines are cancelled at random moments, as a process is killed: what was not committed never was.
    @Test("of whole engines lose nothing and repeat nothing")
    func killed() async throws {
        let seed = UInt64.random(in: 0 ... .max)
        print("seed \(seed)")
        var random = SeededGenerator(seed: seed)
        let world = try await World.make()
        let triggers = [
            try await world.trigger(), try await world.trigger(finality: .safe),
            try await world.trigger(finality: .finalized),
        ]
        var settings = EngineSettings()
        settings.batchRows = 3
        for _ in 0..<12 {
            let moves = random.below(5)
            try await withEngine(settings) { [random] _ in
                var random = random
                let stream = world.database.listen(["test_cursor"])
                _ = try await fill(world, &random, events: 20)
                // Stopped after so many commits, while it works on the next.
                try await within(.seconds(20)) {
                    var left = moves
                    for await _ in stream {
                        left -= 1
                        if left <= 0 { return }
                    }
                }
            }
            _ = random.next()
        }
        try await withEngine(settings) { _ in try await world.settled(within: .seconds(60)) }
        try await verify(world, triggers: triggers, seed: seed)
    }

    /// Appends events, retractions and marks up to the last height, which it returns.
    private func fill(_ world: World, _ random: inout SeededGenerator, events: Int = 60) async throws -> Int64 {
        var height = try await world.database.query(HighestEvent()).first ?? 100
        var fork = UInt8.random(in: 0 ... .max, using: &random)
        var left = events
        while left > 0 {
            height += 1
            let count = min(left, 1 + random.below(5))
            left -= count
            let block = BlockNumber(rawValue: height) ?? 0
            let ids = try await world.append(
                (0..<count).map { .transfer(UInt64($0), height: block, index: UInt32($0), fork: fork) })
            if random.chance(30) {
                try await world.retract(ids)
                fork &+= 1
                height -= 1
            } else if random.chance(30) {
                try await world.mark(random.chance(50) ? .safe : .finalized, height)
            }
        }
        try await world.mark(.safe, height)
        try await world.mark(.finalized, height)
        return height
    }
}

private struct CanonicalIDs: Statement {
    static let sql = "SELECT id FROM events WHERE is_canonical ORDER BY id"
    func decode(_ row: borrowing RowReader) throws(StorageError) -> Int64 { try row.integer(0) }
}

private struct SelectMarks: Statement {
    static let sql = "SELECT safe_number, finalized_number FROM engine_cursors"
    func decode(_ row: borrowing RowReader) throws(StorageError) -> [Int64] {
        [try row.integer(0), try row.integer(1)]
    }
}

private struct HighestEvent: Statement {
    static let sql = "SELECT coalesce(max(block_number), 100) FROM events"
    func decode(_ row: borrowing RowReader) throws(StorageError) -> Int64 { try row.integer(0) }
}
