import CCurl
import Glibc
import Synchronization

/// Sends HTTP requests with libcurl, on an event loop with a thread of its own.
///
/// Connections are kept and reused. Nothing is taken from the environment: no proxy, no netrc, no cookies. The callers
/// bound how many exchanges they have under way; each costs a handle and, at worst, a connection.
public final class CurlTransport: Transport, Sendable {
    /// What can be set, besides each request's own limits.
    public struct Configuration: Sendable {
        /// Sent with requests that name no agent of their own.
        public var userAgent: String
        /// Idle connections kept for reuse.
        public var maximumIdleConnections: Int
        /// Name lookups under way at once; each is a thread, so the others wait.
        public var maximumLookups: Int
        /// How long `shutdown()` lets exchanges under way go on.
        public var drain: Duration
        /// A PEM file of certificate authorities in place of the system's; nil for the system's.
        public var certificateAuthorities: String?
        /// How much of a streamed body waits for its reader before the server is held back.
        public var streamBufferBytes: Int

        /// The defaults: 1,024 idle connections, 64 lookups, 20 s to drain, 256 KiB a stream.
        public init(
            userAgent: String = "Tocsin", maximumIdleConnections: Int = 1024, maximumLookups: Int = 64,
            drain: Duration = .seconds(20), certificateAuthorities: String? = nil, streamBufferBytes: Int = 256 * 1024
        ) {
            self.userAgent = userAgent
            self.maximumIdleConnections = maximumIdleConnections
            self.maximumLookups = maximumLookups
            self.drain = drain
            self.certificateAuthorities = certificateAuthorities
            self.streamBufferBytes = streamBufferBytes
        }
    }

    let mailbox: Mailbox
    private let streamBufferBytes: Int

    /// A transport that asks `policy` for every guarded request; its thread starts with the first request.
    public init(policy: EgressPolicy = EgressPolicy(), configuration: Configuration = Configuration()) {
        mailbox = Mailbox(policy: policy, configuration: configuration)
        streamBufferBytes = configuration.streamBufferBytes
    }

    deinit { mailbox.post(.stop(drain: .zero, done: nil)) }

    /// Sends `request` and answers with the whole response.
    public func send(_ request: OutboundRequest) async throws(TransportError) -> OutboundResponse {
        let start = Monotonic.now
        let id = mailbox.nextID()
        let mailbox = mailbox
        return try await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                mailbox.start(Order(id: id, request: request, posted: start, sink: .whole(continuation)))
                // A cancellation that came before the order was posted found nothing to cancel.
                if Task.isCancelled { mailbox.post(.cancel(id)) }
            }
        } onCancel: {
            mailbox.post(.cancel(id))
        }.get()
    }

    /// Sends `request` and answers once the header is there; the server is held back while the reader is slower.
    public func stream(_ request: OutboundRequest) async throws(TransportError) -> StreamedResponse {
        let start = Monotonic.now
        let id = mailbox.nextID()
        let mailbox = mailbox
        let buffer = StreamBuffer(id: id, mailbox: mailbox, limit: streamBufferBytes)
        // Owned by the caller from here on: letting go of it ends the exchange.
        let body = ResponseBody(buffer: buffer, owner: self)
        let head = try await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                mailbox.start(
                    Order(id: id, request: request, posted: start, sink: .stream(buffer, continuation)))
                if Task.isCancelled { mailbox.post(.cancel(id)) }
            }
        } onCancel: {
            mailbox.post(.cancel(id))
        }.get()
        return StreamedResponse(status: head.status, headers: head.headers, body: body)
    }

    /// Takes no more requests, waits for those under way up to `Configuration.drain`, then ends the rest with `closed`.
    public func shutdown() async {
        let mailbox = mailbox
        await withCheckedContinuation { mailbox.post(.stop(drain: mailbox.configuration.drain, done: $0)) }
    }
}

/// Monotonic time in nanoseconds.
enum Monotonic {
    static var now: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}

extension Duration {
    /// Whole milliseconds, rounded up, kept within 0...2^31 - 1.
    var clampedMilliseconds: Int {
        let (seconds, attoseconds) = components
        if seconds < 0 || attoseconds < 0 { return 0 }
        if seconds > 2_000_000 { return Int(Int32.max) }
        return Int(seconds) * 1000 + Int((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}
