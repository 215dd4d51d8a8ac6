/// How long to wait after failures in a row: doubling from `first` to `ceiling`, each wait drawn from its upper half.
struct Backoff: Sendable, Equatable {
    let first: Duration
    let ceiling: Duration
    private(set) var failures = 0

    init(first: Duration, ceiling: Duration) {
        self.first = first
        self.ceiling = ceiling
    }

    /// Counts a failure and answers the wait after it.
    mutating func fail(using random: inout some RandomNumberGenerator) -> Duration {
        // 2^20 times any first wait is above every ceiling in use.
        let whole = min(ceiling, first * (1 << min(failures, 20)))
        failures += 1
        return whole / 2 + whole / 2 * Double.random(in: 0...1, using: &random)
    }

    /// Forgets the failures.
    mutating func succeed() { failures = 0 }
}
