import Domain
import Synchronization

/// Where the tasks of a dispatcher meet: its decisions behind a lock, and the clock they are made by.
final class DispatchBoard: Sendable {
    /// Which part of the due deliveries a claim looks at.
    enum Lane: Equatable {
        /// What became due in the last seconds.
        case fresh
        /// Everything.
        case sweep
    }

    /// How long after the last claim the database is asked again every few milliseconds.
    private static let busySpan: Duration = .seconds(1)

    private struct Protected {
        var decisions: DispatchState
        var hasWork = true
        var hasSweep = true
        /// Whether the last claim of a lane got all it asked for, so that more is there.
        var isMoreFresh = false
        var isMoreToSweep = false
        var busyUntil = ContinuousClock.now
        var drainingSince: ContinuousClock.Instant?
    }

    private let origin = ContinuousClock.now
    private let state: Mutex<Protected>
    private let batch: Int

    init(_ settings: DispatcherSettings) {
        batch = max(1, min(settings.batch, settings.capacity))
        state = Mutex(Protected(decisions: DispatchState(settings)))
    }

    private var now: Double { (ContinuousClock.now - origin).inSeconds }

    // MARK: When to claim

    func noteWork() { state.withLock { $0.hasWork = true } }
    func noteSweep() { state.withLock { $0.hasSweep = true } }

    var room: Int { state.withLock { $0.decisions.room } }
    /// Whether deliveries were claimed within the last second.
    var isBusy: Bool { state.withLock { $0.busyUntil > .now } }

    /// Which lane to claim from now; nil where there is no reason to, or so little room that the claim would be small.
    func nextLane(room: Int) -> Lane? {
        state.withLock { state in
            guard room > 0, room * 2 >= batch || state.decisions.runningCount == 0 else { return nil }
            if state.hasSweep || state.isMoreToSweep {
                state.hasSweep = false
                state.hasWork = false
                return .sweep
            }
            guard state.hasWork || state.isMoreFresh else { return nil }
            state.hasWork = false
            return .fresh
        }
    }

    func didClaim(_ claims: [Claim], lane: Lane, isFull: Bool) {
        let now = now
        state.withLock { state in
            switch lane {
            case .fresh: state.isMoreFresh = isFull
            case .sweep:
                state.isMoreToSweep = isFull
                state.isMoreFresh = false
            }
            guard !claims.isEmpty else { return }
            state.busyUntil = .now + Self.busySpan
            state.decisions.hold(claims, now: now)
        }
    }

    /// Notes that nothing could be claimed; the next poll tries again.
    func didFailToClaim() {
        state.withLock { state in
            state.isMoreFresh = false
            state.isMoreToSweep = false
        }
    }

    /// Whether the last claim left something behind and there is room for a good part of it.
    var wantsToClaim: Bool {
        state.withLock { state in
            (state.isMoreFresh || state.isMoreToSweep) && state.decisions.room * 2 >= batch
        }
    }

    // MARK: Deliveries

    func admit(_ message: Message, pace: [(Pacer.Key, Pacer.Rate)]) -> DispatchState.Admission {
        let now = now
        return state.withLock { $0.decisions.admit(message, pace: pace, now: now) }
    }

    func next() -> Message? {
        let now = now
        return state.withLock { $0.decisions.next(now: now) }
    }

    func shed() -> [Message] {
        let now = now
        return state.withLock { $0.decisions.shed(now: now) }
    }

    func finish(_ message: Message, failure: Failure?, pace: [(Pacer.Key, Pacer.Rate)]) -> Message? {
        let now = now
        return state.withLock { $0.decisions.finish(message, failure: failure, pace: pace, now: now) }
    }

    func release(_ leases: [Lease]) { state.withLock { $0.decisions.release(leases) } }

    func leasesToRenew(olderThan age: Double) -> [Lease] {
        let now = now
        return state.withLock { $0.decisions.leasesToRenew(olderThan: age, now: now) }
    }

    // MARK: Shutdown

    var isDraining: Bool { state.withLock { $0.decisions.isDraining } }
    var isIdle: Bool { state.withLock { $0.decisions.isIdle } }

    func beginDraining() {
        state.withLock { state in
            state.decisions.beginDraining()
            state.drainingSince = state.drainingSince ?? .now
        }
    }

    func takeWaiting() -> [Message] { state.withLock { $0.decisions.takeWaiting() } }

    func isDrainOver(after limit: Duration) -> Bool {
        state.withLock { state in state.drainingSince.map { .now - $0 >= limit } ?? false }
    }
}
