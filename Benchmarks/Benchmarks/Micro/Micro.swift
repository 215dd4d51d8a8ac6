import Benchmark
import Domain
import Ethereum
import EthereumRPC
import Foundation
import Samples
import Templates
import TriggerEngine

/// The micro benchmarks; the seed of their samples is part of each name.
let benchmarks: @Sendable () -> Void = {
    Benchmark.defaultConfiguration = .init(
        metrics: [.wallClock, .cpuTotal, .throughput], scalingFactor: .kilo, maxDuration: .seconds(3))
    keccak()
    decode()
    match()
    render()
}

private let seed = "(seed \(World.seed))"

private func keccak() {
    for size in [20, 32, 136, 1024, 65_536] {
        var random = Seeded(World.seed)
        let bytes = (0..<size).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        Benchmark("keccak: \(size) bytes \(seed)") { benchmark in
            for _ in benchmark.scaledIterations { blackHole(Keccak256.hash(bytes)) }
        }
    }
}

private func decode() {
    var sampler = EventSampler()
    for type in [EventType.newFeedback, .registered, .transfer] {
        let log = sampler.log(of: type, block: 20_000_000, index: 0)
        Benchmark("decode: \(type.rawValue) \(seed)") { benchmark in
            for _ in benchmark.scaledIterations { blackHole(EventDecoder.decode(log)) }
        }
    }
    let answer = Answer(count: 1000)
    let body = Array("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":".utf8) + answer.logs + Array("}".utf8)
    Benchmark("decode: an answer with 1000 logs \(seed)", configuration: .init(scalingFactor: .one)) { benchmark in
        for _ in benchmark.scaledIterations { blackHole(try LogAnswer(body: body).logs.count) }
    }
}

private func match() {
    var events: [Event] = []
    var sampler = EventSampler(seed: World.seed + 2)
    for _ in 0..<1024 { events.append(sampler.event()) }
    let sampled = events
    for count in [1000, 100_000] {
        Benchmark("match: an event against \(count) triggers \(seed)") { benchmark, index in
            var next = 0
            for _ in benchmark.scaledIterations {
                var found = 0
                index.forEachMatch(sampled[next & 1023]) { _ in found += 1 }
                blackHole(found)
                next += 1
            }
        } setup: {
            var triggers = TriggerSampler()
            var index = TriggerIndex()
            for _ in 0..<count { index.insert(triggers.trigger()) }
            return index
        }
    }
    var triggers = TriggerSampler()
    let conditions = triggers.trigger().conditions
    Benchmark("match: one trigger's conditions \(seed)") { benchmark in
        var next = 0
        for _ in benchmark.scaledIterations {
            blackHole(conditions.matches(sampled[next & 1023]))
            next += 1
        }
    }
}

private func render() {
    var sampler = EventSampler()
    let log = sampler.log(of: .newFeedback, block: 20_000_000, index: 7)
    let notice = Notice(
        eventID: EventID(rawValue: 1), event: EventSampler.event(log, chain: World.chain(0)), kind: .notification,
        deliveryID: 1, triggerID: "00000000-0000-0000-0000-000000000001", triggerName: "Low scores",
        chainName: "Bench", explorerURL: "https://explorer.example")
    Benchmark("render: the event document \(seed)", configuration: .init(scalingFactor: .one)) { benchmark in
        for _ in benchmark.scaledIterations { blackHole(EventDocument(notice).bytes) }
    }
    Benchmark("render: a Telegram message \(seed)", configuration: .init(scalingFactor: .one)) { benchmark, template in
        for _ in benchmark.scaledIterations { blackHole(template.render(notice)) }
    } setup: {
        try Template(parsing: TelegramAction.defaultTemplate, for: .telegramHTML)
    }
}
