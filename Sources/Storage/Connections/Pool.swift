import Dispatch
import Synchronization

/// Lends sessions, each to one borrower at a time, in the order of asking.
final class Pool: Sendable {
    private struct Waiter {
        let id: UInt64
        let deadline: ContinuousClock.Instant
        let continuation: CheckedContinuation<Result<Session, StorageError>, Never>
    }

    private struct State {
        var idle: [Session] = []
        var opened = 0
        var onLoan: Set<ObjectIdentifier> = []
        var waiters: [Waiter] = []
        var nextID: UInt64 = 1
        var isClosed = false
        var isTimerSet = false
        var closers: [CheckedContinuation<Void, Never>] = []
    }

    /// More callers than this in the queue means that the process is beyond help by waiting.
    static let maximumWaiters = 10_000

    private let state = Mutex(State())
    private let maximum: Int
    private let timeout: Duration
    private let timer = DispatchQueue(label: "tocsin.storage.pool")
    private let make: @Sendable (Int) -> Session

    init(maximum: Int, timeout: Duration, make: @escaping @Sendable (Int) -> Session) {
        self.maximum = max(1, min(maximum, 1000))
        self.timeout = timeout
        self.make = make
    }

    /// How many sessions are on loan, open and idle, and how many callers wait.
    var counts: (busy: Int, idle: Int, waiting: Int) {
        state.withLock { ($0.onLoan.count, $0.idle.count, $0.waiters.count) }
    }

    // MARK: Borrowing

    /// A session for the caller alone, until `giveBack`.
    func borrow() async throws(StorageError) -> Session {
        guard !Task.isCancelled else { throw .cancelled }
        if let session = try immediate() { return session }
        let id = state.withLock { state in
            defer { state.nextID += 1 }
            return state.nextID
        }
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { enqueue(id, $0) }
        } onCancel: {
            self.fail(id, with: .cancelled)
        }
        return try outcome.get()
    }

    private func immediate() throws(StorageError) -> Session? {
        try state.withLock { state throws(StorageError) in
            guard !state.isClosed else { throw .closed }
            guard state.waiters.isEmpty else { return nil }
            return take(&state)
        }
    }

    private func take(_ state: inout State) -> Session? {
        let session: Session
        if let idle = state.idle.popLast() {
            session = idle
        } else if state.opened < maximum {
            state.opened += 1
            session = make(state.opened)
        } else {
            return nil
        }
        state.onLoan.insert(ObjectIdentifier(session))
        return session
    }

    private func enqueue(_ id: UInt64, _ continuation: CheckedContinuation<Result<Session, StorageError>, Never>) {
        let answer: Result<Session, StorageError>? = state.withLock { state in
            // Looked at under the lock: a cancellation after this finds the waiter in the queue.
            if Task.isCancelled { return .failure(.cancelled) }
            if state.isClosed { return .failure(.closed) }
            if state.waiters.isEmpty, let session = take(&state) { return .success(session) }
            guard state.waiters.count < Self.maximumWaiters else {
                return .failure(.poolExhausted(waited: .zero))
            }
            state.waiters.append(Waiter(id: id, deadline: .now + timeout, continuation: continuation))
            setTimer(&state)
            return nil
        }
        if let answer { continuation.resume(returning: answer) }
    }

    // MARK: Returning

    /// Takes `session` back and lends it to whoever has waited longest.
    func giveBack(_ session: Session) {
        session.endLoan()
        var closers: [CheckedContinuation<Void, Never>] = []
        let next: Waiter? = state.withLock { state in
            if !state.waiters.isEmpty { return state.waiters.removeFirst() }
            state.onLoan.remove(ObjectIdentifier(session))
            if state.isClosed {
                if state.onLoan.isEmpty { swap(&closers, &state.closers) }
            } else {
                state.idle.append(session)
            }
            return nil
        }
        next?.continuation.resume(returning: .success(session))
        for closer in closers { closer.resume() }
    }

    /// Refuses new loans, fails those who wait, and returns when every session has come back.
    func close() async {
        let (waiters, idle) = state.withLock { state in
            state.isClosed = true
            defer { (state.waiters, state.idle) = ([], []) }
            return (state.waiters, state.idle)
        }
        for waiter in waiters { waiter.continuation.resume(returning: .failure(.closed)) }
        for session in idle { await session.close() }
        await withCheckedContinuation { continuation in
            let isDone = state.withLock { state in
                if !state.onLoan.isEmpty { state.closers.append(continuation) }
                return state.onLoan.isEmpty
            }
            if isDone { continuation.resume() }
        }
    }

    // MARK: Deadlines

    /// One timer serves all: everybody waits equally long, so the first in the queue expires first.
    private func setTimer(_ state: inout State) {
        guard !state.isTimerSet, let first = state.waiters.first else { return }
        state.isTimerSet = true
        let delay = max(.zero, ContinuousClock.now.duration(to: first.deadline)).wholeMilliseconds
        timer.asyncAfter(deadline: .now() + .milliseconds(Int(delay))) { [weak self] in self?.expire() }
    }

    private func expire() {
        let now = ContinuousClock.now
        let expired = state.withLock { state in
            let expired = state.waiters.prefix { $0.deadline <= now }
            state.waiters.removeFirst(expired.count)
            state.isTimerSet = false
            setTimer(&state)
            return Array(expired)
        }
        for waiter in expired { waiter.continuation.resume(returning: .failure(.poolExhausted(waited: timeout))) }
    }

    private func fail(_ id: UInt64, with error: StorageError) {
        let waiter: Waiter? = state.withLock { state in
            guard let index = state.waiters.firstIndex(where: { $0.id == id }) else { return nil }
            return state.waiters.remove(at: index)
        }
        waiter?.continuation.resume(returning: .failure(error))
    }
}
