import Domain
import TestSupport
import Testing

@testable import EthereumRPC

/// The learning of limits, against endpoints that are functions.
@Suite struct RangeLimitsTests {
    /// An endpoint with limits, and how often it refused.
    struct Server {
        /// The most blocks at once.
        var cap = Int.max
        var statesCap = false
        /// The most logs in one answer.
        var resultsMax = Int.max
        var statesResults = false
        var density: (Int) -> Double = { _ in 0 }
        var refusals = 0

        mutating func ask(_ start: Int, _ size: Int) -> Result<Int, RPCError> {
            if size > cap {
                refusals += 1
                return .failure(.rangeTooLarge(RangeHint(.blocks, maximumBlocks: statesCap ? cap : nil)))
            }
            let results = Int(
                (0..<min(size, 100)).map { density(start + $0 * size / min(size, 100)) }
                    .reduce(0, +) / Double(min(size, 100)) * Double(size))
            if results > resultsMax {
                refusals += 1
                return .failure(
                    .rangeTooLarge(RangeHint(.results, maximumResults: statesResults ? resultsMax : nil)))
            }
            return .success(results)
        }
    }

    /// Walks on from `start` for `calls` answers, the time between them `pace`.
    private func walk(
        _ limits: inout RangeLimits, _ server: inout Server, from start: Int = 0, calls: Int,
        at time: inout Duration, pace: Duration = .milliseconds(100)
    ) -> Int {
        var next = start
        var left = calls
        while left > 0 {
            let size = limits.take(1 << 40, at: time)
            switch server.ask(next, size) {
            case .success(let results):
                limits.answered(size, results: results, after: .milliseconds(100))
                next += size
                left -= 1
            case .failure(.rangeTooLarge(let hint)):
                guard limits.refused(size, addresses: 3, hint, at: time) else { return next }
            case .failure: return next
            }
            time += pace
        }
        return next
    }

    @Test("a stated cap costs one refusal and is never passed", arguments: [1, 5, 10, 50, 800, 1000, 2048, 9999])
    func stated(cap: Int) {
        var limits = RangeLimits()
        var server = Server(cap: cap, statesCap: true)
        var time = Duration.zero
        _ = walk(&limits, &server, calls: 5000, at: &time, pace: .seconds(60))
        #expect(server.refusals == 1)
        #expect(limits.length(at: time) == cap)
    }

    @Test("a stated cap above the first size costs one refusal too", arguments: [10_000, 20_000, 50_000, 100_000])
    func statedAbove(cap: Int) {
        var limits = RangeLimits()
        var server = Server(cap: cap, statesCap: true)
        var time = Duration.zero
        _ = walk(&limits, &server, calls: 5000, at: &time, pace: .seconds(60))
        #expect(server.refusals == 1)
        #expect(limits.length(at: time) == cap)
    }

    @Test(
        "a cap that is not stated is found with two refusals, and none follow for hours",
        arguments: [100, 500, 1000, 1024, 2000, 2048, 3000, 3500, 5000, 10_000, 10_100, 20_000, 50_000, 100_000])
    func unstated(cap: Int) {
        var limits = RangeLimits()
        var server = Server(cap: cap)
        var time = Duration.zero
        _ = walk(&limits, &server, calls: 20, at: &time)
        #expect(server.refusals <= 2)
        let settled = limits.length(at: time)
        #expect(settled <= cap && settled * 5 >= cap)
        let before = server.refusals
        _ = walk(&limits, &server, calls: 2000, at: &time, pace: .seconds(10))
        #expect(server.refusals == before)
        // In a month after that, the pauses double.
        _ = walk(&limits, &server, calls: 4000, at: &time, pace: .seconds(648))
        #expect(server.refusals - before <= 10)
    }

    @Test("an odd, very low cap is found within four refusals", arguments: [1, 2, 5, 10, 49, 50])
    func veryLow(cap: Int) {
        var limits = RangeLimits()
        var server = Server(cap: cap)
        var time = Duration.zero
        _ = walk(&limits, &server, calls: 1000, at: &time, pace: .seconds(10))
        #expect(server.refusals <= 4)
        #expect(limits.length(at: time) <= cap)
    }

    @Test("without limits the size grows to the ceiling")
    func unlimited() {
        var limits = RangeLimits(ceiling: 150_000)
        var server = Server()
        var time = Duration.zero
        _ = walk(&limits, &server, calls: 10, at: &time)
        #expect(limits.length(at: time) == 100_000)
    }

    @Test("a slow endpoint is not asked for more")
    func slow() {
        var limits = RangeLimits()
        let size = limits.take(1 << 40, at: .zero)
        limits.answered(size, results: 0, after: .seconds(3))
        #expect(limits.length(at: .seconds(3)) == 10_000)
        limits.answered(10_000, results: 0, after: .seconds(1))
        #expect(limits.length(at: .seconds(4)) == 20_000)
    }

    @Test("a dense stretch with a stated maximum costs few refusals, and passes")
    func dense() {
        var limits = RangeLimits()
        // Ten logs in each block of one stretch, one in a thousand blocks elsewhere.
        var server = Server(
            cap: 10_000, statesCap: true, resultsMax: 10_000, statesResults: true,
            density: { (1_000_000..<1_200_000).contains($0) ? 10 : 0.001 })
        var time = Duration.zero
        var next = 0
        while next < 1_000_000 { next = walk(&limits, &server, from: next, calls: 1, at: &time) }
        #expect(server.refusals == 1)
        while next < 1_200_000 { next = walk(&limits, &server, from: next, calls: 1, at: &time) }
        #expect(server.refusals <= 3)
        _ = walk(&limits, &server, from: next, calls: 20, at: &time)
        #expect(server.refusals <= 3)
        #expect(limits.length(at: time) == 10_000)
    }

    @Test("a dense chain whose maximum nobody states is refused ever more seldom")
    func denseForEver() {
        var limits = RangeLimits()
        var server = Server(resultsMax: 10_000, density: { _ in 7 })
        var time = Duration.zero
        var next = walk(&limits, &server, calls: 100, at: &time)
        let first = server.refusals
        #expect(first <= 8)
        next = walk(&limits, &server, from: next, calls: 1000, at: &time)
        #expect(server.refusals - first <= 6)
        let second = server.refusals
        _ = walk(&limits, &server, from: next, calls: 10_000, at: &time)
        #expect(server.refusals - second <= 4)
        #expect(limits.length(at: time) * 7 >= 1000)
    }

    @Test("a chain that is dense at a stated maximum is walked without refusals once that is known")
    func steadyDense() {
        var limits = RangeLimits()
        var server = Server(resultsMax: 10_000, statesResults: true, density: { 5 + Double($0 / 1000 % 5) })
        var time = Duration.zero
        let next = walk(&limits, &server, calls: 20, at: &time)
        let settled = server.refusals
        #expect(settled <= 2)
        _ = walk(&limits, &server, from: next, calls: 2000, at: &time)
        #expect(server.refusals == settled)
        #expect(limits.length(at: time) > 300)
    }

    @Test(
        "a hint counts only if it is strictly less than what was asked",
        arguments: [
            (RangeHint(.blocks, maximumBlocks: 10_000), 1000), (RangeHint(.blocks, maximumBlocks: 0), 1000),
            (RangeHint(.blocks, maximumBlocks: -7), 1000), (RangeHint(.blocks, maximumBlocks: .max), 1000),
            (RangeHint(.blocks, maximumBlocks: 9999), 9999), (RangeHint(.results, range: 0...9999), 1000),
            (RangeHint(.results, range: 0...499), 500), (RangeHint(.results, range: 5...1_000_000), 1000),
            (RangeHint(.unknown), 1000), (RangeHint(.results, maximumResults: 0), 1000),
        ])
    func hints(hint: RangeHint, expected: Int) {
        var limits = RangeLimits()
        let size = limits.take(1 << 40, at: .zero)
        #expect(size == 10_000)
        let canAskLess = limits.refused(size, addresses: 1, hint, at: .zero)
        #expect(canAskLess)
        #expect(limits.length(at: .zero) == expected)
    }

    @Test("whatever is refused, the size shrinks to one block and there ends")
    func ends() {
        var random = SeededGenerator.printed()
        for _ in 0..<200 {
            var limits = RangeLimits()
            var last = Int.max
            var steps = 0
            while true {
                let size = limits.take(Int.random(in: 1...1_000_000, using: &random), at: .zero)
                #expect(size < last || size == 1)
                last = size
                let causes: [RangeHint.Cause] = [.blocks, .results, .unknown]
                let hint = RangeHint(
                    causes.randomElement(using: &random) ?? .unknown,
                    maximumBlocks: Bool.random(using: &random) ? Int.random(in: -5...20_000, using: &random) : nil,
                    maximumResults: Bool.random(using: &random) ? Int.random(in: -5...20_000, using: &random) : nil)
                steps += 1
                guard limits.refused(size, addresses: 3, hint, at: .zero), steps < 100 else { break }
            }
            #expect(last == 1 && steps < 32)
        }
    }

    @Test("calls that were refused together teach once")
    func together() {
        var limits = RangeLimits()
        limits.answered(10_000, results: 0, after: .zero)
        for _ in 0..<8 {
            let canAskLess = limits.refused(10_000, addresses: 3, RangeHint(.results), at: .zero)
            #expect(canAskLess)
        }
        #expect(limits.length(at: .zero) == 1000)
        var capped = RangeLimits()
        for _ in 0..<8 { _ = capped.refused(10_000, addresses: 3, RangeHint(.blocks), at: .zero) }
        #expect(capped.length(at: .zero) == 1000)
    }

    @Test("one call at a time tries more than was ever answered")
    func trial() {
        var limits = RangeLimits()
        #expect(limits.take(50_000, at: .zero) == 10_000)
        #expect(limits.take(50_000, at: .zero) == 100)
        limits.gaveUp(10_000)
        #expect(limits.take(50_000, at: .zero) == 10_000)
        limits.answered(10_000, results: 0, after: .zero)
        #expect(limits.take(50_000, at: .zero) == 20_000)
        #expect(limits.take(50_000, at: .zero) == 10_000)
        #expect(limits.take(7, at: .zero) == 7)
    }

    @Test("too many contracts are halved down to one, whatever the blocks")
    func addresses() {
        var limits = RangeLimits()
        #expect(limits.addressesMax == 500)
        var count = 500
        var refusals = 0
        while limits.refused(10, addresses: count, RangeHint(.filter), at: .zero) {
            count = limits.addressesMax
            refusals += 1
        }
        #expect(count == 1 && refusals == 8)
        #expect(limits.length(at: .zero) == 10_000)
    }

    @Test("an endpoint that allows less than it did is believed")
    func lessThanBefore() {
        var limits = RangeLimits()
        var server = Server(cap: 5000)
        var time = Duration.zero
        _ = walk(&limits, &server, calls: 20, at: &time)
        #expect(limits.length(at: time) == 5000)
        server = Server(cap: 1000)
        _ = walk(&limits, &server, calls: 20, at: &time)
        #expect(server.refusals <= 2)
        #expect(limits.length(at: time) <= 1000)
    }

    // MARK: History

    @Test("below a refused block nothing is asked for, up to the middle it is doubtful, and that is forgotten in time")
    func history() {
        var history = History()
        #expect(history.standing(of: 5, at: .zero) == .there)
        history.refused(100, head: 1100, at: .zero)
        #expect(history.standing(of: nil, at: .zero) == .there)
        #expect(history.standing(of: 7, at: .zero) == .gone)
        #expect(history.standing(of: 100, at: .zero) == .gone)
        #expect(history.standing(of: 101, at: .zero) == .doubtful)
        #expect(history.standing(of: 601, at: .zero) == .there)
        history.answered(300)
        #expect(history.standing(of: 300, at: .zero) == .there)
        #expect(history.standing(of: 299, at: .zero) == .doubtful)
        history.answered(50)
        #expect(history.standing(of: 50, at: .zero) == .there)
        #expect(history.standing(of: 49, at: .zero) == .gone)
        #expect(history.standing(of: 7, at: .seconds(7 * 3600)) == .there)
        history.refused(100, head: nil, at: .zero)
        #expect(history.standing(of: 100, at: .zero) == .gone)
    }

    // MARK: Plans

    @Test("a plan searches everything once, in pieces and lists that are allowed", arguments: [1, 3, 10, 32, 100])
    func plan(size: Int) throws {
        let addresses = (0..<7).map { ChainText.address($0) }
        let plan = SearchPlan(
            range: 5...36, size: size, addresses: addresses, addressesMax: 3, topics: [], headersMax: 32)
        #expect(plan.numbers == Array(5...36))
        var seen: [BlockNumber: Int] = [:]
        for filter in plan.filters {
            guard case .range(let range) = filter.blocks else { throw RPCError.notYet }
            #expect(range.count <= size && (1...3).contains(filter.addresses.count))
            for number in range { seen[number, default: 0] += filter.addresses.count }
        }
        #expect(seen.count == 32 && seen.values.allSatisfy { $0 == 7 })
        let long = SearchPlan(range: 5...37, size: 33, addresses: [], addressesMax: 3, topics: [], headersMax: 32)
        #expect(long.numbers == [5, 37] && long.filters.count == 1 && long.filters[0].addresses.isEmpty)
    }
}
