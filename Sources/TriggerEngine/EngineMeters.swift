import Domain
import Metrics

/// The engine's measurements that concern all chains.
struct EngineMeters: Sendable {
    private let active = Gauge(label: "engine.triggers.count")
    private let quarantined = Gauge(label: "engine.quarantined.count")

    func triggers(_ counts: (active: Int, poison: Int)) {
        active.record(counts.active)
        quarantined.record(counts.poison)
    }
}

/// One chain's measurements.
struct ChainMeters: Sendable {
    private let matches: Counter
    private let shadow: Counter
    private let undecodable: Counter
    private let retractions: Counter
    private let lag: Gauge
    private let evaluation: Metrics.Timer

    init(chain: ChainID) {
        let dimensions = [("chain", chain.description)]
        matches = Counter(label: "engine.matches.count", dimensions: dimensions)
        shadow = Counter(label: "engine.shadow_matches.count", dimensions: dimensions)
        undecodable = Counter(label: "engine.undecodable.count", dimensions: dimensions)
        retractions = Counter(label: "engine.retractions.count", dimensions: dimensions)
        lag = Gauge(label: "engine.lag.rows", dimensions: dimensions)
        evaluation = Metrics.Timer(label: "engine.evaluate.duration.seconds", dimensions: dimensions)
    }

    func lag(_ rows: Int64) { lag.record(rows) }

    func count(_ tally: Tally) {
        if tally.matches > 0 { matches.increment(by: tally.matches) }
        if tally.shadow > 0 { shadow.increment(by: tally.shadow) }
        if tally.undecodable > 0 { undecodable.increment(by: tally.undecodable) }
    }

    func count(_ outcome: RetractDeliveries.Outcome) {
        if outcome.notices > 0 { retractions.increment(by: outcome.notices) }
    }

    func evaluated(in duration: Duration) { evaluation.record(duration: duration) }
}

/// What evaluating events came to.
struct Tally: Sendable, Equatable {
    /// Live triggers that matched.
    var matches = 0
    /// Triggers in shadow that matched.
    var shadow = 0
    /// Events whose log no longer decodes.
    var undecodable = 0
}
