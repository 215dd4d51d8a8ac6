import Domain
import TestSupport
import Testing

@testable import EthereumRPC

/// How often endpoints refuse before their limits are known, and after; counted against endpoints that are functions.
@Suite struct LearnedLimitsTests {
    /// How an endpoint tells its limits.
    enum Wording: CaseIterable {
        case stated, named, unknown
    }

    /// An endpoint with limits, and how often it refused.
    struct Server {
        /// The most blocks at once.
        var cap = Int.max
        /// The most logs in one answer.
        var resultsMax = Int.max
        var wording = Wording.named
        /// Logs in the blocks from a height on, so many of them.
        var logs: (Int, Int) -> Double = { _, _ in 0 }
        var refusals = 0

        mutating func ask(_ start: Int, _ size: Int) -> Result<Int, RPCError> {
            let results = Int(logs(start, size))
            guard size > cap || results > resultsMax else { return .success(results) }
            refusals += 1
            return .failure(.rangeTooLarge(hint(size)))
        }

        private func hint(_ size: Int) -> RangeHint {
            switch (wording, size > cap) {
            case (.unknown, _): RangeHint()
            case (.stated, true): RangeHint(.blocks, maximumBlocks: cap)
            case (.named, true): RangeHint(.blocks)
            case (.stated, false): RangeHint(.results, maximumResults: resultsMax)
            case (.named, false): RangeHint(.results)
            }
        }
    }

    /// The logs of `size` blocks from `start` on, where so many lie below each height.
    static func whole(_ start: Int, _ size: Int, below: (Int) -> Double) -> Double {
        below(start + size).rounded(.down) - below(start).rounded(.down)
    }

    /// A walk up a chain that one endpoint answers.
    struct Walk {
        var limits = RangeLimits()
        var server: Server
        var next = 0
        var answers = 0
        var time = Duration.zero
        var pace = Duration.milliseconds(100)

        init(_ server: Server) { self.server = server }

        /// One call; whether it, or less of it, can be answered.
        mutating func step() -> Bool {
            time += pace
            let size = limits.take(1 << 40, at: time)
            switch server.ask(next, size) {
            case .success(let results):
                limits.answered(size, results: results, after: .milliseconds(100), at: time)
                next += size
                answers += 1
                return true
            case .failure(.rangeTooLarge(let hint)): return limits.refused(size, addresses: 3, hint, at: time)
            case .failure: return false
            }
        }

        /// Goes on for `count` answers, and counts the refusals on the way.
        mutating func answers(_ count: Int) -> Int {
            let before = server.refusals
            let end = answers + count
            while answers < end, server.refusals < before + 50, step() {}
            return server.refusals - before
        }

        /// Goes on to `height`, and counts the refusals on the way.
        mutating func reach(_ height: Int) -> Int {
            let before = server.refusals
            while next < height, server.refusals < before + 50, step() {}
            return server.refusals - before
        }
    }

    /// A number between `low` and `high`, small ones as likely as large ones.
    private func any(_ low: Double, _ high: Double, _ random: inout SeededGenerator) -> Double {
        var value = low
        let doublings = Double.random(in: 0...1, using: &random)
        var ratio = high / low
        var share = doublings
        // low * (high / low) ^ share, bit by bit.
        for _ in 0..<30 {
            share *= 2
            ratio = ratio.squareRoot()
            if share >= 1 {
                value *= ratio
                share -= 1
            }
        }
        return min(high, max(low, value))
    }

    // MARK: Caps on blocks

    @Test(
        "a cap on blocks costs two refusals at most, one where it is stated, and none ever after",
        arguments: Wording.allCases)
    func caps(wording: Wording) {
        var random = SeededGenerator.printed()
        let caps = Array(1...150) + BlockCap.ladder + [128, 256, 512, 1024, 2048, 3500, 9999, 10_100, 99_999, 100_000]
        for cap in caps + (0..<200).map({ _ in Int(any(1, 100_000, &random)) }) where cap <= 100_000 {
            var walk = Walk(Server(cap: cap, wording: wording))
            let settling = walk.answers(60)
            #expect(settling <= (wording == .stated ? 1 : 2), "a cap of \(cap)")
            let settled = walk.limits.length(at: walk.time)
            #expect(settled <= cap && settled * 2 >= cap, "\(settled) of \(cap)")
            // Half a year; what the endpoint did not call a limit is tried again, ever more seldom.
            #expect(walk.answers(300) == 0, "a cap of \(cap)")
            walk.pace = .seconds(3600 * 8)
            #expect(walk.answers(500) <= (wording == .unknown ? 40 : 0), "a cap of \(cap)")
        }
    }

    @Test("a capped chain is walked in at most twice as many calls as the cap allows, and some to find it")
    func calls() {
        for cap in BlockCap.ladder where cap <= 100_000 {
            for wording in Wording.allCases {
                var walk = Walk(Server(cap: cap + cap / 7, wording: wording))
                _ = walk.reach(cap * 1000)
                let ideal = cap * 1000 / (cap + cap / 7)
                #expect(walk.answers <= ideal * 2 + 60, "\(walk.answers) calls for \(ideal), \(wording), \(cap)")
            }
        }
    }

    @Test("calls that are under way together are refused no more often", arguments: [Wording.stated, .named])
    func together(wording: Wording) {
        var random = SeededGenerator.printed()
        for _ in 0..<300 {
            let cap = Int(any(1, 100_000, &random))
            var limits = RangeLimits()
            var server = Server(cap: cap, wording: wording)
            var underWay: [Int] = []
            for _ in 0..<600 {
                while underWay.count < 8 {
                    underWay.append(limits.take(Int(any(1, 1_000_000, &random)), at: .zero))
                }
                let size = underWay.remove(at: Int.random(in: 0..<underWay.count, using: &random))
                switch server.ask(0, size) {
                case .success: limits.answered(size, results: 0, after: .zero, at: .zero)
                case .failure(.rangeTooLarge(let hint)):
                    let canAskLess = limits.refused(size, addresses: 3, hint, at: .zero)
                    #expect(canAskLess)
                case .failure: break
                }
            }
            #expect(server.refusals <= (wording == .stated ? 1 : 2), "a cap of \(cap)")
            let settled = limits.length(at: .zero)
            #expect(settled <= cap && settled * 2 >= cap, "\(settled) of \(cap)")
        }
    }

    @Test("an endpoint that allows less than it did is believed, for two more refusals")
    func lessThanBefore() {
        var walk = Walk(Server(cap: 5000))
        _ = walk.answers(60)
        #expect(walk.limits.length(at: walk.time) == 5000)
        walk.server.cap = 1000
        #expect(walk.answers(60) <= 2)
        #expect(walk.limits.length(at: walk.time) == 1000)
        #expect(walk.answers(1000) == 0)
    }

    @Test("whoever refuses what was stated is asked for one block and more from there", arguments: [9999, 5000, 1])
    func wrongStatement(stated: Int) {
        var limits = RangeLimits()
        var refusals = 0
        for _ in 0..<200 {
            let size = limits.take(1 << 40, at: .zero)
            guard size > 700 else {
                limits.answered(size, results: 0, after: .zero, at: .zero)
                continue
            }
            refusals += 1
            _ = limits.refused(size, addresses: 1, RangeHint(.blocks, maximumBlocks: min(stated, size - 1)), at: .zero)
        }
        #expect(refusals <= 3)
        #expect(limits.length(at: .zero) == (stated == 1 ? 1 : 500))
    }

    @Test("a passing weakness is forgotten after an hour")
    func recovers() {
        var walk = Walk(Server(cap: 100, wording: .unknown))
        _ = walk.answers(60)
        #expect(walk.limits.length(at: walk.time) == 100)
        walk.server.cap = .max
        walk.time += .seconds(3600)
        #expect(walk.answers(60) == 0)
        #expect(walk.limits.length(at: walk.time) >= 10_000)
    }

    // MARK: Caps on logs

    @Test(
        "a cap on logs costs two refusals where the chain is evenly dense, and none ever after",
        arguments: Wording.allCases)
    func dense(wording: Wording) {
        var random = SeededGenerator.printed()
        for _ in 0..<300 {
            let most = Int(any(100, 20_000, &random))
            let density = any(0.005, Double(most), &random)
            var walk = Walk(
                Server(
                    cap: 10_000, resultsMax: most, wording: wording,
                    logs: { start, size in Self.whole(start, size) { density * Double($0) } }))
            let what = "\(density) logs in a block, at most \(most) in an answer"
            #expect(walk.answers(700) <= 2, "\(what)")
            #expect(walk.answers(300) == 0, "\(what)")
            let ideal = min(10_000, max(1, Int(Double(most + 1) / density)))
            let size = walk.limits.length(at: walk.time)
            #expect(size <= ideal && size * 6 >= ideal, "\(size) of \(ideal) blocks: \(what)")
        }
    }

    @Test(
        "where the density changes from answer to answer by a half there are no refusals either",
        arguments: [Wording.stated, .named])
    func uneven(wording: Wording) {
        var random = SeededGenerator.printed()
        for _ in 0..<100 {
            let most = Int(any(200, 20_000, &random))
            let density = any(0.05, Double(most) / 20, &random)
            // The same blocks hold the same logs however often they are asked for.
            let seed = UInt64.random(in: 0...UInt64.max, using: &random)
            var walk = Walk(
                Server(
                    resultsMax: most, wording: wording,
                    logs: { start, size in
                        var noise = SeededGenerator(seed: seed ^ UInt64(start))
                        return density * Double(size) * Double.random(in: 0.75...1.25, using: &noise)
                    }))
            _ = walk.answers(60)
            #expect(walk.server.refusals <= 3)
            #expect(walk.answers(1000) == 0, "\(density) logs in a block, at most \(most) in an answer")
        }
    }

    @Test(
        "a sudden jump in density costs two refusals at most, and two more in all while the most logs are not known",
        arguments: [Wording.stated, .named])
    func jump(wording: Wording) {
        var random = SeededGenerator.printed()
        for _ in 0..<200 {
            let most = Int(any(100, 20_000, &random))
            let sparse = any(0.00001, 0.005, &random)
            // Some thousand dense blocks in every million, each time with another density.
            let dense = (0..<4).map { _ in any(1, Double(most), &random) }
            let offset = Int.random(in: 500_000...600_000, using: &random)
            var walk = Walk(
                Server(
                    cap: 10_000, resultsMax: most, wording: wording,
                    logs: { start, size in
                        Self.whole(start, size) { height in
                            dense.enumerated().reduce(Double(height) * sparse) { sum, zone in
                                let from = zone.offset * 1_000_000 + offset
                                return sum + Double(max(0, min(5000, height - from))) * zone.element
                            }
                        }
                    }))
            let what = "\(sparse) and \(dense) logs in a block, at most \(most)"
            // The cap on blocks is found first.
            #expect(walk.reach(500_000) <= 1, "\(what)")
            var spare = wording == .named ? 2 : 0
            for zone in dense.indices {
                let refusals = walk.reach((zone + 1) * 1_000_000)
                #expect(refusals <= 2 + spare, "zone \(zone): \(what)")
                spare -= max(0, refusals - 2)
                let length = Double(walk.limits.length(at: walk.time))
                #expect(length >= min(7500, Double(most) / sparse / 6), "\(length) blocks: \(what)")
            }
        }
    }

    @Test("a limit in words for logs that is one on blocks is found out")
    func misnamed() {
        var limits = RangeLimits()
        var refusals = 0
        for _ in 0..<3000 {
            let size = limits.take(1 << 40, at: .zero)
            guard size > 2000 else {
                limits.answered(size, results: 0, after: .zero, at: .zero)
                continue
            }
            refusals += 1
            _ = limits.refused(size, addresses: 1, RangeHint(.results), at: .zero)
        }
        #expect(refusals <= 3)
        #expect(limits.length(at: .zero) == 2000)
    }
}
