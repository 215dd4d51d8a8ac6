import Domain
import HTTPClient

/// What is known of an endpoint, and what follows from it; times count from the pool's start.
struct EndpointHealth: Sendable {
    /// Whether the chain id was right since the last failure that could hide another server.
    private(set) var isChainVerified = false
    private var verifiedAt = Duration.zero
    /// How many calls one batch may hold; 1 where batches do not come back whole.
    private(set) var batchMax: Int
    private(set) var head: BlockNumber?
    private var headAt = Duration.zero
    private(set) var lastError: RPCError?
    private(set) var breaker = Breaker()
    /// How much one search may cover.
    var range: RangeLimits
    /// Which blocks it still has.
    var history = History()
    var budget = RateBudget()
    /// How many questions it is busy with.
    private(set) var inFlight = 0
    private var latencies: [CallKind: Latencies] = [:]
    private var lacking: [String: Duration] = [:]
    private var tornBatches = 0
    /// How many calls in a row were given up on that had waited long, without a word in between.
    private var silences = 0
    private var answeredAt = Duration.zero
    private var distrusts = 0
    private var distrustedAt = Duration.zero
    private var errorShare = 0.0
    private var errorShareAt = Duration.zero

    /// A failing endpoint is left alone for 0.5 s, doubling to 30 s.
    private static let firstBackoff = Duration.milliseconds(500)
    private static let longestBackoff = Duration.seconds(30)
    /// Whoever says "too fast" without saying how long, or says 0, is given this long.
    private static let rateFloor = Duration.seconds(1)
    /// A wrong key, an open bill or a wrong chain is for an operator to mend: 5 s, doubling to 5 minutes.
    private static let firstRefusal = Duration.seconds(5)
    private static let longestRefusal = Duration.seconds(300)
    private static let headMemory = Duration.seconds(30)
    /// Whoever is given up on so many times, each after so long at least, is as one whose time ran out.
    private static let silencesMax = 2
    private static let silenceFloor = Duration.seconds(1)
    /// Behind one URL may stand servers that know a method and others that do not.
    private static let lackingMemory = Duration.seconds(60)

    init(maximumSpan: Int = 1_000_000, maximumBatch: Int = 100) {
        range = RangeLimits(ceiling: maximumSpan)
        batchMax = maximumBatch
    }

    // MARK: Choosing

    func isAvailable(at now: Duration) -> Bool { breaker.admits(at: now) }

    /// How long it is left alone, the end of a probe included; zero where it may be asked.
    func wait(at now: Duration) -> Duration {
        if !breaker.isClosed(at: now) { return breaker.openUntil - now }
        return isAvailable(at: now) ? .zero : .milliseconds(100)
    }

    /// The newest block that it told of lately; nil where others may have grown since.
    func freshHead(at now: Duration) -> BlockNumber? { now - headAt < Self.headMemory ? head : nil }

    /// Whether it said lately that it does not know `method`.
    func lacks(_ method: String, at now: Duration) -> Bool {
        lacking[method].map { now - $0 < Self.lackingMemory } ?? false
    }

    /// The share of failures lately; what happened half a minute ago counts half.
    func errorRate(at now: Duration) -> Double {
        var share = errorShare
        var age = now - errorShareAt
        while age >= .seconds(30), share > 0.001 {
            share /= 2
            age -= .seconds(30)
        }
        return share
    }

    /// The usual time for an answer to a call of `kind`, or to any where none is given or known.
    func latency(_ kind: CallKind? = nil, at now: Duration) -> Duration? {
        if let kind, let known = latencies[kind]?.usual(at: now) { return known }
        return latencies.values.compactMap { $0.usual(at: now) }.min()
    }

    /// What a call costs here, in seconds, the lower the better: time, failures, lag behind `best`, and those before it.
    func cost(_ kind: CallKind = .small, at now: Duration, best: BlockNumber?) -> Double {
        let seconds = (latency(kind, at: now) ?? .zero) / .seconds(1)
        var lag = 0
        if let best, let head = freshHead(at: now), head < best { lag = min(head.distance(to: best), 1000) }
        let waiting = budget.wait(for: 1, at: now) / .seconds(1)
        return seconds * (1 + 10 * errorRate(at: now) + 0.25 * Double(inFlight)) + errorRate(at: now)
            + Double(lag) * 0.05 + waiting
    }

    func deadline(_ kind: CallKind, floor: Duration, ceiling: Duration) -> Duration {
        latencies[kind, default: Latencies()].deadline(floor: floor, ceiling: ceiling)
    }

    /// After how long a second endpoint is asked too.
    func hedge(_ kind: CallKind) -> Duration { latencies[kind, default: Latencies()].hedge }

    // MARK: Learning

    /// Takes note of a question that goes there; nil where none may.
    mutating func begin(at now: Duration) -> Breaker.Pass? {
        guard let pass = breaker.begin(at: now) else { return nil }
        inFlight += 1
        return pass
    }

    mutating func end(_ pass: Breaker.Pass) {
        breaker.end(pass)
        inFlight -= 1
    }

    mutating func verifiedChain(at now: Duration) {
        isChainVerified = true
        verifiedAt = now
    }

    /// Takes note of a new connection, behind which another server may stand.
    ///
    /// Connections that are opened together, or one for each call, are checked together, once a second.
    mutating func reconnected(at now: Duration) { if now - verifiedAt >= .seconds(1) { isChainVerified = false } }

    mutating func saw(head: BlockNumber, at now: Duration) {
        self.head = head
        headAt = now
    }

    mutating func succeeded(_ kind: CallKind, after time: Duration, at now: Duration) {
        latencies[kind, default: Latencies()].note(time, at: now)
        silences = 0
        answeredAt = now
        breaker.succeeded()
        note(failure: false, at: now)
    }

    /// Takes note that a call was given up on after `time`, as when another endpoint was faster, which is no failure.
    ///
    /// - Returns: Whether it is one after all: the endpoint has been silent for much longer than it takes to answer.
    mutating func outrun(_ kind: CallKind, after time: Duration, at now: Duration) -> Bool {
        let usual = latencies[kind]?.quantile(0.5) ?? .zero
        latencies[kind, default: Latencies()].noteSlower(than: time, at: now)
        guard time >= max(Self.silenceFloor, usual * 4), answeredAt <= now - time else { return false }
        silences += 1
        return silences >= Self.silencesMax
    }

    mutating func timedOut(_ kind: CallKind, after time: Duration, at now: Duration) {
        latencies[kind, default: Latencies()].note(time, at: now)
    }

    mutating func completedBatch() { tornBatches = 0 }

    /// Takes note of a batch of `count` calls that did not come back whole; once may be chance.
    mutating func tornBatch(of count: Int) {
        tornBatches += 1
        if tornBatches >= 2 { batchMax = max(1, min(batchMax, count) / 2) }
    }

    mutating func lacks(_ method: String, since now: Duration) { lacking[method] = now }

    /// Takes note of `error`; `jitter` in 0..<1 spreads the returns of many pools.
    mutating func failed(_ error: RPCError, at now: Duration, jitter: Double) {
        if error.isOurs { return }
        lastError = error
        if case .rateLimited(_, let stated) = error { budget.refused(stated: stated, at: now) }
        guard let wait = backoff(error) else { return }
        note(failure: true, at: now)
        // Behind the same URL another server may answer next time.
        if error.hidesServer { isChainVerified = false }
        breaker.failed(wait: wait * (1 + 0.2 * jitter), at: now)
    }

    /// Takes note that an answer was found wrong after it had been accepted.
    ///
    /// Answers that look right do not make up for it, so each time within ten minutes counts more.
    mutating func distrusted(because reason: String, at now: Duration, jitter: Double) {
        lastError = .inconsistent(reason)
        distrusts = now - distrustedAt > .seconds(600) ? 1 : distrusts + 1
        distrustedAt = now
        // Nobody is to be measured by a head that may be made up.
        head = nil
        note(failure: true, at: now)
        let wait = min(Self.longestBackoff, Self.firstRefusal * (1 << min(distrusts - 1, 10)))
        breaker.failed(wait: wait * (1 + 0.2 * jitter), at: now)
    }

    /// How long the endpoint is left alone for `error`; nil where the endpoint did nothing wrong.
    private func backoff(_ error: RPCError) -> Duration? {
        let failures = breaker.failuresInRow
        switch error {
        case .rangeTooLarge, .reverted, .noContract, .notYet, .pruned, .methodMissing, .unavailable: return nil
        case .transport(.cancelled), .transport(.closed): return nil
        case .unauthorized, .wrongChain:
            return min(Self.longestRefusal, Self.firstRefusal * (1 << min(failures, 10)))
        case .rateLimited(let retryAfter, _):
            return max(retryAfter ?? Self.exponential(failures), Self.rateFloor)
        case .malformed, .inconsistent, .server, .transport, .unknown: return Self.exponential(failures)
        }
    }

    private static func exponential(_ failures: Int) -> Duration {
        min(longestBackoff, firstBackoff * (1 << min(failures, 10)))
    }

    private mutating func note(failure: Bool, at now: Duration) {
        errorShare = errorRate(at: now) * 0.9 + (failure ? 0.1 : 0)
        errorShareAt = now
    }
}

extension RPCError {
    /// Whether we ended the call ourselves, or never made it.
    var isOurs: Bool {
        switch self {
        case .transport(.cancelled), .transport(.closed), .unavailable: true
        default: false
        }
    }

    /// Whether another server may stand behind the URL by now.
    fileprivate var hidesServer: Bool {
        switch self {
        case .transport, .wrongChain, .malformed, .server: true
        default: false
        }
    }
}
