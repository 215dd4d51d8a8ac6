public import Domain
public import HTTPClient
public import Logging
import Metrics
import Synchronization

/// The endpoints of one chain as one: each call goes to the best of them, and to the next when it fails.
///
/// An endpoint is asked for its chain id before its first answer counts, and again after failures that may hide another
/// server. Answers that contradict the question are errors; an error is never an empty answer.
public final class ProviderPool: Sendable {
    /// Limits of the calls.
    public struct Configuration: Sendable {
        /// The longest wait for small answers; less where an endpoint is known to be faster.
        public var deadline: Duration
        /// The longest wait for logs or receipts.
        public var searchDeadline: Duration
        /// For name lookup, connecting and handshake.
        public var connectDeadline: Duration
        /// The longest answer with small contents.
        public var maximumAnswerBytes: Int
        /// The longest answer with logs or receipts.
        public var maximumSearchBytes: Int
        /// Ranges up to this many blocks are fetched with all their headers.
        public var maximumHeaders: Int
        /// Calls in one batch; larger ones are split.
        public var maximumBatch: Int
        /// The most blocks that one search covers, whatever an endpoint allows.
        public var maximumSpan: Int

        /// The defaults: 10 s, 60 s and 5 s; 8 MiB and 128 MiB; 32 headers, 100 calls, a million blocks.
        public init(
            deadline: Duration = .seconds(10), searchDeadline: Duration = .seconds(60),
            connectDeadline: Duration = .seconds(5), maximumAnswerBytes: Int = 8 << 20,
            maximumSearchBytes: Int = 128 << 20, maximumHeaders: Int = 32, maximumBatch: Int = 100,
            maximumSpan: Int = 1_000_000
        ) {
            self.deadline = deadline
            self.searchDeadline = searchDeadline
            self.connectDeadline = connectDeadline
            self.maximumAnswerBytes = maximumAnswerBytes
            self.maximumSearchBytes = maximumSearchBytes
            self.maximumHeaders = maximumHeaders
            self.maximumBatch = maximumBatch
            self.maximumSpan = maximumSpan
        }
    }

    struct State {
        var health: [EndpointHealth]
        var head = ServedHead()
        var random: any RandomNumberGenerator & Sendable
    }

    /// The chain that every endpoint must serve.
    public let chainID: ChainID
    let configuration: Configuration
    let endpoints: [Endpoint]
    let transport: any Transport
    let logger: Logger
    let state: Mutex<State>
    /// The time since the pool's start.
    let now: @Sendable () -> Duration
    /// Waits on the pool's clock.
    let sleep: @Sendable (Duration) async throws -> Void

    /// A pool over `urls`, best known order first; what is neither `http` nor `https` is left out.
    ///
    /// - Parameter urls: May hold keys and user information; neither is shown or logged.
    public init<C: Clock>(
        chainID: ChainID, urls: [String], transport: any Transport, configuration: Configuration = Configuration(),
        clock: C = ContinuousClock(),
        random: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator(),
        logger: Logger = Logger(label: "tocsin.rpc")
    ) where C.Duration == Duration {
        self.chainID = chainID
        self.configuration = configuration
        self.transport = transport
        endpoints = Endpoint.list(urls)
        state = Mutex(
            State(
                health: endpoints.map { _ in
                    EndpointHealth(
                        maximumSpan: configuration.maximumSpan, maximumBatch: configuration.maximumBatch)
                }, random: random)
        )
        let start = clock.now
        now = { start.duration(to: clock.now) }
        sleep = { try await clock.sleep(for: $0) }
        var logger = logger
        logger[metadataKey: "chain.id"] = "\(chainID)"
        self.logger = logger
    }

    /// How each endpoint does, in the order of the URLs.
    public func status() -> [ProviderStatus] {
        let now = now()
        let health = state.withLock { $0.health }
        return zip(endpoints, health).map { endpoint, health in
            ProviderStatus(
                endpoint: endpoint.label, isChainVerified: health.isChainVerified,
                isAvailable: health.isAvailable(at: now), head: health.head, latency: health.latency(at: now),
                errorRate: health.errorRate(at: now), lastError: health.lastError,
                retryAfter: health.isAvailable(at: now) ? nil : health.wait(at: now))
        }
    }

    /// How many endpoints there are; below 2 there is no second opinion.
    public var endpointCount: Int { endpoints.count }

    /// How many blocks the endpoints that may be asked now answer in one search, 1 or more.
    public var spanLength: Int {
        let now = now()
        let health = state.withLock { $0.health }
        let available = health.filter { $0.isAvailable(at: now) }
        return (available.isEmpty ? health : available).map { $0.range.length(at: now) }.max() ?? 1
    }

    func health(_ index: Int) -> EndpointHealth { state.withLock { $0.health[index] } }

    @discardableResult
    func update<Result: Sendable>(_ index: Int, _ change: (inout EndpointHealth) -> Result) -> Result {
        state.withLock { change(&$0.health[index]) }
    }

    /// Takes note of a failure and says so once for each change of state.
    func noteFailure(_ index: Int, _ error: RPCError) {
        guard !error.isOurs else { return }
        let now = now()
        let (before, after) = state.withLock { state in
            let jitter = Double(state.random.next() >> 11) / Double(1 << 53)
            let before = state.health[index]
            state.health[index].failed(error, at: now, jitter: jitter)
            return (before, state.health[index])
        }
        Counter(label: "rpc.errors", dimensions: [("chain", "\(chainID)"), ("class", error.errorClass)]).increment()
        let metadata: Logger.Metadata = ["endpoint": "\(endpoints[index].label)", "error": "\(error)"]
        if !after.breaker.isClosed(at: now), before.breaker.isClosed(at: now), before.lastError != error {
            logger.warning("endpoint left alone", metadata: metadata)
        } else {
            logger.debug("call failed", metadata: metadata)
        }
    }

    /// The first id of a batch: random, so that an answer to somebody else's question is not taken for ours.
    func firstID() -> UInt64 { state.withLock { $0.random.next() >> 14 } }
}
