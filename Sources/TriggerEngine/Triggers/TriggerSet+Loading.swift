import Domain
import Foundation
import Logging
import Storage
import Synchronization

// Loading everything, at the start and after a long sleep.
extension TriggerSet {
    /// How many parts of the set are loaded at the same time.
    private static let loaders = 3

    /// Reads all enabled triggers; what changes meanwhile is seen by the look that follows.
    func load() async throws {
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
