import Domain
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
        let count = ProcessInfo.processInfo.environment["SEEDS"].flatMap(UInt64.init) ?? 10
        let first = ProcessInfo.processInfo.environment["FIRST_SEED"].flatMap(UInt64.init) ?? 1
        var total = FaultCounts()
        for seed in first..<(first + count) {
            let world = World(WorldPlan.any(seed: seed))
            world.isTraced = ProcessInfo.processInfo.environment["TRACE"] != nil
            await world.run()
            total.add(world.counts)
            if !world.oracle.problems.isEmpty {
                print("FAILED seed \(seed): \(world.plan)\n  \(world.counts.description)\n  \(world.oracle.problems)")
            }
            #expect(world.oracle.problems == [], "seed \(seed)")
            print("seed \(seed): \(world.summary)")
        }
        print(total.description)
    }

    @Test(
        "of two nodes one is at fault: nothing is lost or doubled, and all is there within one block time",
        arguments: Fault.allCases.filter(\.isOfNodes))
    func noticed(fault: Fault) async {
        let count = ProcessInfo.processInfo.environment["SEEDS"].flatMap(UInt64.init) ?? 1
        var shown = 0
        var seed = UInt64(fault.rawValue) + 900
        // Chance may have it that a fault has no occasion.
        while seed < 900 + max(count, shown == 0 ? 10 : 0) * 100 {
            shown += await noticed(fault, seed: seed)
            seed += 100
        }
        #expect(shown > 0)
    }

    /// How often the fault was shown.
    private func noticed(_ fault: Fault, seed: UInt64) async -> Int {
        var plan = WorldPlan(seed: seed)
        plan.lies = [fault]
        plan.liesForever = true
        plan.liesFrom = fault.isOfHistory ? 0 : 20
        plan.history = 60
        plan.blocks = 120
        if [.emptyReceipts, .droppedReceipt, .lacksReceipts].contains(fault) { plan.verification = .receipts }
        let world = World(plan)
        world.isTraced = ProcessInfo.processInfo.environment["TRACE"] == fault.name
        await world.run()
        let liar = world.nodes[1]
        print(
            "\(fault): \(world.summary), told \(String(describing: liar.firstLie)), noticed \(String(describing: liar.noticedAt))"
        )
        #expect(world.oracle.problems == [], "seed \(plan.seed)")
        #expect(world.oracle.slowest <= .seconds(plan.style.blockSeconds), "seed \(plan.seed)")
        return world.counts[fault]
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

/// The same worlds over PostgreSQL.
@Suite("simulated worlds over a database", .freshDatabase)
struct DatabaseWorldTests {
    @Test("the store in memory means what the database means", arguments: 1...4)
    func same(seed: UInt64) async throws {
        let database = TestDatabase.current.database
        let backing = DatabaseBacking(database, seed: seed)
        var plan = WorldPlan.any(seed: seed + 5000, blocks: 100)
        plan.crashes = 30
        plan.forks = 20
        let world = World(plan, backing: backing)
        try await database.alive {
            await world.run()
            try await backing.compare(world.chainID)
        }
        print("seed \(plan.seed): \(world.summary)")
        #expect(backing.differences == [], "seed \(plan.seed)")
        #expect(world.oracle.problems == [], "seed \(plan.seed)")
    }

    @Test("connections that are killed under commits change nothing", arguments: 1...3)
    func killed(seed: UInt64) async throws {
        let database = TestDatabase.current.database
        let backing = DatabaseBacking(database, seed: seed)
        backing.kills = 25
        var plan = WorldPlan(seed: seed + 6000)
        plan.blocks = 100
        let world = World(plan, backing: backing)
        try await database.alive {
            await world.run()
            try await backing.compare(world.chainID)
        }
        print("seed \(plan.seed): \(world.summary), \(backing.killed) killed")
        #expect(backing.killed > 0)
        #expect(backing.differences == [], "seed \(plan.seed)")
        #expect(world.oracle.problems == [], "seed \(plan.seed)")
    }
}

extension World {
    var summary: String {
        "\(chain.blocks.count) blocks, \(oracle.events) events, \(oracle.retractions) retractions, \(starts) starts, \(requests) requests, \(steps) steps, slowest \(oracle.slowest)"
    }
}
