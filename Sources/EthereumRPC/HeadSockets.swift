public import Domain
public import HTTPClient
public import Logging
import Metrics
import Synchronization

/// Hears of a chain's new blocks over the WebSockets of its endpoints, one at a time.
///
/// What it hears is a hint that there is something to ask; nothing of it is taken as a fact. A socket that fails, serves
/// another chain, or falls silent while polling shows blocks is closed, and the next one is tried, ever less often while
/// none works.
public final class HeadSockets: Sendable {
    /// Reading a message costs time, so one that speaks without end is closed; the fastest chains say a few a second.
    private static let messagesAtOnce = 1000.0
    private static let messagesPerSecond = 200.0

    private struct State {
        var statuses: [SocketStatus]
        var current = 0
        var watch: SilenceWatch?
        var giveUp: (@Sendable () -> Void)?
        var failures = 0
        var isRightChain = false
        var openedAt: Duration = .zero
        var messages = 0
        var random: any RandomNumberGenerator & Sendable
    }

    private let chainID: ChainID
    private let endpoints: [Endpoint]
    private let transport: any SocketTransport
    private let clock: any Clock<Duration>
    private let now: @Sendable () -> Duration
    private let logger: Logger
    private let connected: Gauge
    private let state: Mutex<State>
    /// The first wait after a failure; further ones double up to the second.
    private let pauses: (first: Duration, ceiling: Duration)

    /// The sockets among `urls`, in their order; nil where there is none.
    ///
    /// - Parameter urls: May hold keys and user information; neither is shown or logged.
    public init?<C: Clock>(
        chainID: ChainID, urls: [String], transport: any SocketTransport, clock: C = ContinuousClock(),
        pauses: (first: Duration, ceiling: Duration) = (.seconds(1), .seconds(120)),
        random: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator(),
        logger: Logger = Logger(label: "tocsin.rpc")
    ) where C.Duration == Duration {
        endpoints = Endpoint.sockets(urls)
        guard !endpoints.isEmpty else { return nil }
        self.chainID = chainID
        self.transport = transport
        self.clock = clock
        self.pauses = pauses
        let start = clock.now
        now = { start.duration(to: clock.now) }
        var logger = logger
        logger[metadataKey: "chain.id"] = "\(chainID)"
        self.logger = logger
        connected = Gauge(label: "rpc.sockets.connected", dimensions: [("chain", "\(chainID)")])
        state = Mutex(State(statuses: endpoints.map { SocketStatus(endpoint: $0.label) }, random: random))
    }

    /// How each socket does, in the order of the URLs.
    public func status() -> [SocketStatus] { state.withLock { $0.statuses } }

    /// Keeps a socket open and calls `hear` with the number of each announced block, until the task is cancelled.
    public func run(_ hear: @escaping @Sendable (BlockNumber) -> Void) async {
        connected.record(0)
        while !Task.isCancelled {
            let index = state.withLock { $0.current }
            let failure = await attend(index, hear)
            connected.record(0)
            if Task.isCancelled { break }
            let pause = note(failure, of: index)
            try? await clock.sleep(for: pause)
        }
        state.withLock { $0.statuses[$0.current].isConnected = false }
    }

    /// Takes note that polling showed `head`; closes a socket that did not speak of the blocks up to it.
    public func polled(_ head: BlockNumber) {
        let now = now()
        state.withLock { state -> (@Sendable () -> Void)? in
            guard state.watch?.polled(head, at: now) == true else { return nil }
            return state.giveUp.take()
        }?()
    }

    /// Listens on one socket until it ends; answers why it did.
    private func attend(
        _ index: Int, _ hear: @escaping @Sendable (BlockNumber) -> Void
    ) async -> SocketFailure {
        let (silence, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let now = now()
        state.withLock { state in
            state.giveUp = { continuation.yield() }
            state.watch = SilenceWatch(at: now)
            state.openedAt = now
            state.messages = 0
        }
        defer {
            state.withLock { state in
                state.giveUp = nil
                state.watch = nil
            }
        }
        return await withTaskGroup(of: SocketFailure.self) { group in
            defer { group.cancelAll() }
            group.addTask { await self.listen(index, hear) }
            group.addTask {
                for await _ in silence { return .silent }
                return .transport(.cancelled)
            }
            return await group.next() ?? .transport(.cancelled)
        }
    }

    private func listen(
        _ index: Int, _ hear: @escaping @Sendable (BlockNumber) -> Void
    ) async -> SocketFailure {
        state.withLock { $0.isRightChain = false }
        do {
            try await transport.listen(request(index)) { bytes in
                guard self.takesMessage() else { throw SocketFailure.flood }
                switch HeadMessage(bytes) {
                case .chain(let found):
                    guard found == UInt64(self.chainID.rawValue) else { throw SocketFailure.wrongChain }
                    self.state.withLock { $0.isRightChain = true }
                case .subscribed(let isSubscribed):
                    guard isSubscribed else { throw SocketFailure.refused }
                    self.noteOpen(index)
                // A head of an unknown chain is no hint; nodes answer the first question first.
                case .head(let number) where self.state.withLock({ $0.isRightChain }):
                    self.noteWord(index, number)
                    hear(number)
                case .head, .other: break
                case nil: throw SocketFailure.malformed
                }
            }
            return .transport(.receive)
        } catch {
            return Self.failure(error)
        }
    }

    /// Counts a message; false where the socket says more than any chain has to say.
    private func takesMessage() -> Bool {
        let now = now()
        return state.withLock { state in
            state.messages += 1
            return Double(state.messages) <= Self.messagesAtOnce + Self.messagesPerSecond
                * ((now - state.openedAt) / .seconds(1))
        }
    }

    /// Opens the socket at `index` of the sockets' order and answers why it is of no use; nil where it announces blocks.
    public func probe(_ index: Int) async -> SocketFailure? {
        struct Works: Error {}
        do {
            try await transport.listen(request(index)) { bytes in
                switch HeadMessage(bytes) {
                case .chain(let found):
                    guard found == UInt64(self.chainID.rawValue) else { throw SocketFailure.wrongChain }
                case .subscribed(let isSubscribed): throw isSubscribed ? Works() : SocketFailure.refused
                case .head, .other: break
                case nil: throw SocketFailure.malformed
                }
            }
            return .transport(.receive)
        } catch is Works {
            return nil
        } catch {
            return Self.failure(error)
        }
    }

    private func request(_ index: Int) -> SocketRequest {
        SocketRequest(url: endpoints[index].url, headers: endpoints[index].headers, greeting: HeadMessage.greeting)
    }

    private static func failure(_ error: any Error) -> SocketFailure {
        switch error {
        case let failure as SocketFailure: failure
        case let error as TransportError: .transport(error)
        default: .transport(.cancelled)
        }
    }

    private func noteOpen(_ index: Int) {
        let failures = state.withLock { state in
            state.statuses[index].isConnected = true
            return state.failures
        }
        connected.record(1)
        let message: Logger.Message = "a socket announces blocks"
        logger.log(level: failures > 0 ? .notice : .info, message, metadata: ["endpoint": "\(endpoints[index].label)"])
    }

    private func noteWord(_ index: Int, _ number: BlockNumber) {
        let now = now()
        state.withLock { state in
            state.statuses[index].head = number
            state.watch?.heard(at: now)
            // A socket that works is what ends a row of failures; one that merely opens may fail again at once.
            state.failures = 0
        }
    }

    /// Takes note of the end of a socket, says so where it worked before, and answers how long to wait.
    private func note(_ failure: SocketFailure, of index: Int) -> Duration {
        let (pause, isNews) = state.withLock { state in
            let isNews = state.failures == 0
            state.statuses[index].isConnected = false
            state.statuses[index].lastFailure = failure
            state.current = (index + 1) % endpoints.count
            let whole = min(pauses.ceiling, pauses.first * (1 << min(state.failures, 20)))
            state.failures += 1
            let jitter = Double(state.random.next() >> 11) / Double(1 << 53)
            return (whole / 2 + whole / 2 * jitter, isNews)
        }
        Counter(
            label: "rpc.sockets.failures", dimensions: [("chain", "\(chainID)"), ("class", failure.errorClass)]
        ).increment()
        logger.log(
            level: isNews ? .notice : .debug, "a socket failed; blocks are polled, and it is opened again",
            metadata: ["endpoint": "\(endpoints[index].label)", "error": "\(failure.errorClass)"])
        return pause
    }
}
