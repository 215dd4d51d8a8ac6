import Domain
import TestSupport
import Testing

@testable import EthereumRPC

/// The learning of limits, against endpoints that are functions.
@Suite struct RangeLimitsTests {
    @Test("without limits the size grows to the ceiling")
    func unlimited() {
        var limits = RangeLimits(ceiling: 150_000)
        for _ in 0..<20 {
            let size = limits.take(1 << 40, at: .zero)
            limits.answered(size, results: 0, after: .zero, at: .zero)
        }
        #expect(limits.length(at: .zero) == 150_000)
    }

    @Test("a slow endpoint is not asked for more")
    func slow() {
        var limits = RangeLimits()
        let size = limits.take(1 << 40, at: .zero)
        limits.answered(size, results: 0, after: .seconds(3), at: .zero)
        #expect(limits.length(at: .seconds(3)) == 10_000)
        limits.answered(10_000, results: 0, after: .seconds(1), at: .zero)
        #expect(limits.length(at: .seconds(4)) == 15_000)
    }

    @Test(
        "a hint counts only if it is strictly less than what was asked",
        arguments: [
            (RangeHint(.blocks, maximumBlocks: 10_000), 1), (RangeHint(.blocks, maximumBlocks: 0), 1),
            (RangeHint(.blocks, maximumBlocks: -7), 1), (RangeHint(.blocks, maximumBlocks: .max), 1),
            (RangeHint(.blocks, maximumBlocks: 9999), 9999), (RangeHint(.results, range: 0...9999), 1),
            (RangeHint(.results, range: 0...499), 500), (RangeHint(.results, range: 5...1_000_000), 1),
            (RangeHint(.unknown), 1), (RangeHint(.results, maximumResults: 0), 1),
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
        limits.answered(10_000, results: 0, after: .zero, at: .zero)
        for _ in 0..<8 { _ = limits.refused(10_000, addresses: 3, RangeHint(.results), at: .zero) }
        limits.answered(1, results: 0, after: .zero, at: .zero)
        #expect(limits.length(at: .zero) == 4)
        var capped = RangeLimits()
        for _ in 0..<8 { _ = capped.refused(10_000, addresses: 3, RangeHint(.blocks), at: .zero) }
        capped.answered(1, results: 0, after: .zero, at: .zero)
        #expect(capped.length(at: .zero) == 2)
    }

    @Test("one call at a time tries more than was ever answered")
    func trial() {
        var limits = RangeLimits()
        #expect(limits.take(50_000, at: .zero) == 10_000)
        #expect(limits.take(50_000, at: .zero) == 1)
        limits.gaveUp(10_000)
        #expect(limits.take(50_000, at: .zero) == 10_000)
        limits.answered(10_000, results: 0, after: .zero, at: .zero)
        #expect(limits.take(50_000, at: .zero) == 15_000)
        #expect(limits.take(50_000, at: .zero) == 10_000)
        #expect(limits.take(7, at: .zero) == 7)
    }

    @Test("what goes out in several searches at once tries nothing")
    func whole() {
        var limits = RangeLimits()
        let canAskLess = limits.refused(10_000, addresses: 3, RangeHint(.blocks), at: .zero)
        #expect(canAskLess)
        limits.answered(1, results: 0, after: .zero, at: .zero)
        #expect(limits.take(32, isWhole: true, at: .zero) == 1)
        #expect(limits.take(2, isWhole: true, at: .zero) == 2)
        #expect(limits.take(32, at: .zero) == 1)
    }

    @Test(
        "too many contracts cost one refusal, two where few are too many, and none ever after, whatever the blocks",
        arguments: [(1, 2), (2, 2), (19, 2), (20, 1), (21, 1), (499, 1), (500, 0), (5000, 0)])
    func addresses(most: Int, expected: Int) {
        var limits = RangeLimits()
        var refusals = 0
        for _ in 0..<50 where limits.addressesMax > most {
            let canAskLess = limits.refused(10, addresses: limits.addressesMax, RangeHint(.filter), at: .zero)
            #expect(canAskLess)
            refusals += 1
        }
        #expect(refusals == expected && limits.addressesMax <= most)
        #expect(limits.length(at: .zero) == 10_000)
    }

    @Test("contracts that were refused together teach once, and one that is refused cannot be fewer")
    func fewAddresses() {
        var limits = RangeLimits()
        for _ in 0..<8 { _ = limits.refused(10, addresses: 500, RangeHint(.filter), at: .zero) }
        #expect(limits.addressesMax == 20)
        // Fewer may have been wanted than were allowed.
        for _ in 0..<8 { _ = limits.refused(10, addresses: 7, RangeHint(.filter), at: .zero) }
        #expect(limits.addressesMax == 1)
        let canAskLess = limits.refused(10, addresses: 1, RangeHint(.filter), at: .zero)
        #expect(!canAskLess)
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
