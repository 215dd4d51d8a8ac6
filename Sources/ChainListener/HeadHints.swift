import Domain
import Synchronization

/// The newest block that a socket announced, for one task that waits for it.
final class HeadHints: Sendable {
    private struct State {
        var number: BlockNumber?
        var waiter: CheckedContinuation<Void, Never>?
    }
    private let state = Mutex(State())

    /// Announces `number` and wakes whoever waits.
    func announce(_ number: BlockNumber) {
        state.withLock { state in
            state.number = number
            return state.waiter.take()
        }?.resume()
    }

    /// What was announced since the last call.
    func take() -> BlockNumber? { state.withLock { $0.number.take() } }

    /// Returns once something was announced that nobody took, or the task was cancelled.
    func wait() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    if state.number != nil || Task.isCancelled { return true }
                    state.waiter = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiter.take() }?.resume()
        }
    }
}
