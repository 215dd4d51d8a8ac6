/// When a failed delivery is tried again.
///
/// - SeeAlso: `docs/webhooks.md`, "Retries".
enum RetrySchedule {
    /// The delay behind each failed attempt: 13 attempts over 71 h 42 min 35 s.
    static let delays: [Duration] = [
        .seconds(5), .seconds(30), .seconds(120), .seconds(600), .seconds(1800), .seconds(3600), .seconds(7200),
        .seconds(14400), .seconds(28800), .seconds(43200), .seconds(72000), .seconds(86400),
    ]
    /// How often a delivery is tried in all.
    static let attemptsMaximum = delays.count + 1
    /// No delay is shorter, whatever the jitter.
    static let floor = Duration.seconds(1)
    /// The longest pause that a receiver may ask for.
    static let pauseMaximum = Duration.seconds(86400)
    /// The pause behind a 429 that does not say how long.
    static let rateLimitedPause = Duration.seconds(60)

    /// The delay behind attempt number `attempt`, counted from 1, within ±20 %; nil when it was the last.
    static func delay(afterAttempt attempt: Int, using random: inout some RandomNumberGenerator) -> Duration? {
        guard attempt >= 1 else { return floor }
        guard attempt <= delays.count else { return nil }
        return max(floor, delays[attempt - 1] * Double.random(in: 0.8...1.2, using: &random))
    }
}

/// What becomes of a delivery after an attempt.
enum Disposition: Equatable {
    case delivered
    case failed
    /// Due again after this long; the attempt counts.
    case retry(after: Duration)
    /// Due again after this long, as if the attempt had not been.
    case giveBack(after: Duration)

    /// What follows from the outcome of attempt number `attempt`.
    static func after(
        _ failure: Failure?, attempt: Int, using random: inout some RandomNumberGenerator
    ) -> Disposition {
        guard let failure else { return .delivered }
        switch failure.retry {
        case .never: return .failed
        case .uncounted(let delay): return .giveBack(after: delay)
        case .limited(let maximum) where attempt >= maximum: return .failed
        case .limited, .onSchedule:
            guard let delay = RetrySchedule.delay(afterAttempt: attempt, using: &random) else { return .failed }
            return .retry(after: max(delay, failure.pause ?? .zero))
        }
    }
}
