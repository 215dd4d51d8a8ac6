import Domain
import Testing

@testable import ChainListener
@testable import EthereumRPC

/// How fast history is asked for while an endpoint's limits are being learned, in a time that only counts answers.
@Suite struct HistoryPaceTests {
    /// Stretches under way towards one endpoint that takes 50 ms for each answer.
    struct Run {
        struct Call {
            let due: Duration
            let wanted: ClosedRange<BlockNumber>
            let size: Int
        }
        static let latency = Duration.milliseconds(50)

        var limits = RangeLimits()
        var plan: HistoryPlan<Int>
        var calls: [Call] = []
        var now = Duration.zero
        var refusals = 0

        init(blocks: Int) throws {
            let last = try #require(BlockNumber(UInt64(blocks - 1)))
            plan = HistoryPlan(0...last, limits: .init(inFlight: 8))
        }

        mutating func send(_ range: ClosedRange<BlockNumber>) {
            let size = limits.take(range.count, at: now)
            calls.append(Call(due: now + Self.latency, wanted: range, size: size))
        }

        /// Goes through all of the chain, where the endpoint answers `cap` blocks and `resultsMax` logs at once.
        mutating func finish(cap: Int, resultsMax: Int = .max, logs: (ClosedRange<BlockNumber>) -> Int) throws {
            while !plan.isDone {
                while let range = plan.plan(longestAllowed: limits.length(at: now)) { send(range) }
                let call = calls.removeFirst()
                now = call.due
                let covered = call.wanted.lowerBound...call.wanted.lowerBound.advanced(by: call.size - 1)
                let found = logs(covered)
                guard call.size <= cap, found <= resultsMax else {
                    refusals += 1
                    let hint = RangeHint(call.size > cap ? .blocks : .results)
                    let canAskLess = limits.refused(call.size, addresses: 3, hint, at: now)
                    #expect(canAskLess)
                    send(call.wanted)
                    continue
                }
                limits.answered(call.size, results: found, after: Self.latency, at: now)
                plan.answered(call.wanted, covered: covered, 0, logs: found)
                while case let pieces = try plan.take(), !pieces.isEmpty {}
            }
        }

        func rate(of blocks: Int) -> Double { Double(blocks) / (now / .seconds(1)) }
    }

    @Test(
        "sparse history goes as fast as the endpoint's cap allows, though nobody stated it",
        arguments: [10_000, 2000, 100, 10])
    func sparse(cap: Int) throws {
        let blocks = cap * 300
        var run = try Run(blocks: blocks)
        try run.finish(cap: cap) { $0.lowerBound.rawValue % 7 == 0 ? 1 : 0 }
        #expect(run.refusals <= 2)
        // Eight answers in 50 ms, less what it takes to find the cap.
        let rate = run.rate(of: blocks)
        let best = Double(cap) * 8 / 0.05
        #expect(rate >= best * 0.5, "\(rate) of \(best) blocks a second")
        print("cap \(cap): \(Int(rate)) of \(Int(best)) blocks a second")
    }

    @Test(
        "dense history comes at a fair share of what the most logs in an answer allow", arguments: [500, 2000, 10_000])
    func dense(resultsMax: Int) throws {
        let blocks = 200_000
        var run = try Run(blocks: blocks)
        try run.finish(cap: 10_000, resultsMax: resultsMax) { $0.count * 3 }
        #expect(run.refusals <= 2)
        let rate = run.rate(of: blocks)
        let best = Double(resultsMax / 3) * 8 / 0.05
        #expect(rate >= best * 0.2, "\(rate) of \(best) blocks a second")
        print("most logs \(resultsMax): \(Int(rate)) of \(Int(best)) blocks a second")
    }

    @Test("a burst of logs is refused to the calls that were under way when it came, and twice more at most")
    func burst() throws {
        let blocks = 3_000_000
        var run = try Run(blocks: blocks)
        let burst: ClosedRange<Int64> = 1_500_000...1_600_000
        try run.finish(cap: 10_000, resultsMax: 10_000) { range in
            let inside = range.numbers.clamped(to: burst)
            guard inside.overlaps(range.numbers), inside.overlaps(burst) else { return range.count / 5000 }
            return inside.count * 20
        }
        // One for the cap on blocks.
        #expect(run.refusals <= 1 + 8 + 2)
        print("burst: \(run.refusals) refusals, \(Int(run.rate(of: blocks))) blocks a second")
    }
}

extension ClosedRange<BlockNumber> {
    fileprivate var numbers: ClosedRange<Int64> { lowerBound.rawValue...upperBound.rawValue }
}
