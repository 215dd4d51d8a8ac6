/// Destinations that asked to be left alone for a while.
struct PausedDestinations {
    /// The most that are kept in mind.
    static let maximum = 100_000

    private var until: [Int64: Double] = [:]

    /// How much longer `destination` is paused at `now`, in seconds; nil where it is not.
    mutating func remaining(_ destination: Int64, now: Double) -> Double? {
        guard let end = until[destination] else { return nil }
        guard end > now else {
            until[destination] = nil
            return nil
        }
        return end - now
    }

    mutating func pause(_ destination: Int64, until end: Double, now: Double) {
        if until.count >= Self.maximum { until = until.filter { $0.value > now } }
        guard until.count < Self.maximum else { return }
        until[destination] = max(until[destination] ?? 0, end)
    }
}
