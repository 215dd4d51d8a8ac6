import Synchronization

/// Something that happens once or often, and that a test waits for instead of sleeping.
public final class Signal: Sendable {
    private struct State {
        var count = 0
        var waiters: [(id: Int, threshold: Int, continuation: CheckedContinuation<Void, any Error>)] = []
        var nextID = 0
    }

    private let state = Mutex(State())

    /// A signal that has not fired.
    public init() {}

    /// How often it has fired.
    public var count: Int { state.withLock { $0.count } }

    /// Fires once more.
    public func fire() {
        let ready = state.withLock { state in
            state.count += 1
            let count = state.count
            let ready = state.waiters.filter { $0.threshold <= count }
            state.waiters.removeAll { $0.threshold <= count }
            return ready
        }
        for waiter in ready { waiter.continuation.resume() }
    }

    /// Returns once it has fired `times` times in all.
    ///
    /// - Throws: `CancellationError` where the task is cancelled first, as `within` does at its limit.
    public func wait(times: Int = 1) async throws {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let outcome: Result<Void, any Error>? = state.withLock { state in
                    if state.count >= times { return .success(()) }
                    if Task.isCancelled { return .failure(CancellationError()) }
                    state.waiters.append((id, times, continuation))
                    return nil
                }
                if let outcome { continuation.resume(with: outcome) }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                state.waiters.firstIndex { $0.id == id }.map { state.waiters.remove(at: $0) }
            }
            waiter?.continuation.resume(throwing: CancellationError())
        }
    }
}
