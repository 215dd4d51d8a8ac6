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
    /// How many parts of the set are loaded at the same time.
    private static let loaders = 3

    private let database: Database
    private let logger: Logger
    private let meters: EngineMeters
    /// An engine that has not looked for this long loads everything anew, since changes may have been purged.
    private let patience: Duration
    /// Changes are kept this long, twice as long as any engine relies on them.
    private let retention: Duration
    private let gate = Gate()
    private let state = Mutex(State())

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

    private func look(since snapshot: String) async throws {
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

    private func report(_ id: UUID, _ reason: String) {
        logger.error(
            "a trigger cannot be evaluated and is passed over until it is changed",
            metadata: ["trigger.id": "\(id)", "reason": "\(reason)"])
    }

    // MARK: Loading everything

    /// Reads all enabled triggers; what changes meanwhile is seen by the look that follows.
    private func load() async throws {
        let started = ContinuousClock.now
        guard let snapshot = try await database.first(CurrentSnapshot()) else { return }
        let count = Int(try await database.first(CountTriggers()) ?? 0)
        // Built aside, so that nobody ever evaluates against half a set.
        let building = Building()
        building.state.withLock { $0.index.reserveCapacity(count) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (number, part) in UUIDRange.parts.enumerated() {
                if number >= Self.loaders { try await group.next() }
                group.addTask { try await self.load(part, into: building) }
            }
            try await group.waitForAll()
        }
        building.state.withLock { built in
            state.withLock { state in
                swap(&state.index, &built.index)
                swap(&state.poison, &built.poison)
            }
        }
        try await look(since: snapshot)
        let counts = counts
        logger.notice(
            "triggers loaded",
            metadata: [
                "count": "\(counts.active)", "quarantined": "\(counts.poison)",
                "duration": "\(ContinuousClock.now - started)",
            ])
    }

    /// Reads the triggers with ids in `range`, page by page, so that memory stays small.
    private func load(_ range: UUIDRange, into building: Building) async throws {
        var after = range.after
        while true {
            let triggers = try await database.query(
                SelectTriggers(after: after, last: range.last, limit: Self.pageSize))
            guard let last = triggers.last?.id else { return }
            let (conditions, actions) = try await database.withConnection { [after] connection in
                try await connection.pipeline(
                    SelectConditions(after: after, last: last), SelectActions(after: after, last: last))
            }
            insert(triggers, conditions, actions, into: building)
            guard triggers.count == Self.pageSize else { return }
            after = last
        }
    }

    /// Merges three lists that are all ordered by trigger.
    private func insert(
        _ triggers: [StoredTrigger], _ conditions: [StoredCondition], _ actions: [StoredAction],
        into building: Building
    ) {
        var conditions = conditions[...]
        var actions = actions[...]
        let outcomes = triggers.map { trigger in
            TriggerCompiler.compile(
                trigger, conditions.take(trigger.id, by: \.triggerID), actions.take(trigger.id, by: \.triggerID))
        }
        let problems = building.state.withLock { state in
            zip(triggers, outcomes).compactMap { trigger, outcome in
                state.apply(outcome, to: trigger.id).map { (trigger.id, $0) }
            }
        }
        for (id, reason) in problems { report(id, reason) }
    }
}

extension ArraySlice {
    /// Drops what belongs to triggers before `id`, and takes what belongs to it.
    fileprivate mutating func take(_ id: UUID, by owner: KeyPath<Element, UUID>) -> ArraySlice {
        var start = startIndex
        while start < endIndex, self[start][keyPath: owner] < id { start += 1 }
        var end = start
        while end < endIndex, self[end][keyPath: owner] == id { end += 1 }
        let taken = self[start..<end]
        self = self[end...]
        return taken
    }
}

extension TriggerSet {
    /// A set that is being loaded.
    private final class Building: Sendable {
        let state = Mutex(State())
    }
}

extension TriggerSet.State {
    /// Puts in what became of the trigger `id`, or takes it out; the reason if it is newly quarantined.
    fileprivate mutating func apply(_ outcome: CompilationOutcome, to id: UUID) -> String? {
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

/// The ids `after < id <= last`.
struct UUIDRange: Sendable, Equatable {
    let after: UUID
    let last: UUID

    /// All ids but the one of zeros, in parts of equal width.
    static let parts: [UUIDRange] = {
        let bounds = (0...16).map { UInt8(clamping: $0 * 16) }
        return (0..<16).map { part in
            UUIDRange(
                after: part == 0 ? id(0, rest: 0) : id(bounds[part] - 1, rest: 0xff),
                last: id(part == 15 ? 0xff : bounds[part + 1] - 1, rest: 0xff))
        }
    }()

    private static func id(_ first: UInt8, rest: UInt8) -> UUID {
        UUID(
            uuid: (
                first, rest, rest, rest, rest, rest, rest, rest, rest, rest, rest, rest, rest, rest, rest, rest
            ))
    }
}
