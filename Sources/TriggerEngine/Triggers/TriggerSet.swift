import Domain
import Foundation
import Logging
import Storage
import Synchronization

/// The triggers of the database in memory, brought up to date on demand.
///
/// A trigger whose creation was committed before a feed row was committed is in the set that this row is evaluated
/// against: whoever read feed rows calls ``refresh()`` before evaluating them, and a refresh looks at the database after
/// it was called.
final class TriggerSet: Sendable {
    struct State {
        var index = TriggerIndex()
        /// The triggers that do not compile, each logged once.
        var poison: Set<UUID> = []
        /// The snapshot of the last look; nil before the first load.
        var snapshot: String?
        /// When the last look was.
        var lookedAt: ContinuousClock.Instant?
        /// Snapshots by the time they were taken, oldest first, for the purge of old changes.
        var history: [(time: ContinuousClock.Instant, snapshot: String)] = []
    }

    /// How many triggers are loaded, or looked at again, at once.
    static let pageSize = 1000

    let database: Database
    let logger: Logger
    private let meters: EngineMeters
    /// An engine that has not looked for this long loads everything anew, since changes may have been purged.
    private let patience: Duration
    /// Changes are kept this long, twice as long as any engine relies on them.
    private let retention: Duration
    private let gate = Gate()
    let state = Mutex(State())

    init(
        database: Database, logger: Logger, meters: EngineMeters, patience: Duration = .seconds(12 * 3600),
        retention: Duration = .seconds(24 * 3600)
    ) {
        self.database = database
        self.logger = logger
        self.meters = meters
        self.patience = patience
        self.retention = retention
    }

    /// Shows `body` the index; nobody changes it meanwhile.
    func withIndex<R: Sendable>(_ body: (borrowing TriggerIndex) -> R) -> R {
        state.withLock { body($0.index) }
    }

    /// How many triggers are in the index, and how many do not compile.
    var counts: (active: Int, poison: Int) { state.withLock { ($0.index.count, $0.poison.count) } }

    /// Brings the set up to date with everything that was committed before the call.
    ///
    /// Calls of several chains share one look, if it begins after all of them.
    func refresh() async throws {
        let ticket = await gate.ticket()
        try await gate.run(sharing: ticket) {
            let (snapshot, age) = self.state.withLock {
                ($0.snapshot, $0.lookedAt.map { ContinuousClock.now - $0 } ?? .zero)
            }
            guard let snapshot, age < self.patience else { return try await self.load() }
            try await self.look(since: snapshot)
        }
    }

    /// Forgets changes that every engine has long seen; harmless to call at any time.
    func purge() async throws {
        let due = state.withLock { state in
            let now = ContinuousClock.now
            guard let oldest = state.history.first, now - oldest.time > retention else { return String?.none }
            state.history.removeFirst()
            return oldest.snapshot
        }
        if let due { try await database.execute(PurgeChanges(snapshot: due)) }
    }

    // MARK: Changes

    func look(since snapshot: String) async throws {
        let started = ContinuousClock.now
        let first = try await database.query(SelectChanges(since: snapshot, after: nil, limit: Self.pageSize))
        guard first.count >= Self.pageSize else { return finish(first, at: started) }
        // Too many for one statement: pages of one snapshot.
        try await database.transaction(.repeatableRead, readOnly: true) { connection in
            var after: UUID?
            while true {
                let page = try await connection.query(
                    SelectChanges(since: snapshot, after: after, limit: Self.pageSize))
                guard page.count >= Self.pageSize else { return self.finish(page, at: started) }
                self.apply(page)
                after = page.last?.id
            }
        }
    }

    private func finish(_ changes: [SelectChanges.Change], at time: ContinuousClock.Instant) {
        apply(changes)
        guard let snapshot = changes.first?.snapshot else { return }
        note(snapshot, at: time)
    }

    private func note(_ snapshot: String, at time: ContinuousClock.Instant) {
        state.withLock { state in
            state.snapshot = snapshot
            state.lookedAt = time
            let isDue = state.history.last.map { time - $0.time > .seconds(3600) } ?? true
            if isDue { state.history.append((time, snapshot)) }
        }
    }

    private func apply(_ changes: [SelectChanges.Change]) {
        for change in changes {
            guard let id = change.id else { continue }
            let outcome =
                change.trigger.map { TriggerCompiler.compile($0, change.conditions, change.actions) } ?? .idle
            if let reason = state.withLock({ $0.apply(outcome, to: id) }) { report(id, reason) }
        }
        meters.triggers(counts)
    }

    func report(_ id: UUID, _ reason: String) {
        logger.error(
            "a trigger cannot be evaluated and is passed over until it is changed",
            metadata: ["trigger.id": "\(id)", "reason": "\(reason)"])
    }
}

extension TriggerSet.State {
    /// Puts in what became of the trigger `id`, or takes it out; the reason if it is newly quarantined.
    mutating func apply(_ outcome: CompilationOutcome, to id: UUID) -> String? {
        switch outcome {
        case .trigger(let trigger):
            poison.remove(id)
            return index.insert(trigger) ? nil : "the index is full"
        case .idle:
            poison.remove(id)
            index.remove(id)
            return nil
        case .poison(let reason):
            index.remove(id)
            return poison.insert(id).inserted ? reason : nil
        }
    }
}
