import Domain
import Ethereum
import EthereumRPC
import HTTPClient
import Storage
import TestSupport
import Testing

@testable import ChainListener

@Suite("real logs", .freshDatabase)
struct RealLogTests {
    @Test("all recorded logs go from JSON-RPC through the listener into the feed, none is lost")
    func recorded() async throws {
        let entries = Dictionary(grouping: try RecordedLogs.load(), by: \.chainId)
        #expect(entries.values.map(\.count).reduce(0, +) == 395)
        let database = TestDatabase.current.database
        var total = 0
        for (id, entries) in entries.sorted(by: { $0.key < $1.key }) {
            var node = try RecordedLogs.node(id, entries)
            // Less than the listener asks for at first.
            node.rangeMax = 400_000
            let chain = Self.chain(id, node)
            let chainID = try #require(ChainID(rawValue: id))
            try await database.alive {
                let source = PooledChainSource(
                    ProviderPool(
                        chainID: chainID, urls: ["http://one.example", "http://two.example"], transport: node,
                        logger: .silent))
                var settings = ListenerSettings()
                settings.rangeMax = 1_000_000
                let store = FeedStore(
                    database: database, holder: LifeLock.test(1).holder, leaseDuration: .seconds(60), pruneMax: 64)
                var follower = try await Follower.resume(
                    try #require(try await store.acquire(chainID)), chain: chain, source: source, store: store,
                    settings: settings, meters: ListenerMeters(chain: chainID))
                while try await follower.step() == .behind {}
                #expect(follower.checkpoint?.number.rawValue == node.head)
                #expect(follower.marks.finalized?.rawValue == node.finalized)
            }
            let stored = try await database.query(ReadCanonicalLogs(chainID: chainID))
            #expect(stored.count == entries.count)
            #expect(stored.allSatisfy { $0.decodingError == nil && $0.from != nil })
            let names = entries.map { $0.decoded.event == "UriUpdated" ? "URIUpdated" : $0.decoded.event }
            #expect(stored.compactMap(\.type).sorted() == names.sorted())
            let ledger = Ledger(replaying: try await database.query(ReadFeed(chainID: chainID)))
            #expect(ledger.problems == [])
            #expect(ledger.standing.count == entries.count)
            #expect(ledger.finalized != nil)
            total += stored.count
        }
        #expect(total == 395)
    }

    /// A chain that watches every contract that wrote one of the recorded logs, from just below the first one.
    private static func chain(_ id: Int64, _ node: RecordedNode) -> Chain {
        var registries: [Address: Registry] = [:]
        for log in node.logs.values.joined() {
            guard case .event(let layout, _) = EventDecoder.decode(log) else { continue }
            registries[log.address] = layout.type.registry
        }
        let first = BlockNumber(rawValue: (node.logs.keys.min() ?? 3) - 3) ?? 0
        return Chain(
            id: ChainID(rawValue: id)!, name: "recorded", rpcURLs: ["http://one.example"],
            pollInterval: .milliseconds(100), confirmations: 12, finality: .tags, explorerURL: nil,
            contracts: registries.map { RegistryContract(registry: $0.value, address: $0.key, startBlock: first) })
    }
}
