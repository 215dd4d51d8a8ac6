import Domain
import TestSupport
import Testing

@testable import ChainListener

@Suite("when to look for a block")
struct HeadPacerTests {
    /// A chain whose block `n` comes at the `n`-th of `arrivals`, and a pacer that looks at it.
    struct Run {
        var pacer: HeadPacer
        let arrivals: [Duration]
        /// When a socket tells of each block, after it came; nil where it does not.
        var hints: (Int) -> Duration? = { _ in nil }
        var now: Duration = .zero
        private(set) var looks = 0
        /// From a block's coming to the look that showed it, for each block that was shown as the newest.
        private(set) var delays: [Duration] = []
        private var shown = -1

        init(_ pacer: HeadPacer, arrivals: [Duration]) {
            self.pacer = pacer
            self.arrivals = arrivals
        }

        /// The newest block at `time`; -1 before the first.
        func head(at time: Duration) -> Int { arrivals.firstIndex { $0 > time }.map { $0 - 1 } ?? arrivals.count - 1 }

        mutating func look() {
            looks += 1
            let head = head(at: now)
            if head > shown, shown >= 0 { delays.append(now - arrivals[head]) }
            shown = max(shown, head)
            pacer.looked(head >= 0 ? BlockNumber(rawValue: Int64(head)) : nil, at: now)
        }

        /// Looks as the pacer says until `end`.
        mutating func go(until end: Duration) {
            while now <= end {
                look()
                var next = now + max(pacer.wait(at: now), .milliseconds(1))
                for block in shown + 1..<arrivals.count where arrivals[block] <= next {
                    guard let delay = hints(block), arrivals[block] + delay < next else { continue }
                    let moment = max(now, arrivals[block] + delay)
                    pacer.hint(BlockNumber(rawValue: Int64(block)) ?? 0, at: moment)
                    next = moment + max(pacer.wait(at: moment), .zero)
                    break
                }
                now = next
            }
        }

        mutating func forget() {
            looks = 0
            delays = []
        }

        var meanDelay: Duration { delays.reduce(.zero, +) / max(1, delays.count) }
    }

    static func regular(_ period: Duration, count: Int = 400, from start: Duration = .milliseconds(1234)) -> [Duration]
    {
        (0..<count).map { start + period * $0 }
    }

    @Test(
        "settles just behind the blocks of a regular chain, at little more than one look for each",
        arguments: [
            (.seconds(12), .seconds(12)), (.seconds(12), nil), (.seconds(2), .seconds(2)), (.seconds(5), nil),
            (.seconds(2), .seconds(12)), (.seconds(12), .seconds(2)),
        ] as [(Duration, Duration?)])
    func regular(period: Duration, blockTime: Duration?) {
        var run = Run(HeadPacer(fixed: nil, blockTime: blockTime), arrivals: Self.regular(period))
        run.go(until: period * 100)
        run.forget()
        run.go(until: period * 300)
        #expect(run.looks <= 320, "\(run.looks) looks for 200 blocks")
        #expect(run.meanDelay < max(.milliseconds(300), period / 12), "\(run.meanDelay)")
        #expect(abs(run.pacer.period / period - 1) < 0.02, "\(run.pacer.period)")
    }

    @Test(
        "copes with blocks that come unevenly, and with slots that stay empty",
        arguments: [.seconds(12), nil] as [Duration?])
    func uneven(blockTime: Duration?) {
        var random = SeededGenerator.printed()
        var time: Duration = .zero
        let arrivals: [Duration] = (0..<400).map { _ in
            time += .seconds(12 * (Int.random(in: 0..<20, using: &random) == 0 ? 2 : 1))
            return time + .milliseconds(Int.random(in: 0...1500, using: &random))
        }
        var run = Run(HeadPacer(fixed: nil, blockTime: blockTime), arrivals: arrivals)
        run.go(until: arrivals[100])
        run.forget()
        run.go(until: arrivals[300])
        #expect(run.looks <= 200 * 3, "\(run.looks) looks for 200 blocks")
        // Without a rule the empty slots count as long blocks, and every other block is looked for late.
        #expect(run.meanDelay < .seconds(blockTime == nil ? 4 : 2), "\(run.meanDelay)")
    }

    @Test("looks at a fast chain no more often than the floor allows")
    func fast() {
        var run = Run(
            HeadPacer(fixed: nil, blockTime: .milliseconds(250)),
            arrivals: Self.regular(.milliseconds(250), count: 1000))
        run.go(until: .seconds(200))
        #expect((300...401).contains(run.looks), "\(run.looks)")
    }

    @Test("backs off from a chain that stopped, and finds the block when it goes on")
    func stopped() {
        let arrivals =
            Self.regular(.seconds(2), count: 100) + Self.regular(.seconds(2), count: 300, from: .seconds(4000))
        var run = Run(HeadPacer(fixed: nil, blockTime: .seconds(2)), arrivals: arrivals)
        run.go(until: .seconds(200))
        run.forget()
        run.go(until: .seconds(3200))
        #expect(run.looks <= 3000 / 5 + 20, "\(run.looks)")
        #expect(run.pacer.rest(at: run.now) > .seconds(2900))
        run.go(until: .seconds(4100))
        run.forget()
        run.go(until: .seconds(4300))
        #expect(run.delays.allSatisfy { $0 <= .seconds(1) })
        #expect(run.pacer.rest(at: run.now) < .seconds(5))
    }

    @Test("keeps to the interval that an operator chose")
    func fixed() {
        var run = Run(
            HeadPacer(fixed: .milliseconds(100), blockTime: .seconds(12)), arrivals: Self.regular(.seconds(12)))
        run.go(until: .seconds(100))
        #expect(run.looks == 1001)
    }

    @Test("looks at once when a socket announces a block, and finds it there")
    func hinted() {
        var run = Run(HeadPacer(fixed: .seconds(4), blockTime: .seconds(12)), arrivals: Self.regular(.seconds(12)))
        run.hints = { _ in .milliseconds(30) }
        run.go(until: .seconds(3000))
        // A look that was due anyway within that time may come first.
        #expect(run.delays.allSatisfy { $0 <= .milliseconds(30) })
    }

    @Test("looks again soon where the node that is asked is behind the one that announced")
    func ahead() {
        var pacer = HeadPacer(fixed: nil, blockTime: .seconds(12))
        pacer.looked(5, at: .seconds(100))
        pacer.hint(6, at: .seconds(103))
        #expect(pacer.wait(at: .seconds(103)) <= .zero)
        pacer.looked(5, at: .seconds(103))
        let first = pacer.wait(at: .seconds(103))
        #expect(first == HeadPacer.hintedFloor)
        pacer.looked(5, at: .seconds(103) + first)
        #expect(pacer.wait(at: .seconds(103) + first) <= .milliseconds(200))
    }

    @Test("made-up hints cost a few looks and are not followed any more until a block comes")
    func falseHints() {
        var pacer = HeadPacer(fixed: nil, blockTime: .seconds(12))
        var (now, looks, number): (Duration, Int, Int64) = (.seconds(100), 0, 10)
        pacer.looked(5, at: now)
        while now < .seconds(111) {
            number += 1
            pacer.hint(BlockNumber(rawValue: number) ?? 0, at: now)
            if pacer.wait(at: now) <= .zero {
                pacer.looked(5, at: now)
                looks += 1
            }
            now += .milliseconds(1)
        }
        #expect((1...HeadPacer.emptyHintsMax).contains(looks), "\(looks)")
        pacer.looked(6, at: now)
        pacer.hint(7, at: now + .milliseconds(200))
        #expect(pacer.wait(at: now + .milliseconds(200)) <= .zero, "a block came, so hints count again")
    }

    @Test("hints about blocks that are known change nothing")
    func oldHints() {
        var pacer = HeadPacer(fixed: nil, blockTime: .seconds(12))
        pacer.looked(5, at: .seconds(100))
        let wait = pacer.wait(at: .seconds(101))
        pacer.hint(5, at: .seconds(101))
        pacer.hint(4, at: .seconds(101))
        #expect(pacer.wait(at: .seconds(101)) == wait)
    }

    @Test("whatever nodes say, it waits for no longer than it may, and never traps")
    func hostile() {
        var random = SeededGenerator.printed()
        for _ in 0..<200 {
            var pacer = HeadPacer(
                fixed: Bool.random(using: &random) ? nil : .milliseconds(500),
                blockTime: [nil, .milliseconds(10), .seconds(12), .seconds(3600)].randomElement(using: &random) ?? nil)
            var now: Duration = .zero
            for _ in 0..<100 {
                let number = BlockNumber(
                    rawValue: [0, 1, .random(in: 0...500, using: &random), .max - 1, .max].randomElement(using: &random)
                        ?? 0)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: pacer.hint(number ?? 0, at: now)
                case 1: pacer.looked(nil, at: now)
                default: pacer.looked(number, at: now)
                }
                #expect(pacer.wait(at: now) <= HeadPacer.ceiling)
                now += .milliseconds(Int.random(in: 0...20_000, using: &random))
            }
        }
    }
}
