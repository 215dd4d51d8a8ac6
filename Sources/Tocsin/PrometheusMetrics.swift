import CoreMetrics
import Foundation
import Synchronization

/// Keeps the process's metrics and writes them as Prometheus reads them.
///
/// Dots in labels become underscores; counters end in `_total`; timers and recorders become histograms, timers in
/// seconds. A metric lives until the process ends: labels and dimensions come from small closed sets.
///
/// - SeeAlso: Prometheus text exposition format 0.0.4.
final class PrometheusMetrics: MetricsFactory {
    private struct Key: Hashable {
        let name: String
        let dimensions: [String]
    }
    private struct Families {
        var counters: [Key: CountingMetric] = [:]
        var meters: [Key: LevelMetric] = [:]
        var histograms: [Key: HistogramMetric] = [:]
    }
    private let families = Mutex(Families())

    /// Upper bounds in seconds, from a cache hit to a hopeless request.
    private static let secondBounds: [Double] = [
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
    ]
    /// Upper bounds for counts and sizes.
    private static let valueBounds: [Double] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 100000]

    func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        families.withLock { families in
            families.counters.entry(Self.key(label, dimensions), CountingMetric())
        }
    }

    func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        families.withLock { families in families.meters.entry(Self.key(label, dimensions), LevelMetric()) }
    }

    func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        if aggregate {
            families.withLock { families in
                families.histograms.entry(
                    Self.key(label, dimensions), HistogramMetric(bounds: Self.valueBounds, unit: 1))
            }
        } else {
            families.withLock { families in families.meters.entry(Self.key(label, dimensions), LevelMetric()) }
        }
    }

    func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        families.withLock { families in
            families.histograms.entry(
                Self.key(label, dimensions), HistogramMetric(bounds: Self.secondBounds, unit: 1e9))
        }
    }

    func destroyCounter(_ handler: any CounterHandler) {}
    func destroyMeter(_ handler: any MeterHandler) {}
    func destroyRecorder(_ handler: any RecorderHandler) {}
    func destroyTimer(_ handler: any TimerHandler) {}

    /// All metrics as text, sorted by name.
    func text() -> String {
        var lines: [(name: String, type: String, body: [String])] = []
        families.withLock { families in
            for (name, members) in Dictionary(grouping: families.counters, by: \.key.name) {
                let body = members.map { "\(name)_total\(Self.braces($0.key.dimensions)) \($0.value.count)" }
                lines.append(("\(name)_total", "counter", body.sorted()))
            }
            for (name, members) in Dictionary(grouping: families.meters, by: \.key.name) {
                let body = members.map { "\(name)\(Self.braces($0.key.dimensions)) \($0.value.level)" }
                lines.append((name, "gauge", body.sorted()))
            }
            for (name, members) in Dictionary(grouping: families.histograms, by: \.key.name) {
                let body = members.sorted { $0.key.dimensions.lexicographicallyPrecedes($1.key.dimensions) }
                    .flatMap { $0.value.lines(name: name, dimensions: $0.key.dimensions) }
                lines.append((name, "histogram", body))
            }
        }
        lines.sort { $0.name < $1.name }
        return lines.map { "# TYPE \($0.name) \($0.type)\n\($0.body.joined(separator: "\n"))\n" }.joined()
    }

    private static func key(_ label: String, _ dimensions: [(String, String)]) -> Key {
        let name = String(
            decoding: label.utf8.map { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    byte
                default: UInt8(ascii: "_")
                }
            }, as: UTF8.self)
        let pairs = dimensions.map { name, value in
            "\(name.utf8.contains(UInt8(ascii: ".")) ? name.replacing(".", with: "_") : name)=\"\(escaped(value))\""
        }
        return Key(name: "tocsin_\(name)", dimensions: pairs.sorted())
    }

    /// `value` between quotation marks; nearly none has anything to escape, and every request asks for its metrics.
    private static func escaped(_ value: String) -> String {
        guard value.utf8.contains(where: { $0 == UInt8(ascii: "\\") || $0 == UInt8(ascii: "\"") || $0 == 10 }) else {
            return value
        }
        return value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }

    fileprivate static func braces(_ pairs: [String]) -> String {
        pairs.isEmpty ? "" : "{\(pairs.joined(separator: ","))}"
    }
}

extension Dictionary {
    /// The value at `key`, put there first if it is missing.
    fileprivate mutating func entry(_ key: Key, _ make: @autoclosure () -> Value) -> Value {
        if let value = self[key] { return value }
        let value = make()
        self[key] = value
        return value
    }
}

/// A count that only grows.
private final class CountingMetric: CounterHandler {
    private let total = Atomic<Int64>(0)
    var count: Int64 { total.load(ordering: .relaxed) }
    func increment(by amount: Int64) { total.wrappingAdd(amount, ordering: .relaxed) }
    func reset() { total.store(0, ordering: .relaxed) }
}

/// A value that goes up and down.
private final class LevelMetric: MeterHandler, RecorderHandler {
    private let value = Mutex<Double>(0)
    var level: Double { value.withLock { $0 } }
    func set(_ value: Int64) { set(Double(value)) }
    func set(_ value: Double) { self.value.withLock { $0 = value } }
    func increment(by amount: Double) { value.withLock { $0 += amount } }
    func decrement(by amount: Double) { value.withLock { $0 -= amount } }
    func record(_ value: Int64) { set(Double(value)) }
    func record(_ value: Double) { set(value) }
}

/// Counts of values by upper bound.
private final class HistogramMetric: TimerHandler, RecorderHandler {
    private struct State {
        var counts: [Int64]
        var sum: Double = 0
    }
    private let bounds: [Double]
    /// What a recorded value is divided by: 10^9 turns a timer's nanoseconds into seconds.
    private let unit: Double
    private let state: Mutex<State>

    init(bounds: [Double], unit: Double) {
        self.bounds = bounds
        self.unit = unit
        state = Mutex(State(counts: Array(repeating: 0, count: bounds.count + 1)))
    }

    func recordNanoseconds(_ duration: Int64) { record(Double(duration)) }
    func record(_ value: Int64) { record(Double(value)) }
    func record(_ value: Double) {
        let scaled = value / unit
        let bucket = bounds.firstIndex { scaled <= $0 } ?? bounds.count
        state.withLock { state in
            state.counts[bucket] += 1
            state.sum += scaled
        }
    }

    func lines(name: String, dimensions: [String]) -> [String] {
        let (counts, sum) = state.withLock { ($0.counts, $0.sum) }
        var running: Int64 = 0
        var result: [String] = []
        for (count, bound) in zip(counts, bounds.map { "\($0)" } + ["+Inf"]) {
            running += count
            result.append("\(name)_bucket\(PrometheusMetrics.braces(dimensions + ["le=\"\(bound)\""])) \(running)")
        }
        result.append("\(name)_sum\(PrometheusMetrics.braces(dimensions)) \(sum)")
        result.append("\(name)_count\(PrometheusMetrics.braces(dimensions)) \(running)")
        return result
    }
}
