import TestSupport
import Testing

@testable import Dispatchers

@Suite struct SchedulerTests {
    @Test("runs no more than its capacity, and no more than a few for each destination")
    func limits() {
        var scheduler = Scheduler<Int>(capacity: 3, limits: .init(running: 2))
        for number in 0..<4 { #expect(scheduler.add(number, destination: 1, now: 0) == .accepted) }
        for number in 4..<8 { #expect(scheduler.add(number, destination: 2, now: 0) == .accepted) }
        #expect((0..<4).map { _ in scheduler.next(now: 0) } == [0, 4, 1, nil])
        scheduler.finish(destination: 1, now: 0)
        #expect(scheduler.next(now: 0) == 5, "destinations take turns")
        #expect(scheduler.next(now: 0) == nil)
        scheduler.finish(destination: 2, now: 0)
        scheduler.finish(destination: 2, now: 0)
        #expect([scheduler.next(now: 0), scheduler.next(now: 0), scheduler.next(now: 0)] == [2, 6, nil])
    }

    @Test("a destination with too much waiting gets no more room")
    func refusal() {
        var scheduler = Scheduler<Int>(capacity: 100, limits: .init(running: 1, waiting: 2))
        #expect(scheduler.add(1, destination: 1, now: 0) == .accepted)
        #expect(scheduler.next(now: 0) == 1)
        #expect(scheduler.add(2, destination: 1, now: 0) == .accepted)
        #expect(scheduler.add(3, destination: 1, now: 0) == .accepted)
        #expect(scheduler.add(4, destination: 1, now: 0) == .refused)
        #expect(scheduler.add(5, destination: 2, now: 0) == .accepted)
        #expect(scheduler.room == 200 - 4)
    }

    @Test("a stalled destination makes room, one that gets on keeps its queue")
    func stall() {
        var scheduler = Scheduler<Int>(capacity: 10, limits: .init(running: 2, stall: 0.5))
        for number in 0..<9 { _ = scheduler.add(number, destination: 1, now: 0) }
        for number in 10..<13 { _ = scheduler.add(number, destination: 2, now: 0) }
        #expect((0..<4).map { _ in scheduler.next(now: 0) } == [0, 10, 1, 11])
        #expect(scheduler.shed(now: 0.4).isEmpty)
        scheduler.finish(destination: 2, now: 0.4)
        #expect(scheduler.next(now: 0.4) == 12)
        #expect(scheduler.shed(now: 0.6) == [4, 5, 6, 7, 8], "the oldest stay")
        #expect(scheduler.add(4, destination: 1, now: 0.6) == .refused)
        #expect(scheduler.add(20, destination: 2, now: 0.6) == .accepted)
        scheduler.finish(destination: 1, now: 0.7)
        #expect(scheduler.next(now: 0.7) == 2)
        #expect(scheduler.add(4, destination: 1, now: 0.8) == .accepted)
    }

    @Test("what waits can be taken back, what runs goes on")
    func takingBack() {
        var scheduler = Scheduler<Int>(capacity: 2, limits: .init(running: 1))
        for number in 0..<3 { _ = scheduler.add(number, destination: 7, now: 0) }
        #expect(scheduler.next(now: 0) == 0)
        #expect(scheduler.removeWaiting() == [1, 2])
        #expect(!scheduler.isIdle && scheduler.waitingCount == 0)
        scheduler.finish(destination: 7, now: 0)
        #expect(scheduler.isIdle && scheduler.next(now: 0) == nil)
    }

    @Test("agrees with a plain model over random runs: nothing lost, nothing twice, order kept, limits held")
    func model() {
        var random = SeededGenerator.announced()
        for _ in 0..<40 {
            let capacity = Int.random(in: 1...6, using: &random)
            let perDestination = Int.random(in: 1...3, using: &random)
            var scheduler = Scheduler<Int>(
                capacity: capacity, limits: .init(running: perDestination, waiting: 1000))
            var waiting: [Int64: [Int]] = [:]
            var running: [Int64: Int] = [:]
            var destinations: [Int: Int64] = [:]
            var number = 0
            for _ in 0..<800 {
                switch Int.random(in: 0..<3, using: &random) {
                case 0:
                    let destination = Int64.random(in: 0..<5, using: &random)
                    #expect(scheduler.add(number, destination: destination, now: 0) == .accepted)
                    waiting[destination, default: []].append(number)
                    destinations[number] = destination
                    number += 1
                case 1:
                    let next = scheduler.next(now: 0)
                    let total = running.values.reduce(0, +)
                    let startable = waiting.contains {
                        !$0.value.isEmpty && running[$0.key, default: 0] < perDestination
                    }
                    #expect((next != nil) == (total < capacity && startable))
                    guard let next, let destination = destinations[next] else { continue }
                    #expect(waiting[destination]?.first == next)
                    waiting[destination]?.removeFirst()
                    running[destination, default: 0] += 1
                default:
                    guard let destination = running.filter({ $0.value > 0 }).keys.sorted().randomElement(using: &random)
                    else { continue }
                    scheduler.finish(destination: destination, now: 0)
                    running[destination, default: 0] -= 1
                }
                #expect(scheduler.runningCount == running.values.reduce(0, +))
                #expect(scheduler.waitingCount == waiting.values.reduce(0) { $0 + $1.count })
            }
        }
    }
}

@Suite struct PacerTests {
    static let bot = (Pacer.Key(name: "bot", isBot: true), Pacer.Rate(interval: 0.04, burst: 30))

    static func chat(_ name: String) -> (Pacer.Key, Pacer.Rate) { (Pacer.Key(name: name, isBot: false), .chat) }

    @Test("a burst goes at once, the rest one a second, each at its reserved moment")
    func chat() {
        var pacer = Pacer()
        let keys = [Self.chat("a"), Self.bot]
        let moments = (1...6).map { pacer.moment(for: $0, keys: keys, now: 100) }
        #expect(moments == [100, 100, 100, 101, 102, 103])
        #expect(pacer.moment(for: 5, keys: keys, now: 101) == 102, "too early: the moment stays")
        #expect(pacer.moment(for: 4, keys: keys, now: 101.001) == 101.001, "in time")
        #expect(pacer.moment(for: 7, keys: keys, now: 101.002) == 104, "newcomers queue behind")
        #expect(pacer.moment(for: 8, keys: [Self.chat("b"), Self.bot], now: 101) == 101, "another chat is free")
        for number in 100..<1100 { _ = pacer.moment(for: Int64(number), keys: keys, now: 101) }
        #expect(pacer.moment(for: 9, keys: [Self.chat("c"), Self.bot], now: 102) == 102, "however long the queue")
    }

    @Test("a bot's rate binds all its chats")
    func bot() {
        var pacer = Pacer()
        let moments = (0..<130).map { pacer.moment(for: Int64($0), keys: [Self.chat("\($0)"), Self.bot], now: 0) }
        #expect(moments.filter { $0 == 0 }.count == 30)
        #expect(abs((moments.last ?? 0) - 4) < 0.001, "100 more at 25 a second")
    }

    @Test("a group gets at most 23 messages in any minute from a standstill")
    func group() {
        var pacer = Pacer()
        let key = (Pacer.Key(name: "g", isBot: false), Pacer.Rate.group)
        let moments = (0..<100).map { pacer.moment(for: Int64($0), keys: [key], now: 0) }
        for start in moments { #expect(moments.filter { $0 >= start && $0 < start + 60 }.count <= 23) }
    }

    @Test("a pause moves what was reserved, spread as before")
    func pause() {
        var pacer = Pacer()
        let keys = [Self.chat("a")]
        for delivery in 1...4 { _ = pacer.moment(for: Int64(delivery), keys: keys, now: 0) }
        pacer.pause(keys[0].0, rate: .chat, until: 30)
        #expect(pacer.moment(for: 4, keys: keys, now: 1) == 30)
        #expect(pacer.moment(for: 5, keys: keys, now: 1) == 31)
        #expect(pacer.moment(for: 4, keys: keys, now: 30) == 30)
    }

    @Test("destinations stay paused until their time, and the longest pause counts")
    func pausedDestinations() {
        var paused = PausedDestinations()
        paused.pause(1, until: 10, now: 0)
        paused.pause(1, until: 5, now: 0)
        #expect(paused.remaining(1, now: 4) == 6)
        #expect(paused.remaining(2, now: 4) == nil)
        #expect(paused.remaining(1, now: 10) == nil)
    }
}
