import CPostgres
import Dispatch
import Synchronization

/// What libpq needs to cancel a connection's current statement, from any thread.
///
/// `@unchecked`: libpq only reads the structure after it was made.
final class CancelKey: @unchecked Sendable {
    private let raw: OpaquePointer

    init?(connection: OpaquePointer) {
        guard let raw = PQgetCancel(connection) else { return nil }
        self.raw = raw
    }

    deinit { PQfreeCancel(raw) }

    /// Asks the server to cancel; returns after the server has signalled the backend, or failed to.
    func send() {
        var message = [CChar](repeating: 0, count: 256)
        _ = PQcancel(raw, &message, Int32(message.count))
    }
}

/// Carries a task's cancellation to the statement that it waits for, and to no later one.
///
/// The statement's end waits for a cancellation under way, so a late signal cannot hit the connection's next statement.
final class CancelTicket: Sendable {
    private enum State {
        case waiting
        case running(CancelKey)
        case cancelled
        case finished
    }

    private static let queue = DispatchQueue(label: "tocsin.storage.cancel", attributes: .concurrent)
    private let state = Mutex(State.waiting)
    private let sent = DispatchSemaphore(value: 0)

    /// Marks the task as cancelled and cancels its statement at the server if it runs.
    func cancel() {
        let key: CancelKey? = state.withLock { state in
            switch state {
            case .waiting, .finished:
                state = .cancelled
                sent.signal()
                return nil
            case .running(let key):
                state = .cancelled
                return key
            case .cancelled: return nil
            }
        }
        guard let key else { return }
        Self.queue.async {
            key.send()
            self.sent.signal()
        }
    }

    /// Whether `cancel` was called before the statement ended.
    var isCancelled: Bool {
        state.withLock { if case .cancelled = $0 { true } else { false } }
    }

    /// Notes that the statement is about to run, for the first time or again; false if it must not, being cancelled already.
    func begin(_ key: CancelKey) -> Bool {
        state.withLock { state in
            if case .cancelled = state { return false }
            state = .running(key)
            return true
        }
    }

    /// Notes that the statement ended, and waits for a cancellation under way.
    ///
    /// - Returns: false where the cancellation did not get through within `limit`, so the connection cannot be reused.
    func finish(limit: DispatchTimeInterval = .seconds(5)) -> Bool {
        let wasCancelled = state.withLock { state in
            if case .cancelled = state { return true }
            state = .finished
            return false
        }
        guard wasCancelled else { return true }
        let arrived = sent.wait(timeout: .now() + limit) == .success
        if arrived { sent.signal() }
        return arrived
    }
}
