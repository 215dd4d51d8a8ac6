public import Domain
public import Ethereum

/// A block's header, as far as Tocsin needs it.
///
/// - SeeAlso: Ethereum JSON-RPC, `eth_getBlockByNumber`.
public struct Header: Sendable, Hashable {
    /// The block's height.
    public var number: BlockNumber
    /// What names the block.
    public var hash: Hash
    /// The hash of the block below.
    public var parentHash: Hash
    /// Seconds since 1970, as the block's maker says.
    public var timestamp: Int64
    /// The filter over the block's logs; nil where the node gives none.
    ///
    /// Some chains write the filter of another block, or one that says nothing: a hint, never the only proof.
    public var logsBloom: Bloom?
    /// The root of the transactions; nil where the node gives none.
    public var transactionsRoot: Hash?
    /// The root of the receipts, from which logs can be proved; nil where the node gives none.
    public var receiptsRoot: Hash?
    /// How many transactions the block has; nil where the node does not list them.
    public var transactionCount: Int?
    /// The block whose results this header reports, on chains that execute later than they order.
    ///
    /// - SeeAlso: Avalanche ACP-194; such a header's bloom and roots are about that other block.
    public var settledHeight: BlockNumber?

    /// A header with what every node gives, and more if known.
    public init(
        number: BlockNumber, hash: Hash, parentHash: Hash, timestamp: Int64, logsBloom: Bloom? = nil,
        transactionsRoot: Hash? = nil, receiptsRoot: Hash? = nil, transactionCount: Int? = nil,
        settledHeight: BlockNumber? = nil
    ) {
        self.number = number
        self.hash = hash
        self.parentHash = parentHash
        self.timestamp = timestamp
        self.logsBloom = logsBloom
        self.transactionsRoot = transactionsRoot
        self.receiptsRoot = receiptsRoot
        self.transactionCount = transactionCount
        self.settledHeight = settledHeight
    }
}

/// The three heads of a chain, as one endpoint saw them at one moment.
public struct BlockMarks: Sendable, Hashable {
    /// The newest block.
    public var latest: Header
    /// The newest block that is unlikely to be undone; nil where the node has no such tag.
    public var safe: Header?
    /// The newest block that cannot be undone; nil where the node has no such tag.
    public var finalized: Header?
    /// Which endpoint answered, by its place in `ProviderPool.status()`.
    public var node: Int

    /// The three heads as `node` saw them.
    public init(latest: Header, safe: Header? = nil, finalized: Header? = nil, node: Int = 0) {
        self.node = node
        self.latest = latest
        self.safe = safe
        self.finalized = finalized
    }
}

/// Which block is meant.
public enum BlockSelector: Sendable, Hashable {
    /// The canonical block at a height.
    case number(BlockNumber)
    /// One block, canonical or not.
    case hash(Hash)
    /// The newest block.
    case latest
    /// The newest block that is unlikely to be undone.
    case safe
    /// The newest block that cannot be undone.
    case finalized
}
