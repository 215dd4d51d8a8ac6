import Synchronization

/// The clock of one simulated process: it shows the world's time and may run ahead of it after a jump.
///
/// Nobody ever waits: the driver moves the world's time to the earliest sleeper and wakes it.
final class LifeClock: Clock, Sendable {
    struct Instant: InstantProtocol {
        var offset: Duration
        func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
        func duration(to other: Instant) -> Duration { other.offset - offset }
        static func < (left: Instant, right: Instant) -> Bool { left.offset < right.offset }
    }

    private struct Sleeper {
        let id: UInt64
        let deadline: Duration
        let continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var world: Duration
        /// How far this clock is ahead of the world.
        var lead: Duration = .zero
        var isStopped = false
        var sleepers: [Sleeper] = []
        var lastID: UInt64 = 0
    }

    private let state: Mutex<State>

    init(at world: Duration) { state = Mutex(State(world: world)) }

    var now: Instant { state.withLock { Instant(offset: $0.world + $0.lead) } }
    var minimumResolution: Duration { .nanoseconds(1) }

    func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let isOver = state.withLock { state in
                    guard !state.isStopped, !Task.isCancelled else { return true }
                    state.sleepers.append(Sleeper(id: id, deadline: deadline.offset, continuation: continuation))
                    return false
                }
                if isOver { continuation.resume(throwing: CancellationError()) }
            }
        } onCancel: {
            let sleeper = state.withLock { state in
                state.sleepers.firstIndex { $0.id == id }.map { state.sleepers.remove(at: $0) }
            }
            sleeper?.continuation.resume(throwing: CancellationError())
        }
    }

    // MARK: For the driver

    /// When the next sleeper is due, in the world's time; nil where nobody sleeps.
    var nextDue: Duration? {
        state.withLock { state in state.sleepers.map(\.deadline).min().map { $0 - state.lead } }
    }

    /// Shows the world's time and wakes the sleeper that has been due longest, if one is.
    func wake(at world: Duration) {
        let sleeper: Sleeper? = state.withLock { state in
            state.world = world
            let now = world + state.lead
            guard let first = state.sleepers.map({ ($0.deadline, $0.id) }).min(by: <), first.0 <= now else {
                return nil
            }
            return state.sleepers.firstIndex { $0.id == first.1 }.map { state.sleepers.remove(at: $0) }
        }
        sleeper?.continuation.resume()
    }

    /// Shows the world's time.
    func show(_ world: Duration) { state.withLock { $0.world = world } }

    /// Leaps ahead, as the clock of a machine does that was suspended.
    func leap(by duration: Duration) { state.withLock { $0.lead += duration } }

    /// Ends every sleep, now and later, with a cancellation.
    func stop() {
        let sleepers = state.withLock { state in
            defer { state.sleepers = [] }
            state.isStopped = true
            return state.sleepers
        }
        for sleeper in sleepers { sleeper.continuation.resume(throwing: CancellationError()) }
    }
}
