/// How long calls of one kind take at one endpoint, and what follows for the next one.
struct Latencies: Sendable, Equatable {
    private static let kept = 64
    /// Fewer say nothing about the slowest ones.
    private static let enough = 8

    /// The last ones, in a ring.
    private var samples: [Duration] = []
    private var next = 0
    private var average: Duration?
    private var notedAt = Duration.zero

    /// The usual time, nil before the first answer; halved for each minute without one, so that it is tried again.
    func usual(at now: Duration) -> Duration? {
        guard let average else { return nil }
        return average / Double(1 << Int(min(30, max(0, (now - notedAt) / .seconds(60)))))
    }

    /// Notes that an answer took `time`, or that none had come after it.
    mutating func note(_ time: Duration, at now: Duration) {
        average = average.map { $0 * 0.8 + time * 0.2 } ?? time
        notedAt = now
        if samples.count < Self.kept {
            samples.append(time)
        } else {
            samples[next] = time
            next = (next + 1) % Self.kept
        }
    }

    /// Notes that somebody else was faster while no answer had come after `time`.
    mutating func noteSlower(than time: Duration, at now: Duration) {
        if time > average ?? .zero { note(time, at: now) }
    }

    /// The time within which a share of the last answers came; nil before there are enough.
    func quantile(_ share: Double) -> Duration? {
        guard samples.count >= Self.enough else { return nil }
        let sorted = samples.sorted()
        return sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]
    }

    /// How long to wait for an answer: four times what the slowest ones took, within `floor...ceiling`.
    ///
    /// A slow node is given its time; a call that timed out counts as one that took that long, so the next gets more.
    func deadline(floor: Duration, ceiling: Duration) -> Duration {
        guard let slowest = quantile(1) else { return ceiling }
        return min(ceiling, max(floor, slowest * 4))
    }

    /// After how long a second endpoint is asked too.
    var hedge: Duration {
        guard let slow = quantile(0.95) else { return .milliseconds(500) }
        return min(.seconds(2), max(.milliseconds(30), slow * 1.5))
    }
}

/// What calls have in common that take about the same time.
enum CallKind: Sendable, Hashable {
    /// The newest block.
    case head
    /// One block's header, a transaction, a contract.
    case small
    /// Logs and receipts.
    case search

    private static let searches = ["eth_getLogs", "eth_getBlockReceipts", "eth_getTransactionReceipt"]

    init(_ calls: [Call]) {
        if calls.contains(where: { Self.searches.contains($0.method) }) {
            self = .search
        } else {
            self = calls.first?.parameters.contains("latest") == true ? .head : .small
        }
    }
}
