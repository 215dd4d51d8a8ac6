import Synchronization

/// The body of a streamed response, in pieces as they arrive, for one reader.
///
/// Reading slowly holds the server back. Letting go of it, or calling `close()`, ends the exchange and its connection.
public final class ResponseBody: AsyncSequence, Sendable {
    /// A piece, never empty.
    public typealias Element = [UInt8]
    /// What ends a body early.
    public typealias Failure = TransportError

    private let buffer: StreamBuffer
    /// What must live on while the body arrives.
    private let owner: (any Sendable)?

    init(buffer: StreamBuffer, owner: any Sendable) {
        self.buffer = buffer
        self.owner = owner
    }

    /// A body that is there already, ending with `failure` if given; for transports that are scripts.
    public init(pieces: [[UInt8]], failure: TransportError? = nil) {
        buffer = StreamBuffer(id: 0, mailbox: nil, limit: .max)
        owner = nil
        for piece in pieces { buffer.append(piece) }
        buffer.finish(failure)
    }

    deinit { buffer.close() }

    /// Ends the exchange; pieces that have not been read are dropped.
    public func close() { buffer.close() }

    /// Starts reading; a second reader would take pieces from the first.
    public func makeAsyncIterator() -> Iterator { Iterator(body: self) }

    /// Hands the pieces out in order.
    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let body: ResponseBody

        /// The next piece, never empty; nil at the end.
        ///
        /// - Throws: Whatever ended the exchange early; `TransportError.cancelled` when the task is cancelled.
        public mutating func next(
            isolation actor: isolated (any Actor)? = #isolation
        ) async throws(TransportError) -> [UInt8]? {
            try await body.buffer.next()
        }

        /// The next piece, never empty; nil at the end.
        public mutating func next() async throws(TransportError) -> [UInt8]? { try await body.buffer.next() }
    }
}

/// The pieces between the loop's thread and the reader.
final class StreamBuffer: Sendable {
    private struct State {
        var pieces: [[UInt8]] = []
        var bytes = 0
        var end: Result<Void, TransportError>?
        var reader: CheckedContinuation<Result<[UInt8]?, TransportError>, Never>?
        /// Whether the loop wants to be told when there is room.
        var isLoopWaiting = false
    }

    private let id: UInt64
    private let mailbox: Mailbox?
    private let limit: Int
    private let state = Mutex(State())

    init(id: UInt64, mailbox: Mailbox?, limit: Int) {
        self.id = id
        self.mailbox = mailbox
        self.limit = limit
    }

    // MARK: The loop's side

    var isFull: Bool { state.withLock { $0.bytes >= limit } }

    /// Asks for a `resume` once there is room; false if there is room by now.
    func waitsForRoom() -> Bool {
        state.withLock { state in
            state.isLoopWaiting = state.bytes >= limit
            return state.isLoopWaiting
        }
    }

    func append(_ piece: [UInt8]) {
        let reader = state.withLock { state -> CheckedContinuation<Result<[UInt8]?, TransportError>, Never>? in
            if state.end != nil { return nil }
            if let reader = state.reader {
                state.reader = nil
                return reader
            }
            state.pieces.append(piece)
            state.bytes += piece.count
            return nil
        }
        reader?.resume(returning: .success(piece))
    }

    /// Says that nothing more comes, because of `error` or because the body is complete.
    func finish(_ error: TransportError?) {
        let end: Result<Void, TransportError> = error.map { .failure($0) } ?? .success(())
        let reader = state.withLock { state -> CheckedContinuation<Result<[UInt8]?, TransportError>, Never>? in
            guard state.end == nil else { return nil }
            state.end = end
            defer { state.reader = nil }
            return state.reader
        }
        reader?.resume(returning: end.map { nil })
    }

    // MARK: The reader's side

    func next() async throws(TransportError) -> [UInt8]? {
        try await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let (ready, hasRoom) = take(continuation)
                if hasRoom { mailbox?.post(.resume(id)) }
                if let ready { continuation.resume(returning: ready) }
            }
        } onCancel: {
            cancel()
        }.get()
    }

    /// The next piece or the end, if there is one, and whether the loop waits for the room that this made.
    private func take(
        _ continuation: CheckedContinuation<Result<[UInt8]?, TransportError>, Never>
    ) -> (Result<[UInt8]?, TransportError>?, Bool) {
        state.withLock { state in
            if !state.pieces.isEmpty {
                let piece = state.pieces.removeFirst()
                state.bytes -= piece.count
                let hasRoom = state.isLoopWaiting && state.bytes <= limit / 2
                if hasRoom { state.isLoopWaiting = false }
                return (.success(piece), hasRoom)
            }
            if let end = state.end { return (end.map { nil }, false) }
            guard state.reader == nil else { preconditionFailure("a body has one reader") }
            state.reader = continuation
            return (nil, false)
        }
    }

    private func cancel() {
        close(because: .cancelled)
    }

    func close() { close(because: nil) }

    private func close(because error: TransportError?) {
        let wasOpen = state.withLock { state in
            state.pieces = []
            state.bytes = 0
            return state.end == nil
        }
        finish(error)
        if wasOpen { mailbox?.post(.cancel(id)) }
    }
}
