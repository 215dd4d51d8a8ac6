import Domain
import Metrics

/// One chain's measurements.
struct ListenerMeters: Sendable {
    private let lag: Gauge
    private let left: Gauge
    private let events: Counter
    private let undecodable: Counter
    private let unknown: Counter
    private let reorganisations: Counter
    private let inconsistent: Counter
    private let repaired: Counter
    private let unverified: Gauge
    private let upgrades: [Registry: Counter]
    private let headAge: Gauge
    private let up: Gauge
    private let commits: Metrics.Timer

    init(chain: ChainID) {
        let dimensions = [("chain", chain.description)]
        lag = Gauge(label: "listener.lag.blocks", dimensions: dimensions)
        left = Gauge(label: "listener.history.left.seconds", dimensions: dimensions)
        events = Counter(label: "listener.events.count", dimensions: dimensions)
        undecodable = Counter(label: "listener.undecodable.count", dimensions: dimensions)
        unknown = Counter(label: "listener.unknown.count", dimensions: dimensions)
        reorganisations = Counter(label: "listener.reorg.count", dimensions: dimensions)
        inconsistent = Counter(label: "listener.inconsistent.count", dimensions: dimensions)
        repaired = Counter(label: "listener.repaired.count", dimensions: dimensions)
        unverified = Gauge(label: "listener.unverified.blocks", dimensions: dimensions)
        upgrades = Dictionary(
            uniqueKeysWithValues: Registry.allCases.map { registry in
                let dimensions = dimensions + [("registry", registry.rawValue)]
                return (registry, Counter(label: "listener.upgrades.count", dimensions: dimensions))
            })
        headAge = Gauge(label: "listener.head.age.seconds", dimensions: dimensions)
        up = Gauge(label: "listener.up", dimensions: dimensions)
        commits = Metrics.Timer(label: "listener.commit.duration.seconds", dimensions: dimensions)
    }

    /// How far the stored chain lies behind what a node showed.
    func lag(head: BlockNumber?, checkpoint: BlockNumber?) {
        guard let head, let checkpoint else { return }
        lag.record(max(0, checkpoint.distance(to: head)))
    }

    /// How long ago the newest block was first seen.
    func headAge(_ age: Duration) { headAge.record(age / .seconds(1)) }

    /// Whether the listener does what it should: 1, or 0 while it fails, is halted, or is shown no blocks.
    func isUp(_ flag: Bool) { up.record(flag ? 1 : 0) }

    /// How long storing history takes yet.
    func left(_ time: Duration?) {
        guard let time else { return }
        left.record(Double(time.components.seconds))
    }

    /// Counts what a commit stored.
    func count(_ outcome: CommitOutcome, events rows: [EventRow], rewound: Bool) {
        if outcome.events > 0 { events.increment(by: outcome.events) }
        if rewound { reorganisations.increment() }
        for row in rows {
            if row.type == .upgraded { upgrades[row.registry]?.increment() }
            switch row.defect {
            case nil: break
            case .unknown: unknown.increment()
            case .malformed: undecodable.increment()
            }
        }
    }

    /// Counts an answer that contradicted itself or another one.
    func countInconsistent() { inconsistent.increment() }

    /// How many stored heights nothing proves to be complete.
    func unverified(_ count: Int64) { unverified.record(count) }

    /// Counts logs that were stored late, or were stored and are not on the chain: any at all is an alarm.
    func repaired(late: Int, surplus: Int) { repaired.increment(by: late + surplus) }

    /// Runs `work` and records how long it took, if it succeeded.
    func timed<Output>(_ work: () async throws -> Output) async throws -> Output {
        let start = ContinuousClock.now
        let output = try await work()
        commits.record(duration: ContinuousClock.now - start)
        return output
    }
}
