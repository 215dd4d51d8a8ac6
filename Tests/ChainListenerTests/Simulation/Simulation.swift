import Domain
import Ethereum
import EthereumRPC
import Logging
import Storage
import TestSupport
import Testing

@testable import ChainListener

/// One chain, its nodes, and a listener that is driven step by step against a real database.
struct Simulation {
    /// The seed is the chain's id too, so that several simulations share a database.
    let seed: UInt64
    let nodes: SimulatedNodes
    let store: CrashingStore
    let chain: Chain
    var settings: ListenerSettings
    var random: SeededGenerator
    private(set) var follower: Follower?
    private(set) var restarts = 0
    private(set) var lastError: ChainSourceError?

    init(
        seed: UInt64, nodes faults: [NodeFaults] = [NodeFaults()], finality: FinalitySource = .tags,
        hasBlooms: Bool = true, crashes: Int = 0, database: Database
    ) async throws {
        var random = SeededGenerator(seed: seed)
        self.seed = seed
        nodes = SimulatedNodes(
            chain: SimulatedChain(hasBlooms: hasBlooms, using: &random), nodes: faults, seed: random.next())
        nodes.with { $0.crashes = crashes }
        chain = Self.chain(Int64(seed), finality: finality)
        store = CrashingStore(
            inner: FeedStore(
                database: database, holder: LifeLock.test(1).holder, leaseDuration: .seconds(60), pruneMax: 8),
            crashes: crashes * 5, random: SharedRandom(seed: random.next()))
        settings = ListenerSettings()
        settings.windowDepth = 16
        settings.rangeMax = 20
        settings.segmentMax = 6
        // One call after the other, so that a seed means one run.
        settings.callsMax = 1
        self.random = random
    }

    static func chain(
        _ id: Int64 = 31_337, finality: FinalitySource = .tags, poll: Duration = .milliseconds(10)
    ) -> Chain {
        Chain(
            id: ChainID(rawValue: id)!, name: "simulated", rpcURLs: ["http://simulated"], pollInterval: poll,
            confirmations: 12,
            finality: finality, explorerURL: nil, contracts: SimulatedChain.contracts)
    }

    /// One step of the listener, which may crash, fail or be refused.
    ///
    /// - Returns: The pace; nil where the step failed.
    @discardableResult
    mutating func step() async throws -> Follower.Pace? {
        do {
            if follower == nil {
                let lease = try #require(try await store.acquire(chain.id))
                follower = try await Follower.resume(
                    lease, chain: chain, source: nodes, store: store, settings: settings,
                    meters: ListenerMeters(chain: chain.id))
                restarts += 1
            }
            guard var current = follower else { return nil }
            defer { follower = current }
            return try await current.step()
        } catch let error as ChainSourceError {
            lastError = error
            return nil
        } catch ListenerError.heldBack {
            return nil
        } catch is SimulatedCrash {
            follower = nil
            return nil
        }
    }

    /// Drops what the listener remembers, as the end of its process does.
    mutating func crash() { follower = nil }

    /// Steps until everything that the nodes show is stored.
    mutating func settle(limit: Int = 3000) async throws {
        for _ in 0..<limit {
            let pace = try await step()
            let tip = nodes.with { $0.chain.canonical.last }
            if pace == .atTip, follower?.checkpoint?.hash == tip { return }
        }
        Issue.record(
            "seed \(seed): the listener did not come to the tip in \(limit) steps: \(String(describing: lastError))")
    }

    /// Holds what the database tells against the chain.
    ///
    /// - Returns: What a reader of the feed knows.
    @discardableResult
    func verify(_ database: Database, sourceLocation: SourceLocation = #_sourceLocation) async throws -> Ledger {
        let truth = nodes.with { $0.chain }
        let ledger = Ledger(replaying: try await database.query(ReadFeed(chainID: chain.id)))
        #expect(ledger.problems == [], "seed \(seed)", sourceLocation: sourceLocation)
        let logs = truth.watchedLogs
        let events = logs.filter { log in
            if case .event = EventDecoder.decode(log) { true } else { false }
        }
        compare(ledger.standing.map(\.place), events, "the feed", sourceLocation)
        let stored = try await database.query(ReadCanonicalLogs(chainID: chain.id))
        compare(
            stored.map { Ledger.Place(blockHash: $0.blockHash, logIndex: $0.logIndex) }, logs, "the table",
            sourceLocation)
        // Nodes that often fail may fail so often in a row that a sender is given up.
        let isFlaky = nodes.with { $0.nodes.contains { $0.faults.missing + $0.faults.silent > 0 } }
        for (row, log) in zip(stored, logs) {
            switch EventDecoder.decode(log) {
            case .event(let layout, _):
                #expect(row.type == layout.type.rawValue && row.decodingError == nil, sourceLocation: sourceLocation)
                #expect(
                    row.from == SimulatedChain.stranger || isFlaky && row.from == nil, sourceLocation: sourceLocation)
            case .unknown: #expect(row.type == nil && row.decodingError == nil, sourceLocation: sourceLocation)
            case .malformed(let reason):
                #expect(row.type == nil && row.decodingError == "\(reason)", sourceLocation: sourceLocation)
            }
        }
        let row = try #require(try await database.first(ReadChain(chainID: chain.id)))
        #expect(row.checkpointHash == truth.canonical.last, sourceLocation: sourceLocation)
        #expect(row.halted == nil, "seed \(seed)", sourceLocation: sourceLocation)
        return ledger
    }

    private func compare(_ found: [Ledger.Place], _ logs: [Log], _ what: String, _ location: SourceLocation) {
        let expected = logs.map { Ledger.Place(blockHash: $0.blockHash, logIndex: $0.logIndex) }
        let lost = logs.filter { !found.contains(.init(blockHash: $0.blockHash, logIndex: $0.logIndex)) }
        let surplus = found.filter { !expected.contains($0) }
        let isEqual = found == expected
        #expect(
            isEqual,
            "seed \(seed): \(what) lost \(lost.map { "\($0.blockNumber)/\($0.logIndex)" }) and has \(surplus.count) too many",
            sourceLocation: location)
    }
}
