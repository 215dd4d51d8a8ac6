import Domain
import Ethereum
import EthereumRPC
import TestSupport
import Testing

@testable import ChainListener

@Suite("what proves a block")
struct BlockProverTests {
    /// How a node answers, all of them in the same way.
    enum Answer: Sendable {
        case whole, nothing, none
    }

    /// What comes of a block.
    enum Outcome: Equatable, Sendable {
        case proved(Verification, Int)
        case unproved(Int)
        case heldBack
        case inconsistent
    }

    private static let contracts = [SimulatedChain.identity, SimulatedChain.reputation]

    private static func keep(_ answer: Answer) -> (@Sendable ([Log]) -> [Log])? {
        switch answer {
        case .whole: { $0 }
        case .nothing: { _ in [] }
        case .none: nil
        }
    }

    /// A simulated block with 1 or more watched logs and one that only strangers logged in.
    private static func blocks() throws -> (nodes: SimulatedNodes, logged: SimulatedBlock, silent: SimulatedBlock) {
        var random = SeededGenerator(seed: 77)
        var chain = SimulatedChain(using: &random)
        chain.grow(by: 40, using: &random)
        let blocks = chain.canonical.compactMap { chain.blocks[$0] }
        func watched(_ block: SimulatedBlock) -> Bool { block.logs.contains { contracts.contains($0.address) } }
        return (
            SimulatedNodes(chain: chain, nodes: [NodeFaults()], seed: 1),
            try #require(blocks.first { watched($0) && $0.logs.count == 2 }),
            try #require(blocks.first { !watched($0) && !$0.logs.isEmpty })
        )
    }

    private static func outcome(
        _ block: SimulatedBlock, _ source: DistortedSource, _ policy: VerificationPolicy, logs: [Log]? = nil,
        trust: BloomTrust? = nil
    ) async throws -> Outcome {
        let prover = BlockProver(
            source: source, contracts: contracts, policy: policy, trust: trust ?? .borneOut, limit: .seconds(30),
            clock: ContinuousClock())
        let watched = block.logs.filter { contracts.contains($0.address) }
        do {
            let proof = try await prover.prove(
                FetchedBlock(header: block.header, logs: logs ?? watched, node: 0))
            guard let verification = proof.verification else { return .unproved(proof.logs.count) }
            return .proved(verification, proof.logs.count)
        } catch ListenerError.heldBack {
            return .heldBack
        } catch ChainSourceError.inconsistent {
            return .inconsistent
        }
    }

    @Test(
        "of a block with logs, under each policy",
        arguments: [
            (.bloom, .whole, .whole, .proved(.quorum, 0)), (.bloom, .none, .whole, .proved(.receipts, 0)),
            (.bloom, .nothing, .whole, .proved(.receipts, 0)), (.bloom, .none, .none, .unproved(0)),
            (.bloom, .none, .nothing, .unproved(0)), (.bloom, .nothing, .none, .unproved(0)),
            (.receipts, .none, .whole, .proved(.receipts, 0)), (.receipts, .whole, .none, .heldBack),
            (.receipts, .whole, .nothing, .heldBack),
            (.quorum, .whole, .none, .proved(.quorum, 0)), (.quorum, .none, .whole, .heldBack),
            (.quorum, .nothing, .whole, .inconsistent),
        ] as [(VerificationPolicy, Answer, Answer, Outcome)])
    func logged(policy: VerificationPolicy, other: Answer, receipts: Answer, expected: Outcome) async throws {
        let (nodes, block, _) = try Self.blocks()
        let count = block.logs.filter { Self.contracts.contains($0.address) }.count
        let drop: (@Sendable ([Receipt]) -> [Receipt])? =
            switch receipts {
            case .whole: { $0 }
            case .nothing: { _ in [] }
            case .none: nil
            }
        let source = DistortedSource(inner: nodes, otherLogs: Self.keep(other), receipts: drop)
        let outcome = try await Self.outcome(block, source, policy)
        switch expected {
        case .proved(let verification, _): #expect(outcome == .proved(verification, count))
        case .unproved: #expect(outcome == .unproved(count))
        case .heldBack, .inconsistent: #expect(outcome == expected)
        }
    }

    @Test("the root brings back what a node left out, and throws out what it made up")
    func corrected() async throws {
        let (nodes, block, _) = try Self.blocks()
        let watched = block.logs.filter { Self.contracts.contains($0.address) }
        let source = DistortedSource(inner: nodes, otherLogs: nil)
        for policy in [.bloom, .receipts] as [VerificationPolicy] {
            #expect(try await Self.outcome(block, source, policy, logs: []) == .proved(.receipts, watched.count))
            var invented = watched[0]
            invented.logIndex = 9
            let outcome = try await Self.outcome(block, source, policy, logs: watched + [invented])
            #expect(outcome == .proved(.receipts, watched.count))
        }
    }

    @Test("a bloom without watched contracts is enough, but not where two nodes are demanded")
    func silent() async throws {
        let (nodes, _, block) = try Self.blocks()
        let alone = DistortedSource(inner: nodes, otherLogs: nil, receipts: nil)
        #expect(try await Self.outcome(block, alone, .bloom) == .proved(.bloom, 0))
        #expect(try await Self.outcome(block, alone, .receipts) == .proved(.bloom, 0))
        #expect(try await Self.outcome(block, alone, .quorum) == .heldBack)
        #expect(try await Self.outcome(block, DistortedSource(inner: nodes), .quorum) == .proved(.quorum, 0))
        // Blooms of this chain are not believed: only the receipts tell that nothing happened.
        #expect(try await Self.outcome(block, alone, .bloom, trust: BloomTrust.none) == .unproved(0))
        #expect(try await Self.outcome(block, alone, .receipts, trust: BloomTrust.none) == .heldBack)
        let receipts = DistortedSource(inner: nodes, otherLogs: nil)
        #expect(
            try await Self.outcome(block, receipts, .receipts, trust: BloomTrust.none) == .proved(.receipts, 0))
    }

    @Test("a bloom on probation proves nothing alone, and the receipts tell whether it holds")
    func probation() async throws {
        let (nodes, _, block) = try Self.blocks()
        let (mute, alone) = (
            DistortedSource(inner: nodes, otherLogs: nil, receipts: nil), DistortedSource(inner: nodes, otherLogs: nil)
        )
        var trust = BloomTrust()
        #expect(try await Self.outcome(block, mute, .bloom, trust: trust) == .unproved(0))
        #expect(
            try await Self.outcome(block, DistortedSource(inner: nodes, receipts: nil), .bloom, trust: trust)
                == .proved(.quorum, 0))
        #expect(try await Self.outcome(block, alone, .bloom, trust: trust) == .proved(.receipts, 0))
        trust = .borneOut
        trust.noteContradiction()
        #expect(try await Self.outcome(block, mute, .bloom, trust: trust) == .unproved(0))

        func finding(_ bloom: Bloom?) async throws -> Bool? {
            var header = block.header
            header.logsBloom = bloom
            let prover = BlockProver(
                source: alone, contracts: Self.contracts, policy: .bloom, trust: trust, limit: .seconds(30),
                clock: ContinuousClock())
            return try await prover.prove(FetchedBlock(header: header, logs: [], node: 0)).bloomHolds
        }
        var (foreign, more) = (Bloom(), try #require(block.header.logsBloom))
        foreign.insert(SimulatedChain.word(1))
        more.insert(SimulatedChain.word(0xabcdef))
        #expect(try await finding(block.header.logsBloom) == true)
        #expect(try await finding(foreign) == false)
        #expect(try await finding(more) == nil)
        #expect(try await finding(nil) == nil)
    }

    @Test("a header that settles a lower block proves nothing by its root")
    func settled() async throws {
        let (nodes, block, _) = try Self.blocks()
        var header = block.header
        header.settledHeight = 1
        let later = SimulatedBlock(header: header, logs: block.logs)
        let source = DistortedSource(inner: nodes, otherLogs: nil)
        #expect(try await Self.outcome(later, source, .receipts) == .heldBack)
    }
}
