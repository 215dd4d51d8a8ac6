import Domain
import Ethereum
import HTTPClient
import Testing

@testable import EthereumRPC

/// The decisions about one endpoint, each as calls on a value.
@Suite struct EndpointDecisionTests {
    // MARK: Breaker

    @Test("after a failure one call alone finds out whether the endpoint is back")
    func breaker() {
        var breaker = Breaker()
        #expect(breaker.begin(at: .zero) == .ordinary)
        #expect(breaker.begin(at: .zero) == .ordinary)
        breaker.failed(wait: .seconds(1), at: .zero)
        // What was under way together fails together.
        breaker.failed(wait: .seconds(1), at: .zero)
        #expect(breaker.failuresInRow == 1)
        breaker.end(.ordinary)
        breaker.end(.ordinary)
        #expect(breaker.begin(at: .milliseconds(999)) == nil)
        #expect(breaker.begin(at: .seconds(1)) == .probe)
        #expect(breaker.begin(at: .seconds(1)) == nil)
        #expect(!breaker.admits(at: .seconds(100)))
        // An older call that ends is not the probe.
        breaker.end(.ordinary)
        #expect(breaker.begin(at: .seconds(1)) == nil)
        breaker.failed(wait: .seconds(2), at: .seconds(1))
        breaker.end(.probe)
        #expect(breaker.failuresInRow == 2)
        #expect(breaker.begin(at: .seconds(2)) == nil)
        #expect(breaker.begin(at: .seconds(3)) == .probe)
        breaker.succeeded()
        breaker.end(.probe)
        #expect(breaker.begin(at: .seconds(3)) == .ordinary)
        #expect(breaker.begin(at: .seconds(3)) == .ordinary)
    }

    @Test("a probe that ends without a verdict leaves the question to the next one")
    func abandonedProbe() {
        var breaker = Breaker()
        breaker.failed(wait: .seconds(1), at: .zero)
        #expect(breaker.begin(at: .seconds(1)) == .probe)
        breaker.end(.probe)
        #expect(breaker.begin(at: .seconds(1)) == .probe)
    }

    // MARK: Budget

    @Test("spends freely until something is refused")
    func unlimited() {
        var budget = RateBudget()
        for _ in 0..<10_000 { #expect(budget.take(100, at: .zero, longest: .zero) == .zero) }
        #expect(budget.limit == nil)
    }

    @Test("a stated rate is kept, evenly and with bursts of a second")
    func statedRate() throws {
        var budget = RateBudget()
        budget.refused(stated: 10, at: .zero)
        #expect(budget.limit == 9.5)
        var sent: [Duration] = []
        for second in 0..<60 {
            for _ in 0..<40 {
                let now = Duration.seconds(second)
                if let wait = budget.take(1, at: now, longest: .milliseconds(900)) { sent.append(now + wait) }
            }
        }
        for second in 0..<59 {
            let count = sent.filter { $0 >= .seconds(second) && $0 < .seconds(second + 1) }.count
            #expect(count <= 20)
        }
        #expect(sent.count >= 9 * 60 && sent.count <= 10 * 61)
        // A stated rate does not creep up.
        #expect(budget.take(1, at: .seconds(100_000), longest: .zero) == .zero)
        #expect(budget.limit == 9.5)
    }

    @Test("a batch counts as its calls, and one larger than a second's worth waits for a full bucket")
    func batches() {
        var budget = RateBudget()
        budget.refused(stated: 100, at: .zero)
        #expect(budget.take(1000, at: .seconds(1), longest: .zero) == .zero)
        #expect(budget.take(1, at: .seconds(1), longest: .seconds(1)) == nil)
        #expect(budget.wait(for: 1, at: .seconds(1)) > .seconds(9))
    }

    @Test("without a statement the rate is what was refused, less some, and grows again")
    func learnedRate() throws {
        var budget = RateBudget()
        for call in 0..<100 { _ = budget.take(1, at: .milliseconds(call * 10), longest: .zero) }
        budget.refused(stated: nil, at: .milliseconds(995))
        // Those under way at the same time say the same.
        for _ in 0..<5 { budget.refused(stated: nil, at: .milliseconds(996)) }
        let learned = try #require(budget.limit)
        #expect(learned >= 65 && learned <= 75)
        var now = Duration.seconds(1)
        for _ in 0..<100 {
            now += .seconds(11)
            _ = budget.take(1, at: now, longest: .seconds(1))
        }
        let grown = try #require(budget.limit)
        #expect(grown > 90 && grown < 250)
        budget.refused(stated: nil, at: now + .seconds(5))
        #expect(try #require(budget.limit) < grown)
    }

    @Test("nonsense is no rate, and nothing is throttled to a standstill")
    func nonsense() throws {
        for stated in [-1, 0, .nan, .infinity] as [Double] {
            var budget = RateBudget()
            budget.refused(stated: stated, at: .zero)
            #expect(try #require(budget.limit) == 2)
        }
        var budget = RateBudget()
        for second in 0..<100 { budget.refused(stated: nil, at: .seconds(second * 2)) }
        #expect(try #require(budget.limit) >= 1.4)
    }

    // MARK: Deadlines

    @Test("waits as long as the slowest answers suggest, within floor and ceiling")
    func deadlines() {
        func deadline(_ latencies: Latencies) -> Duration {
            latencies.deadline(floor: .seconds(2), ceiling: .seconds(60))
        }
        var latencies = Latencies()
        #expect(deadline(latencies) == .seconds(60))
        for _ in 0..<7 { latencies.note(.milliseconds(10), at: .zero) }
        #expect(deadline(latencies) == .seconds(60))
        latencies.note(.milliseconds(10), at: .zero)
        #expect(deadline(latencies) == .seconds(2))
        latencies.note(.seconds(3), at: .zero)
        #expect(deadline(latencies) == .seconds(12))
        // Each timeout gives the next call more time.
        latencies.note(.seconds(12), at: .zero)
        #expect(deadline(latencies) == .seconds(48))
        latencies.note(.seconds(48), at: .zero)
        #expect(deadline(latencies) == .seconds(60))
        for _ in 0..<64 { latencies.note(.milliseconds(10), at: .zero) }
        #expect(deadline(latencies) == .seconds(2))
    }

    @Test("asks a second endpoint after the time that nineteen answers of twenty take")
    func hedges() {
        var latencies = Latencies()
        #expect(latencies.hedge == .milliseconds(500))
        for index in 0..<20 { latencies.note(.milliseconds(100 + index), at: .zero) }
        #expect(latencies.hedge > .milliseconds(170) && latencies.hedge < .milliseconds(180))
        for _ in 0..<64 { latencies.note(.microseconds(50), at: .zero) }
        #expect(latencies.hedge == .milliseconds(30))
        for _ in 0..<64 { latencies.note(.seconds(50), at: .zero) }
        #expect(latencies.hedge == .seconds(2))
    }

    @Test("an endpoint that was slow once is tried again in time, and losing a race is no sample unless it was long")
    func forgets() throws {
        var latencies = Latencies()
        latencies.note(.seconds(8), at: .zero)
        #expect(latencies.usual(at: .seconds(59)) == .seconds(8))
        #expect(try #require(latencies.usual(at: .seconds(600))) < .milliseconds(10))
        #expect(latencies.usual(at: .seconds(1 << 40)) != nil)
        var fast = Latencies()
        fast.note(.milliseconds(100), at: .zero)
        fast.noteSlower(than: .milliseconds(50), at: .zero)
        #expect(fast.usual(at: .zero) == .milliseconds(100))
        fast.noteSlower(than: .milliseconds(600), at: .zero)
        #expect(try #require(fast.usual(at: .zero)) > .milliseconds(100))
    }

    // MARK: The head

    @Test("the head does not go back for half a minute, and does not leap")
    func head() {
        func marks(_ number: BlockNumber, finalized: BlockNumber? = nil) -> BlockMarks {
            func header(_ number: BlockNumber) -> Header {
                Header(number: number, hash: hash(1), parentHash: hash(2), timestamp: 0)
            }
            return BlockMarks(latest: header(number), finalized: finalized.map(header))
        }
        var head = ServedHead()
        #expect(head.judge(1_000_000, at: .zero) == .serve)
        #expect(head.remembered(at: .zero) == nil)
        head.served(marks(100, finalized: 50), at: .zero)
        #expect(head.judge(100, at: .seconds(1)) == .serve)
        #expect(head.judge(101, at: .seconds(1)) == .serve)
        #expect(head.judge(99, at: .seconds(29)) == .behind)
        #expect(head.judge(99, at: .seconds(30)) == .serve)
        #expect(head.judge(1124, at: .zero) == .serve)
        #expect(head.judge(1125, at: .zero) == .implausible)
        #expect(head.judge(1125, at: .seconds(1)) == .serve)
        #expect(head.judge(BlockNumber(rawValue: .max) ?? 0, at: .seconds(29)) == .implausible)
        #expect(head.judge(BlockNumber(rawValue: .max) ?? 0, at: .seconds(30)) == .serve)
        head.served(marks(101), at: .seconds(5))
        #expect(head.remembered(at: .seconds(34))?.latest.number == 101)
        #expect(head.remembered(at: .seconds(34))?.finalized?.number == 50)
        #expect(head.remembered(at: .seconds(35)) == nil)
    }

    // MARK: HTTP

    @Test(
        "reads how long to wait, in seconds and as a time",
        arguments: [
            ("7", nil, 7), ("0", nil, 0), ("86400", nil, 86_400), ("86401", nil, nil), ("-1", nil, nil),
            ("soon", nil, nil), ("", nil, nil), ("9999999999999999999999", nil, nil),
            ("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:48:37 GMT", 60),
            ("Fri, 01 Mar 2024 00:00:00 GMT", "Thu, 29 Feb 2024 23:59:30 GMT", 30),
            ("Sat, 01 Jan 2000 00:00:01 GMT", "Fri, 31 Dec 1999 23:59:59 GMT", 2),
            ("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:50:37 GMT", nil),
            ("Sun, 06 Nov 1994 08:49:37 GMT", nil, nil), ("Sun, 06 Nov 1994 08:49:37 CET", "7", nil),
            ("Sun, 06 Foo 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:48:37 GMT", nil),
            ("Sun, 99 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:48:37 GMT", nil),
            ("Sun, 06 Nov 1994 08:49 GMT", "Sun, 06 Nov 1994 08:48:37 GMT", nil),
        ] as [(String, String?, Int?)])
    func retryAfter(text: String, date: String?, seconds: Int?) {
        #expect(HTTPDate.wait(text, date: date) == seconds.map { .seconds($0) })
    }

    @Test("counts days as the calendar does")
    func calendar() {
        #expect(HTTPDate.seconds("Thu, 01 Jan 1970 00:00:00 GMT") == 0)
        #expect(HTTPDate.seconds("Sun, 06 Nov 1994 08:49:37 GMT") == 784_111_777)
        #expect(HTTPDate.seconds("Sat, 21 Nov 2026 03:11:27 GMT") == 1_795_230_687)
    }

    // MARK: Health

    @Test("batches shrink to what comes back whole, chance excepted")
    func tornBatches() {
        var health = EndpointHealth()
        #expect(health.batchMax == 100)
        health.tornBatch(of: 33)
        #expect(health.batchMax == 100)
        health.completedBatch()
        health.tornBatch(of: 33)
        #expect(health.batchMax == 100)
        for (size, expected) in [(33, 16), (16, 8), (8, 4), (4, 2), (2, 1)] {
            health.tornBatch(of: size)
            #expect(health.batchMax == expected)
        }
    }

    @Test(
        "what we end ourselves is nobody's failure",
        arguments: [.transport(.cancelled), .transport(.closed), .unavailable(retryAfter: .zero)] as [RPCError])
    func ours(error: RPCError) {
        var health = EndpointHealth()
        health.failed(error, at: .zero, jitter: 0)
        #expect(health.lastError == nil && health.isAvailable(at: .zero) && health.errorRate(at: .zero) == 0)
    }

    @Test("a method that is lacking is not asked for again for a minute")
    func lacking() {
        var health = EndpointHealth()
        health.lacks("eth_getBlockReceipts", since: .seconds(5))
        #expect(health.lacks("eth_getBlockReceipts", at: .seconds(64)))
        #expect(!health.lacks("eth_getBlockReceipts", at: .seconds(65)))
        #expect(!health.lacks("eth_getLogs", at: .seconds(6)))
    }

    @Test("costs grow with time, failures, lag, and what is under way")
    func cost() {
        func health(_ change: (inout EndpointHealth) -> Void) -> Double {
            var health = EndpointHealth()
            health.succeeded(.small, after: .milliseconds(100), at: .zero)
            health.saw(head: 100, at: .zero)
            change(&health)
            return health.cost(at: .zero, best: 100)
        }
        let plain = health { _ in }
        #expect(health { $0.succeeded(.small, after: .seconds(2), at: .zero) } > plain)
        #expect(health { $0.failed(.server(status: 500), at: .zero, jitter: 0) } > plain)
        #expect(health { $0.saw(head: 99, at: .zero) } > plain)
        #expect(health { _ = $0.begin(at: .zero) } > plain)
        #expect(health { $0.budget.refused(stated: 1, at: .zero) } > plain)
        #expect(EndpointHealth().cost(at: .zero, best: nil) < plain)
    }
}
