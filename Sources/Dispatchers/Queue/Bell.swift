/// Wakes one loop; rings while it is awake are kept as one.
struct Bell: Sendable {
    private let stream: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    init() {
        (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    func ring() { continuation.yield() }

    /// Lets nobody wait any more.
    func close() { continuation.finish() }

    /// Returns at the next ring, at once if there was one since the last call; false when closed or cancelled.
    ///
    /// One task at a time may wait.
    func wait() async -> Bool {
        var iterator = stream.makeAsyncIterator()
        return await iterator.next(isolation: nil) != nil
    }
}
