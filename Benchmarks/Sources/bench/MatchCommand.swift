import ArgumentParser
import CFloors
import Conditions
import Domain
import Samples
import TriggerEngine

/// What looking up events cost.
private struct MatchResult: Encodable {
    var usP50: Double
    var usP99: Double
    var rssMib: Double
    /// Over the first events, so that the index and evaluating everything can be compared.
    var checksum: Int
    var matchesPerEvent: Double
    var shareOfEvents: Double
    var buildSeconds: Double
    var seed: UInt64
}

/// An event with more matches is not counted: its cost is that of its matches.
private let matchesMax = 10

private func sampleEvents(_ count: Int) -> [Event] {
    var sampler = EventSampler(seed: World.seed + 2)
    return (0..<count).map { _ in sampler.event() }
}

/// Times `find` for each event, which returns its number of matches.
private func measure(_ events: [Event], _ find: (Event) -> Int) -> (times: [Double], matches: Int) {
    var times: [Double] = []
    times.reserveCapacity(events.count)
    var matches = 0
    for event in events {
        let start = nanoseconds()
        let found = find(event)
        let took = nanoseconds() - start
        guard found <= matchesMax else { continue }
        matches += found
        times.append(Double(took) / 1000)
    }
    return (times.sorted(), matches)
}

/// One event against the engine's index of stored triggers.
struct MatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "match", abstract: "Looks events up in the index.")

    @Option(help: "How many triggers are stored.") var triggers = 1000
    @Option(help: "How many events are looked up.") var events = 20_000
    @Option(help: "How many events the checksum covers.") var checked = 20

    func run() async throws {
        let events = sampleEvents(events)
        floors_trim()
        let before = residentMiB()
        let start = nanoseconds()
        var sampler = TriggerSampler()
        var index = TriggerIndex()
        index.reserveCapacity(triggers)
        for _ in 0..<triggers { index.insert(sampler.trigger()) }
        let built = nanoseconds() - start
        floors_trim()
        let memory = residentMiB() - before
        let checksum = events.prefix(checked).reduce(0) { $0 + index.matches($1).count }
        func find(_ event: Event) -> Int {
            var found = 0
            index.forEachMatch(event) { _ in found += 1 }
            return found
        }
        _ = measure(Array(events.prefix(events.count / 10)), find)
        let (times, matches) = measure(events, find)
        try report(
            MatchResult(
                usP50: quantile(times, 0.5), usP99: quantile(times, 0.99), rssMib: memory, checksum: checksum,
                matchesPerEvent: Double(matches) / Double(max(times.count, 1)),
                shareOfEvents: Double(times.count) / Double(max(events.count, 1)),
                buildSeconds: Double(built) / 1e9, seed: World.seed))
    }
}

/// The floor of `match`: every trigger's conditions evaluated for every event.
struct LinearCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "linear", abstract: "Evaluates every trigger.")

    @Option(help: "How many triggers are stored.") var triggers = 1000
    @Option(help: "How many events are evaluated, and covered by the checksum.") var events = 20_000

    func run() async throws {
        let events = sampleEvents(events)
        floors_trim()
        let before = residentMiB()
        let start = nanoseconds()
        var sampler = TriggerSampler()
        var stored: [CompiledTrigger] = []
        stored.reserveCapacity(triggers)
        for _ in 0..<triggers { stored.append(sampler.trigger()) }
        let built = nanoseconds() - start
        floors_trim()
        let memory = residentMiB() - before
        let all = stored
        func find(_ event: Event) -> Int {
            var found = 0
            for index in all.indices where Self.matches(all[index], event) { found += 1 }
            return found
        }
        var checksum = 0
        let (times, matches) = measure(events) { event in
            let found = find(event)
            checksum += found
            return found
        }
        try report(
            MatchResult(
                usP50: quantile(times, 0.5), usP99: quantile(times, 0.99), rssMib: memory, checksum: checksum,
                matchesPerEvent: Double(matches) / Double(max(times.count, 1)),
                shareOfEvents: Double(times.count) / Double(max(events.count, 1)),
                buildSeconds: Double(built) / 1e9, seed: World.seed))
    }

    private static func matches(_ trigger: borrowing CompiledTrigger, _ event: Event) -> Bool {
        if let chain = trigger.chainID, chain != event.chainID { return false }
        if let registry = trigger.registry, registry != event.registry { return false }
        return trigger.conditions.matches(event)
    }
}
