public import Domain
public import Ethereum
public import EthereumRPC

/// A chain's endpoints as its listener asks them.
public final class PooledChainSource: ChainSource {
    private let pool: ProviderPool

    /// What announces blocks before a look would show them.
    public let sockets: HeadSockets?

    /// The endpoints of `pool`, and the chain's sockets where it has any.
    public init(_ pool: ProviderPool, sockets: HeadSockets? = nil) {
        self.pool = pool
        self.sockets = sockets
    }

    /// The newest block and, where `tags` is set, the safe and the finalized one.
    public func tip(tags: Bool) async throws -> BlockMarks {
        try await translated { () async throws(RPCError) in try await pool.marks(tags: tags) }
    }

    /// How many endpoints there are.
    public var nodeCount: Int { pool.endpointCount }

    /// What a node other than `node` shows as its newest blocks, and those of its blocks at `numbers` that it has.
    public func tip(
        tags: Bool, notBy node: Int, at numbers: [BlockNumber]
    ) async throws -> (marks: BlockMarks?, blocks: [Header])? {
        guard pool.endpointCount > 1 else { return nil }
        return try await translated { () async throws(RPCError) in
            try await pool.marks(tags: tags, notBy: node, at: numbers)
        }
    }

    /// Every header of `range`, in order, and the logs of `contracts` in it.
    public func segment(_ range: ClosedRange<BlockNumber>, contracts: [Address]) async throws -> BlockLogs {
        guard !contracts.isEmpty else {
            let selectors = (0..<range.count).map { BlockSelector.number(range.lowerBound.advanced(by: $0)) }
            let headers = try await translated { () async throws(RPCError) in try await pool.headers(selectors) }
            return BlockLogs(range: range, headers: headers, logs: [])
        }
        return try await translated { () async throws(RPCError) in
            try await pool.blockWithLogs(range: range, addresses: contracts)
        }
    }

    /// The header of the block `hash` and the logs of `contracts` in it.
    public func block(_ hash: Hash, contracts: [Address]) async throws -> BlockLogs {
        try await translated { () async throws(RPCError) in
            try await pool.logs(blockHash: hash, addresses: contracts)
        }
    }

    /// How many blocks the endpoints that may be asked answer in one search.
    public var spanLength: Int { pool.spanLength }

    /// The logs of `contracts` in the beginning of `range`, with its first and last header, or all where it is short.
    public func span(_ range: ClosedRange<BlockNumber>, contracts: [Address]) async throws -> BlockLogs {
        try await translated { () async throws(RPCError) in
            try await pool.blockWithLogs(beginningOf: range, addresses: contracts)
        }
    }

    /// The same as `span` by a node other than `node`; nil where there is no other.
    public func span(
        _ range: ClosedRange<BlockNumber>, contracts: [Address], notBy node: Int
    ) async throws -> BlockLogs? {
        guard pool.endpointCount > 1 else { return nil }
        return try await translated { () async throws(RPCError) in
            try await pool.blockWithLogs(beginningOf: range, addresses: contracts, notBy: node)
        }
    }

    /// The headers of the blocks `hashes`, in their order.
    public func headers(_ hashes: [Hash]) async throws -> [Header] {
        try await translated { () async throws(RPCError) in
            try await pool.headers(hashes.map(BlockSelector.hash))
        }
    }

    /// The header at `number` by a node other than `node`; nil where there is no other.
    public func header(at number: BlockNumber, notBy node: Int) async throws -> Header? {
        guard pool.endpointCount > 1 else { return nil }
        return try await translated { () async throws(RPCError) in
            try await pool.header(.number(number), notBy: node)
        }
    }

    /// The block `hash` with the logs of `contracts` by a node other than `node`; nil where there is no other.
    public func block(_ hash: Hash, contracts: [Address], notBy node: Int) async throws -> BlockLogs? {
        guard pool.endpointCount > 1 else { return nil }
        return try await translated { () async throws(RPCError) in
            try await pool.logs(blockHash: hash, addresses: contracts, notBy: node)
        }
    }

    /// All receipts of the block `hash`, in order; nil where no node offers receipts.
    public func receipts(of hash: Hash) async throws -> [Receipt]? { try await receipts(hash, root: nil) }

    /// All receipts of the block of `header`, if possible such as make up its root; nil where no node offers any.
    public func receipts(of header: Header) async throws -> [Receipt]? {
        // A header that settles a lower block carries that block's root.
        try await receipts(header.hash, root: header.settledHeight == nil ? header.receiptsRoot : nil)
    }

    private func receipts(_ hash: Hash, root: Hash?) async throws -> [Receipt]? {
        do {
            return try await pool.receipts(hash) { receipts in root.map { receipts.proved(by: $0) != nil } ?? true }
        } catch {
            guard error == .methodMissing else { throw try Self.translation(of: error) }
            return nil
        }
    }

    /// Who sent each of `transactions`.
    public func senders(of transactions: [Hash]) async throws -> [Hash: Address] {
        try await translated { () async throws(RPCError) in try await pool.transactionsFrom(hashes: transactions) }
    }

    /// Takes note that an answer of `node` was found to be wrong.
    public func distrust(_ node: Int, because reason: String) { pool.distrust(node, because: reason) }

    private func translated<Answer>(
        _ ask: () async throws(RPCError) -> Answer
    ) async throws -> Answer {
        do {
            return try await ask()
        } catch {
            throw try Self.translation(of: error)
        }
    }

    /// What a listener makes of `error`.
    ///
    /// - Throws: `CancellationError` where our own task was cancelled.
    private static func translation(of error: RPCError) throws -> ChainSourceError {
        try Task.checkCancellation()
        return switch error {
        case .notYet: .notYet
        case .rangeTooLarge: .tooLarge
        case .inconsistent(let text): .inconsistent(text)
        case .pruned: .unreachable("the nodes have thrown this part of history away; add an archive node to rpc_urls")
        case .unauthorized: .unreachable("the nodes refuse the key in rpc_urls")
        case .wrongChain(let expected, let found): .unreachable("a node serves chain \(found), not \(expected)")
        case .unknown(let code, let message):
            .unreachable("an unknown error, \(code.map(String.init) ?? "without code"): \(message)")
        default: .unreachable(error.errorClass.replacing("_", with: " "))
        }
    }
}
