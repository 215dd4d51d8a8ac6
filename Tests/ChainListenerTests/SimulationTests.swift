import Domain
import Ethereum
import EthereumRPC
import Storage
import TestSupport
import Testing

@testable import ChainListener

/// The listener against chains that fork and nodes that lie; each run prints its seeds.
@Suite("simulated chains", .freshDatabase)
struct SimulationTests {
    /// Lets the chain grow, fork and return to branches while the listener steps.
    private func live(_ simulation: inout Simulation, rounds: Int, forkDepthMax: Int = 8) async throws {
        var left: [Hash]?
        var highest = 0
        for _ in 0..<rounds {
            let finalityDepth = simulation.nodes.with { $0.finalityDepth }
            let (dice, count) = (
                Int.random(in: 0..<100, using: &simulation.random), Int.random(in: 1...4, using: &simulation.random)
            )
            let depth = Int.random(in: 1...forkDepthMax, using: &simulation.random)
            simulation.nodes.with { state in
                highest = max(highest, state.chain.height)
                // What was final stays.
                let deepest = state.chain.height - (highest - finalityDepth) - 1
                switch dice {
                case 0..<40: state.chain.grow(by: count, using: &state.random)
                case 40..<60 where min(depth, deepest) >= 1 && state.chain.height > depth + 1:
                    let taken = min(depth, deepest)
                    left = state.chain.canonical
                    state.chain.fork(
                        depth: taken, length: taken + (dice.isMultiple(of: 2) ? 1 : 0), using: &state.random)
                case 60..<65:
                    // The branch that was left becomes the longest again.
                    guard let hashes = left, hashes.count > state.chain.canonical.count - 1 else { break }
                    let common = zip(hashes, state.chain.canonical).prefix { $0 == $1 }.count
                    guard state.chain.height - common < deepest else { break }
                    left = nil
                    state.chain.restore(hashes)
                    state.chain.grow(by: 1, using: &state.random)
                default: break
                }
                for index in state.nodes.indices where state.random.chance(70) {
                    state.nodes[index].view = state.chain.canonical
                    // A backend that is behind.
                    if state.random.chance(20) {
                        state.nodes[index].view.removeLast(
                            min(state.chain.height, Int.random(in: 1...3, using: &state.random)))
                    }
                }
            }
            try await simulation.step()
        }
        simulation.nodes.change { $0.grow(by: 1, using: &$1) }
    }

    /// Runs one simulation after the other in one database and prints how much they covered.
    private func run(
        _ seeds: [UInt64], history: Int, rounds: Int, settlesFirst: Bool = true,
        _ make: (UInt64, Database) async throws -> Simulation
    ) async throws {
        let database = TestDatabase.current.database
        var (blocks, retractions, restarts) = (0, 0, 0)
        try await database.alive {
            for seed in seeds {
                var simulation = try await make(seed, database)
                simulation.nodes.change { $0.grow(by: history, using: &$1) }
                if settlesFirst { try await simulation.settle() }
                try await live(&simulation, rounds: rounds)
                try await simulation.settle()
                retractions += try await simulation.verify(database).retractions
                blocks += simulation.nodes.with { $0.chain.blocks.count }
                restarts += simulation.restarts
            }
        }
        print(
            "seeds \(seeds.first ?? 0)...\(seeds.last ?? 0): \(blocks) blocks, \(retractions) retractions, \(restarts) starts"
        )
        #expect(retractions > 0)
    }

    @Test("one honest node: every fork is told, the feed equals the chain")
    func honest() async throws {
        try await run(seeds(from: 1_000_000, 5), history: 60, rounds: 150) { seed, database in
            try await Simulation(seed: seed, database: database)
        }
    }

    @Test("crashes between any two steps change nothing")
    func crashes() async throws {
        try await run(seeds(from: 2_000_000, 5), history: 80, rounds: 250, settlesFirst: false) { seed, database in
            try await Simulation(seed: seed, crashes: 40, database: database)
        }
    }

    @Test("one of two nodes lies in every way")
    func lies() async throws {
        let liar = NodeFaults(silent: 10, missing: 20, forgetful: 40, inventive: 15, confused: 10, rangeMax: 7)
        try await run(seeds(from: 3_000_000, 6), history: 80, rounds: 250, settlesFirst: false) { seed, database in
            try await Simulation(seed: seed, nodes: [NodeFaults(), liar], crashes: 5, database: database)
        }
    }

    @Test("without tags, receipts or blooms the feed still equals the chain")
    func poor() async throws {
        let poor = NodeFaults(silent: 5, missing: 20, rangeMax: 5, knowsTags: false, hasReceipts: false)
        try await run(seeds(from: 4_000_000, 4), history: 50, rounds: 150) { seed, database in
            try await Simulation(
                seed: seed, nodes: [poor, poor], finality: seed.isMultiple(of: 2) ? .depth : .tags, hasBlooms: false,
                database: database)
        }
    }

    @Test("a node that stays on an orphaned branch for ever holds nothing up", arguments: [2, 3])
    func stuck(count: Int) async throws {
        let database = TestDatabase.current.database
        for seed in seeds(from: 5_000_000, 4) {
            var simulation = try await Simulation(
                seed: seed, nodes: Array(repeating: NodeFaults(), count: count), database: database)
            simulation.nodes.change { $0.grow(by: 40, using: &$1) }
            try await database.alive {
                try await simulation.settle()
                // The last node keeps the branch that all others leave.
                for round in 0..<60 {
                    simulation.nodes.with { state in
                        if round == 0 {
                            state.chain.fork(depth: 4, length: 5, using: &state.random)
                        } else if round.isMultiple(of: 3) {
                            state.chain.grow(by: 1, using: &state.random)
                        }
                        for index in 0..<(count - 1) { state.nodes[index].view = state.chain.canonical }
                    }
                    try await simulation.step()
                }
                try await simulation.settle(limit: 50)
            }
            let ledger = try await simulation.verify(database)
            let places = Set(ledger.standing.map(\.place))
            #expect(places.count == ledger.standing.count)
        }
    }
}
