import Domain
import HTTPClient

/// What is known of an endpoint, and what follows from it; times count from the pool's start.
struct EndpointHealth: Sendable {
    /// Whether the chain id was right since the last failure that could hide another server.
    private(set) var isChainVerified = false
    /// Whether batches come back whole; some servers answer one call of them.
    private(set) var isBatching = true
    private(set) var head: BlockNumber?
    private(set) var latency: Duration?
    private(set) var lastError: RPCError?
    private(set) var blockedUntil = Duration.zero
    /// How much one search may cover.
    var range: RangeLimits
    private var incompleteBatches = 0
    private var failuresInRow = 0
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

    init(maximumSpan: Int = 1_000_000) { range = RangeLimits(ceiling: maximumSpan) }

    func isAvailable(at now: Duration) -> Bool { blockedUntil <= now }

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

    /// What a call costs here, in seconds, the lower the better: time, failures, and lag behind `best`.
    func cost(at now: Duration, best: BlockNumber?) -> Double {
        let seconds = latency.map { $0 / .seconds(1) } ?? 0
        var lag = 0
        if let best, let head, head < best { lag = min(head.distance(to: best), 1000) }
        return seconds * (1 + 10 * errorRate(at: now)) + errorRate(at: now) + Double(lag) * 0.05
    }

    mutating func verifiedChain() { isChainVerified = true }

    mutating func saw(head: BlockNumber) { self.head = head }

    mutating func succeeded(after time: Duration, at now: Duration) {
        latency = latency.map { $0 * 0.8 + time * 0.2 } ?? time
        failuresInRow = 0
        note(failure: false, at: now)
    }

    mutating func completedBatch() { incompleteBatches = 0 }

    /// Takes note of `error`; `jitter` in 0..<1 spreads the returns of many pools.
    mutating func failed(_ error: RPCError, at now: Duration, jitter: Double) {
        lastError = error
        if error == .malformed(Answers.incomplete), isBatching {
            incompleteBatches += 1
            if incompleteBatches >= 2 { isBatching = false }
        }
        guard let wait = backoff(error) else { return }
        note(failure: true, at: now)
        failuresInRow += 1
        // Behind the same URL another server may answer next time.
        if error.hidesServer { isChainVerified = false }
        blockedUntil = max(blockedUntil, now + wait * (1 + 0.2 * jitter))
    }

    /// How long the endpoint is left alone for `error`; nil where the endpoint did nothing wrong.
    private func backoff(_ error: RPCError) -> Duration? {
        switch error {
        case .rangeTooLarge, .reverted, .noContract, .notYet, .pruned, .methodMissing, .unavailable: return nil
        case .transport(.cancelled), .transport(.closed): return nil
        case .unauthorized, .wrongChain:
            return min(Self.longestRefusal, Self.firstRefusal * (1 << min(failuresInRow, 10)))
        case .rateLimited(let retryAfter):
            return max(retryAfter ?? Self.exponential(failuresInRow), Self.rateFloor)
        case .malformed, .inconsistent, .server, .transport, .unknown: return Self.exponential(failuresInRow)
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
    /// Whether another server may stand behind the URL by now.
    fileprivate var hidesServer: Bool {
        switch self {
        case .transport, .wrongChain, .malformed, .server: true
        default: false
        }
    }
}
