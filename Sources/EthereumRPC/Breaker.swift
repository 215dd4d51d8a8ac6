/// Whether an endpoint may be asked: not for a while after a failure, then by one call alone until that succeeds.
struct Breaker: Sendable, Equatable {
    /// What a call is that may go out.
    enum Pass: Sendable { case ordinary, probe }

    /// When the endpoint may be asked again.
    private(set) var openUntil = Duration.zero
    /// How many calls failed since the last one that did not.
    private(set) var failuresInRow = 0
    /// Whether a call is under way that finds out if the endpoint is back.
    private var isProbing = false

    /// Whether the wait is over.
    func isClosed(at now: Duration) -> Bool { openUntil <= now }

    /// Whether a call may go out now.
    func admits(at now: Duration) -> Bool { isClosed(at: now) && !isProbing }

    /// Takes note of a call that goes out; nil where none may.
    mutating func begin(at now: Duration) -> Pass? {
        guard admits(at: now) else { return nil }
        guard failuresInRow > 0 else { return .ordinary }
        isProbing = true
        return .probe
    }

    /// Takes note that a call that had begun is over, whatever came of it.
    mutating func end(_ pass: Pass) { if pass == .probe { isProbing = false } }

    mutating func succeeded() { failuresInRow = 0 }

    mutating func failed(wait: Duration, at now: Duration) {
        // Calls that were under way together fail together, which counts once.
        if isClosed(at: now) { failuresInRow += 1 }
        openUntil = max(openUntil, now + wait)
    }
}
