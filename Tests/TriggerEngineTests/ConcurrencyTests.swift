import Domain
import Foundation
import Logging
import Storage
import Synchronization
import TestSupport
import Testing

@testable import TriggerEngine

@Suite("Concurrent writers", .freshDatabase)
struct ConcurrencyTests {
    /// API calls of different lengths commit triggers while events are appended.
    ///
    /// Each appended event notes which
    /// triggers were acknowledged before its transaction began to commit; all of those must see it.
    @Test("a trigger acknowledged before an event was committed sees it")
    func acknowledged() async throws {
        let world = try await World.make()
        let notes = Notes()
        var settings = EngineSettings()
        settings.batchRows = 20
        try await withEngine(settings) { _ in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for writer in 0..<3 {
                    group.addTask {
                        for number in 0..<25 {
                            // Transactions that stay open for a while hold the oldest running transaction back.
                            let pause = writer == 0 ? "SELECT pg_sleep(0.05);" : ""
                            let id = try await world.trigger(chain: number.isMultiple(of: 5) ? 1 : nil, before: pause)
                            notes.acknowledged.withLock { $0.append(id) }
                        }
                    }
                }
                group.addTask {
                    for number in 0..<150 {
                        let known = notes.acknowledged.withLock { $0 }
                        let ids = try await world.append([.transfer(1, index: UInt32(number))])
                        notes.expected.withLock { $0.append((ids[0].rawValue, known)) }
                    }
                }
                try await group.waitForAll()
            }
            try await world.settled(within: .seconds(60))
        }
        let told = Dictionary(grouping: try await world.deliveries(), by: \.event).mapValues { Set($0.map(\.trigger)) }
        var checked = 0
        for (event, triggers) in notes.expected.withLock({ $0 }) {
            let missing = triggers.filter { !(told[event]?.contains($0) ?? false) }
            #expect(missing.isEmpty, "event \(event)")
            checked += triggers.count
        }
        #expect(checked > 500)
    }

    @Test("of two engines on one chain one writes, and the other takes over when it goes")
    func twoEngines() async throws {
        let world = try await World.make()
        let trigger = try await world.trigger()
        try await withEngine { _ in
            try await withEngine { _ in
                for number in 0..<20 {
                    try await world.append([.transfer(1, index: UInt32(number))])
                }
                try await world.settled()
                #expect(try await world.database.query(SelectToken()) == [1])
            }
            try await world.append([.transfer(1, index: 100)])
            try await world.settled(within: .seconds(10))
        }
        try await withEngine { _ in
            try await world.append([.transfer(1, index: 101)])
            try await world.settled(within: .seconds(10))
        }
        let deliveries = try await world.deliveries()
        #expect(deliveries.count == 22 && Set(deliveries).count == 22)
        #expect(deliveries.allSatisfy { $0.trigger == trigger })
    }

    @Test("an engine whose lease was taken stores nothing more")
    func fenced() async throws {
        let world = try await World.make()
        let database = world.database
        let first = CursorStore(database: database, holder: LifeLock.test(1).holder, leaseDuration: .seconds(60))
        let second = CursorStore(database: database, holder: LifeLock.test(2).holder, leaseDuration: .seconds(60))
        try await database.alive(.test(1)) { () async throws in
            try await database.alive(.test(2)) { () async throws in
                let old = try #require(try await first.acquire(RandomWorld.chains[0]))
                #expect(try await second.acquire(RandomWorld.chains[0]) == nil)
                try await world.run("UPDATE engine_cursors SET engine_until = now() - interval '1 second'")
                let taken = try #require(try await second.acquire(RandomWorld.chains[0]))
                #expect(taken.token == old.token + 1)
                var new = old
                new.sequence = 1
                let delivery = PlannedDelivery(
                    eventID: EventID(rawValue: 1), triggerID: UUID(), organizationID: UUID(),
                    action: TriggerAction(id: 1, destinationID: 1, version: 1, channel: .rest))
                for mayRepeat in [true, false] {
                    await #expect(throws: EngineError.fenced) {
                        try await first.commit([delivery], from: old, to: new, mayRepeat: mayRepeat)
                    }
                }
                await #expect(throws: EngineError.fenced) {
                    try await first.retract([EventID(rawValue: 1)], from: old, to: new)
                }
                await #expect(throws: EngineError.fenced) { try await first.renew(old) }
                #expect(try await world.deliveries().isEmpty)
                try await second.commit([delivery], from: taken, to: taken, mayRepeat: false)
                #expect(try await world.deliveries().count == 1)
            }
        }
    }

    @Test("a process that is gone does not keep its lease")
    func goneProcess() async throws {
        let world = try await World.make()
        let database = world.database
        let first = CursorStore(database: database, holder: LifeLock.test(1).holder, leaseDuration: .seconds(3600))
        let second = CursorStore(database: database, holder: LifeLock.test(2).holder, leaseDuration: .seconds(3600))
        try await database.alive(.test(1)) { () async throws in
            #expect(try await first.acquire(RandomWorld.chains[0]) != nil)
        }
        try await database.alive(.test(2)) { () async throws in
            #expect(try await second.acquire(RandomWorld.chains[0]) != nil)
        }
    }

    @Test("changes are forgotten in time, and an engine that slept longer loads everything anew")
    func retention() async throws {
        let world = try await World.make()
        try await world.trigger()
        // An old change; those of now may be held back by whatever else runs on the server.
        try await world.run("INSERT INTO trigger_changes SELECT '3', id FROM triggers")
        func set(patience: Duration, retention: Duration) -> TriggerSet {
            TriggerSet(
                database: world.database, logger: .silent, meters: EngineMeters(), patience: patience,
                retention: retention)
        }
        let keeping = set(patience: .seconds(3600), retention: .seconds(3600))
        try await keeping.refresh()
        try await keeping.purge()
        #expect(try await world.database.query(CountOldChanges()) == [1])
        let purging = set(patience: .seconds(3600), retention: .zero)
        try await purging.refresh()
        try await purging.purge()
        #expect(try await world.database.query(CountOldChanges()) == [0])
        // Behind the set's back, as if the change had been purged before it looked again.
        let sleeping = set(patience: .zero, retention: .seconds(3600))
        try await sleeping.refresh()
        try await world.trigger()
        try await world.run("DELETE FROM trigger_changes")
        try await keeping.refresh()
        try await sleeping.refresh()
        #expect(keeping.counts == (1, 0))
        #expect(sleeping.counts == (2, 0))
    }

    @Test("a look sees exactly the changes since the one before")
    func changes() async throws {
        let world = try await World.make()
        let before = try #require(try await world.database.first(CurrentSnapshot()))
        let trigger = try await world.trigger()
        let page = try await world.database.query(SelectChanges(since: before, after: nil, limit: 10))
        #expect(page.map(\.id) == [trigger])
        let after = try #require(page.first?.snapshot)
        let nothing = try await world.database.query(SelectChanges(since: after, after: nil, limit: 10))
        #expect(nothing.count == 1 && nothing[0].id == nil)
        // A transaction that began before the look and commits after it.
        try await world.database.withConnection { connection in
            try await connection.run(script: "BEGIN")
            try await connection.run(script: "UPDATE triggers SET name = 'u'")
            let other = try await world.trigger()
            let look = try await world.database.query(SelectChanges(since: after, after: nil, limit: 10))
            #expect(look.map(\.id) == [other])
            try await connection.run(script: "COMMIT")
            let snapshot = try #require(look.first?.snapshot)
            let next = try await world.database.query(SelectChanges(since: snapshot, after: nil, limit: 10))
            #expect(next.map(\.id) == [trigger])
            // Old changes go; what a look since `snapshot` needs stays.
            try await world.database.execute(PurgeChanges(snapshot: snapshot))
            let kept = try await world.database.query(SelectChanges(since: snapshot, after: nil, limit: 10))
            #expect(kept.map(\.id) == [trigger])
        }
    }
}

/// What the writers of a test were told.
private final class Notes: Sendable {
    let acknowledged = Mutex<[UUID]>([])
    let expected = Mutex<[(event: Int64, triggers: [UUID])]>([])
}

private struct CountOldChanges: Statement {
    static let sql = "SELECT count(*) FROM trigger_changes WHERE transaction_id = '3'"
    func decode(_ row: borrowing RowReader) throws(StorageError) -> Int64 { try row.integer(0) }
}

private struct SelectToken: Statement {
    static let sql = "SELECT engine_token FROM engine_cursors"
    func decode(_ row: borrowing RowReader) throws(StorageError) -> Int64 { try row.integer(0) }
}
