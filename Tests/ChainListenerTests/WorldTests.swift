import Foundation
import TestSupport
import Testing

@testable import ChainListener

/// The whole listener, its provider pool included, in simulated worlds; each failure names the seed that repeats it.
@Suite("simulated worlds")
struct WorldTests {
    @Test("an honest node: the feed is the chain")
    func honest() async {
        var plan = WorldPlan(seed: 1)
        plan.nodeCount = 1
        let world = World(plan)
        await world.run()
        #expect(world.oracle.problems == [], "seed \(plan.seed)")
        print(world.summary)
    }

    @Test("whatever happens, the feed ends as the chain")
    func anything() async {
        let count = ProcessInfo.processInfo.environment["SEEDS"].flatMap(UInt64.init) ?? 20
        let first = ProcessInfo.processInfo.environment["FIRST_SEED"].flatMap(UInt64.init) ?? 1
        var total = FaultCounts()
        for seed in first..<(first + count) {
            let world = World(WorldPlan.any(seed: seed))
            world.isTraced = ProcessInfo.processInfo.environment["TRACE"] != nil
            await world.run()
            total.add(world.counts)
            if !world.oracle.problems.isEmpty { print("FAILED seed \(seed): \(world.plan)\n  \(world.counts.description)\n  \(world.oracle.problems)") }
            #expect(world.oracle.problems == [], "seed \(seed)")
            print("seed \(seed): \(world.summary)")
        }
        print(total.description)
    }

    @Test("the same seed gives the same run")
    func deterministic() async {
        let first = World(WorldPlan.any(seed: 7))
        let second = World(WorldPlan.any(seed: 7))
        await first.run()
        await second.run()
        print("digest \(first.digest.value)")
        #expect(first.digest == second.digest)
        #expect(first.steps == second.steps)
    }
}

extension World {
    var summary: String {
        "\(chain.blocks.count) blocks, \(oracle.events) events, \(oracle.retractions) retractions, \(starts) starts, \(requests) requests, \(steps) steps, slowest \(oracle.slowest)"
    }
}
