import Domain

/// How fast history is stored, smoothed over some seconds.
struct HistoryRate: Sendable, Equatable {
    /// How far apart two samples are at least.
    private static let interval = Duration.seconds(1)

    private var last: (number: BlockNumber, time: Duration)?
    /// Nil before the first second is over.
    private(set) var blocksPerSecond: Double?

    /// Notes that everything up to `number` is stored, or about to be, at `time`.
    mutating func note(_ number: BlockNumber, at time: Duration) {
        guard let last else {
            last = (number, time)
            return
        }
        let passed = time - last.time
        guard passed >= Self.interval else { return }
        let now = Double(last.number.distance(to: number)) / (passed / .seconds(1))
        blocksPerSecond = blocksPerSecond.map { $0 * 0.8 + now * 0.2 } ?? now
        self.last = (number, time)
    }

    /// How long it takes until `end` is stored; nil while nothing is known.
    func timeLeft(to end: BlockNumber) -> Duration? {
        guard let last, let blocksPerSecond, blocksPerSecond > 0 else { return nil }
        let seconds = Double(max(0, last.number.distance(to: end))) / blocksPerSecond
        return seconds < 1e9 ? .seconds(seconds) : nil
    }

    static func == (left: HistoryRate, right: HistoryRate) -> Bool {
        left.blocksPerSecond == right.blocksPerSecond && left.last?.number == right.last?.number
    }
}

/// The time since now, by `clock`.
func stopwatch(_ clock: some Clock<Duration>) -> @Sendable () -> Duration {
    let start = clock.now
    return { start.duration(to: clock.now) }
}
