import Domain
import Ethereum
import EthereumRPC
import Storage
import TestSupport
import Testing

@testable import ChainListener

/// The listener against chains that fork and nodes that lie; the seed of a run is the test's argument.
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

    @Test("one honest node: every fork is told, the feed equals the chain", arguments: 1...6 as ClosedRange<UInt64>)
    func honest(seed: UInt64) async throws {
        let database = TestDatabase.current.database
        var simulation = try await Simulation(seed: seed, database: database)
        simulation.nodes.change { $0.grow(by: 60, using: &$1) }
        try await database.alive {
            try await simulation.settle()
            try await live(&simulation, rounds: 150)
            try await simulation.settle()
        }
        try await simulation.verify(database)
    }

    @Test("crashes between any two steps change nothing", arguments: 11...16 as ClosedRange<UInt64>)
    func crashes(seed: UInt64) async throws {
        let database = TestDatabase.current.database
        var simulation = try await Simulation(seed: seed, crashes: 40, database: database)
        simulation.nodes.change { $0.grow(by: 80, using: &$1) }
        try await database.alive {
            try await live(&simulation, rounds: 250)
            try await simulation.settle()
        }
        try await simulation.verify(database)
        #expect(simulation.restarts > 10)
    }

    @Test("one of two nodes lies in every way", arguments: 21...28 as ClosedRange<UInt64>)
    func lies(seed: UInt64) async throws {
        let database = TestDatabase.current.database
        let liar = NodeFaults(silent: 10, missing: 20, forgetful: 40, inventive: 15, confused: 10, rangeMax: 7)
        var simulation = try await Simulation(
            seed: seed, nodes: [NodeFaults(), liar], crashes: 5, database: database)
        simulation.nodes.change { $0.grow(by: 80, using: &$1) }
        try await database.alive {
            try await live(&simulation, rounds: 250)
            try await simulation.settle()
        }
        try await simulation.verify(database)
    }

    @Test("without tags, receipts or blooms the feed still equals the chain", arguments: 31...34 as ClosedRange<UInt64>)
    func poor(seed: UInt64) async throws {
        let database = TestDatabase.current.database
        let poor = NodeFaults(silent: 5, missing: 20, rangeMax: 5, knowsTags: false, hasReceipts: false)
        var simulation = try await Simulation(
            seed: seed, nodes: [poor, poor], finality: seed.isMultiple(of: 2) ? .depth : .tags, hasBlooms: false,
            database: database)
        simulation.nodes.change { $0.grow(by: 50, using: &$1) }
        try await database.alive {
            try await simulation.settle()
            try await live(&simulation, rounds: 150)
            try await simulation.settle()
        }
        try await simulation.verify(database)
    }
}
