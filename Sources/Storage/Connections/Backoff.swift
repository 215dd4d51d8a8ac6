/// The growing pauses between attempts to reach a server.
struct Backoff {
    private var pause: Duration
    private let ceiling: Duration

    init(first: Duration = .milliseconds(50), ceiling: Duration = .seconds(1)) {
        pause = first
        self.ceiling = ceiling
    }

    /// The pause before the next attempt: twice the last one, up to the ceiling.
    mutating func next() -> Duration {
        defer { pause = min(pause * 2, ceiling) }
        return pause
    }

    /// Starts again after a success.
    mutating func reset(to first: Duration = .milliseconds(50)) { pause = first }
}
