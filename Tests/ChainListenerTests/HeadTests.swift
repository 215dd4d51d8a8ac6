import Domain
import Ethereum
import EthereumRPC
import Logging
import Storage
import TestSupport
import Testing

@testable import ChainListener

@Suite("heads, upgrades and registries", .freshDatabase)
struct HeadTests {
    static let identity = Address(bytes: [UInt8](repeating: 1, count: 20))!
    static let validations = (2...4).map { Address(bytes: [UInt8](repeating: $0, count: 20))! }
    static let upgraded = Keccak256.hash(Array("Upgraded(address)".utf8))
    static let request = Keccak256.hash(Array("ValidationRequest(address,uint256,string,bytes32)".utf8))

    static func chain(
        _ id: Int64, poll: Duration? = .milliseconds(10), blockTime: Duration? = nil, finality: FinalitySource = .tags
    ) -> Chain {
        Chain(
            id: ChainID(rawValue: id)!, name: "growing", rpcURLs: ["http://one.example"], pollInterval: poll,
            blockTime: blockTime, confirmations: 12, finality: finality, explorerURL: nil,
            contracts: [RegistryContract(registry: .identity, address: identity, startBlock: 0)]
                + validations.enumerated().map {
                    RegistryContract(
                        registry: .validation, address: $1, startBlock: BlockNumber(integerLiteral: Int64($0 * 10)))
                })
    }

    static func service(
        _ chain: Chain, _ node: GrowingNode, sockets: HeadSockets? = nil, log: LogRecorder = LogRecorder(),
        clock: any Clock<Duration> = ContinuousClock()
    ) -> ListenerService {
        ListenerService(
            chains: [chain], database: TestDatabase.current.database, logger: log.logger,
            settings: ListenerTests.settings, clock: clock
        ) { _ in
            PooledChainSource(
                ProviderPool(chainID: chain.id, urls: chain.rpcURLs, transport: node, logger: .silent),
                sockets: sockets)
        }
    }

    /// Returns once `service` has stored block `number`.
    static func stored(_ number: Int64, _ service: ListenerService, _ node: GrowingNode) async throws {
        while service.status().first?.checkpoint?.rawValue != number || service.status().first?.state != .following {
            try await node.asked.wait(times: node.asked.count + 1)
        }
    }

    @Test("a block that a socket announces is fetched at once, long before the next look is due")
    func announced() async throws {
        let chain = Self.chain(51, poll: .seconds(3600))
        let node = GrowingNode(chainID: 51, head: 40)
        let socket = ScriptedSocket(chainID: 51)
        let sockets = try #require(HeadSockets(chainID: chain.id, urls: ["ws://a"], transport: socket, logger: .silent))
        let service = Self.service(chain, node, sockets: sockets)
        try await ListenerTests.running([service]) {
            try await socket.opened.wait()
            for _ in 0..<5 {
                node.grow()
                let head = node.head
                socket.announce(head)
                // Within the minute that the test has, and not the hour that the next look would take.
                try await Self.reads(chain) { $0.checkpoint == head }
            }
        }
    }

    /// Returns once the row of `chain` is as `condition` says.
    static func reads(_ chain: Chain, _ condition: (ReadChain.Row) -> Bool) async throws {
        while let row = try await TestDatabase.current.database.first(ReadChain(chainID: chain.id)), !condition(row) {
            await Task.yield()
        }
    }

    @Test("without any socket that works blocks are polled")
    func socketsAway() async throws {
        let chain = Self.chain(52)
        let node = GrowingNode(chainID: 52, head: 40)
        // It serves another chain.
        let sockets = try #require(
            HeadSockets(
                chainID: chain.id, urls: ["ws://a"], transport: ScriptedSocket(chainID: 1),
                pauses: (.milliseconds(1), .milliseconds(2)), logger: .silent))
        let service = Self.service(chain, node, sockets: sockets)
        try await ListenerTests.running([service]) {
            for _ in 0..<5 {
                node.grow()
                try await Self.stored(node.head, service, node)
            }
        }
        #expect(sockets.status().first?.lastFailure == .wrongChain)
    }

    @Test("a poll at the tip is one batch, and nothing else is asked")
    func onePoll() async throws {
        let chain = Self.chain(53)
        let node = GrowingNode(chainID: 53, head: 40)
        let service = Self.service(chain, node)
        try await ListenerTests.running([service]) {
            try await Self.stored(40, service, node)
            // Whatever was under way when the tip was reached is over after one more look.
            try await node.asked.wait(times: node.asked.count + 2)
            node.record()
            try await node.asked.wait(times: node.asked.count + 10)
        }
        let calls = node.recorded
        #expect(calls.count >= 10)
        #expect(Set(calls) == [["eth_getBlockByNumber", "eth_getBlockByNumber", "eth_getBlockByNumber"]])
    }

    @Test("an upgrade of a registry is told once, old ones less loudly")
    func upgrades() async throws {
        let chain = Self.chain(54)
        let node = GrowingNode(chainID: 54, head: 1)
        @Sendable func upgrade(to implementation: UInt64) {
            node.grow { number, hash in
                [
                    GrowingNode.log(
                        Self.identity, [Self.upgraded, SimulatedChain.word(implementation)], at: number, hash)
                ]
            }
        }
        upgrade(to: 0xaa)
        for _ in 0..<60 { node.grow() }
        let log = LogRecorder()
        let service = Self.service(chain, node, log: log)
        try await ListenerTests.running([service]) {
            try await Self.stored(node.head, service, node)
            #expect(log.count(.critical) == 0)
            upgrade(to: 0xbb)
            try await Self.stored(node.head, service, node)
            try await log.wait(for: .critical)
            node.grow()
            try await Self.stored(node.head, service, node)
        }
        let told = log.entries.filter { $0.message.contains("upgraded") }
        #expect(told.map(\.level) == [.notice, .critical])
        let metadata = try #require(told.last?.metadata)
        #expect(metadata["implementation"] == "0x00000000000000000000000000000000000000bb")
        #expect(metadata["registry"] == "identity" && metadata["block.number"] == "63")
        #expect(metadata["chain.id"] == "54")
    }

    @Test("each of several validation registries is listened to, from its own start block on")
    func registries() async throws {
        let chain = Self.chain(55)
        let node = GrowingNode(chainID: 55, head: 1)
        let uri = [UInt8](repeating: 0, count: 31) + [0x20] + [UInt8](repeating: 0, count: 32)
        func ask() {
            node.grow { number, hash in
                Self.validations.enumerated().map { index, contract in
                    GrowingNode.log(
                        contract, [Self.request] + (1...3).map { SimulatedChain.word($0) }, data: uri, at: number, hash,
                        index: UInt32(index))
                }
            }
        }
        // Blocks 2, 15 and 30; the registries start at 0, 10 and 20.
        ask()
        while node.head < 14 { node.grow() }
        ask()
        while node.head < 29 { node.grow() }
        ask()
        let service = Self.service(chain, node)
        try await ListenerTests.running([service]) { try await Self.stored(30, service, node) }
        let rows = try await TestDatabase.current.database.query(ReadRegistries(chainID: chain.id))
        let (first, second, third) = (Self.validations[0], Self.validations[1], Self.validations[2])
        #expect(
            rows.map(\.place) == [
                "2 \(first)", "15 \(first)", "15 \(second)", "30 \(first)", "30 \(second)", "30 \(third)",
            ])
        #expect(rows.allSatisfy { $0.registry == "validation" && $0.type == "ValidationRequest" })
    }

    @Test("a chain that shows no new blocks is complained of once, and praised when it goes on")
    func resting() async throws {
        let chain = Self.chain(56, poll: .seconds(2), blockTime: .seconds(2))
        let node = GrowingNode(chainID: 56, head: 40)
        let log = LogRecorder()
        let service = Self.service(chain, node, log: log, clock: HurriedClock())
        try await ListenerTests.running([service]) {
            try await Self.stored(40, service, node)
            try await log.wait(for: .warning)
            #expect(service.status().first?.state == .resting(longerThan: .seconds(60)))
            #expect(service.status().first?.state.complaint?.contains("no new block") == true)
            // The row is what other processes see.
            try await Self.reads(chain) { $0.error != nil }
            try await node.asked.wait(times: node.asked.count + 5)
            node.grow()
            try await Self.stored(41, service, node)
            try await Self.reads(chain) { $0.error == nil }
        }
        #expect(log.entries.filter { $0.level == .warning }.map(\.message).count == 1)
        #expect(log.entries.last { $0.level == .notice }?.message == "the nodes show new blocks again")
    }

    @Test("a chain without a rule for its blocks may rest as long as it likes")
    func noRule() async throws {
        let chain = Self.chain(57, poll: .seconds(2))
        let node = GrowingNode(chainID: 57, head: 40)
        let log = LogRecorder()
        let service = Self.service(chain, node, log: log, clock: HurriedClock())
        try await ListenerTests.running([service]) {
            try await Self.stored(40, service, node)
            try await node.asked.wait(times: node.asked.count + 60)
            #expect(service.status().first?.state == .following)
        }
        #expect(log.count(.warning) == 0)
    }
}

struct ReadRegistries: Statement {
    static let sql = """
        SELECT block_number, contract_address, registry, event_type FROM events
        WHERE chain_id = $1 AND is_canonical ORDER BY block_number, log_index
        """
    let chainID: ChainID
    var arguments: [SQLValue] { [.integer(chainID.rawValue)] }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> (place: String, registry: String, type: String?) {
        let address = try row.optionalAddress(1).map { "\($0)" } ?? "none"
        return ("\(try row.integer(0)) \(address)", try row.text(2), try row.optionalText(3))
    }
}
