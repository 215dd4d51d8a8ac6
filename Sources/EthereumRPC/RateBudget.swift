/// How many calls per second an endpoint is given: all, until it says that they are too many.
///
/// A bucket holds the calls of one second. Its rate is what the endpoint stated, or less than what it refused, and grows
/// again while nothing is refused. Times count from the pool's start.
struct RateBudget: Sendable {
    /// Calls per second; nil while nothing was refused.
    private(set) var limit: Double?
    private var isStated = false
    /// What can be spent now; below zero what was spent in advance.
    private var tokens = 0.0
    private var filledAt = Duration.zero
    /// The rate that was refused last.
    private var refusedRate = Double.infinity
    private var changedAt = Duration.zero
    /// The calls of this second and of the one before it.
    private var window = (start: Duration.zero, now: 0, before: 0)

    /// Less is never given: a refusal may be about something else, such as a day's quota.
    private static let floor = 2.0
    /// More than this is no limit.
    private static let unlimited = 10_000.0

    /// How long `calls` would have to wait.
    func wait(for calls: Int, at now: Duration) -> Duration {
        guard let limit else { return .zero }
        let missing = min(Double(calls), limit) - filled(at: now)
        return missing > 0 ? .seconds(missing / limit) : .zero
    }

    /// Spends `calls` and answers how long to wait before they are sent; nil, and nothing spent, beyond `longest`.
    mutating func take(_ calls: Int, at now: Duration, longest: Duration) -> Duration? {
        grow(at: now)
        let wait = wait(for: calls, at: now)
        guard wait <= longest else { return nil }
        tokens = filled(at: now) - Double(calls)
        filledAt = now
        count(calls, at: now)
        return wait
    }

    /// Notes that calls were too many; `stated` is how many per second the endpoint says it allows.
    mutating func refused(stated: Double?, at now: Duration) {
        count(0, at: now)
        if let stated, stated.isFinite, stated > 0 {
            isStated = true
            // Two clocks never agree about a second.
            set(max(0.1, stated * 0.95), at: now)
            return
        }
        // Calls that were under way together are refused together, which teaches only once.
        guard limit == nil || now - changedAt >= .seconds(1) || refusedRate == .infinity else { return }
        isStated = false
        refusedRate = min(limit ?? .infinity, Double(max(window.now, window.before, 1)))
        set(max(Self.floor, refusedRate * 0.7), at: now)
    }

    private mutating func set(_ rate: Double, at now: Duration) {
        tokens = min(0, limit == nil ? 0 : filled(at: now))
        filledAt = now
        limit = rate
        changedAt = now
    }

    /// Below the rate that was refused the limit grows fast, and slowly beyond.
    private mutating func grow(at now: Duration) {
        guard let limit, !isStated else { return }
        let isNear = limit >= refusedRate * 0.9
        guard now - changedAt >= .seconds(isNear ? 60 : 10) else { return }
        let rate = limit * (isNear ? 1.05 : 1.25)
        tokens = filled(at: now)
        filledAt = now
        changedAt = now
        self.limit = rate > Self.unlimited ? nil : rate
    }

    private func filled(at now: Duration) -> Double {
        guard let limit else { return 0 }
        return min(max(1, limit), tokens + (now - filledAt) / .seconds(1) * limit)
    }

    private mutating func count(_ calls: Int, at now: Duration) {
        let age = now - window.start
        if age >= .seconds(2) {
            window = (now, 0, 0)
        } else if age >= .seconds(1) {
            window = (window.start + .seconds(1), 0, window.now)
        }
        window.now += calls
    }
}
