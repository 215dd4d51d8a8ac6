public import Domain
public import Ethereum

/// What a transaction came to, with all that its consensus encoding needs.
///
/// - SeeAlso: EIP-2718 and EIP-658; the OP Stack's deposit receipts for the two last members.
public struct Receipt: Sendable, Hashable {
    /// How a transaction ended: by status since Byzantium, by state root before.
    public enum Outcome: Sendable, Hashable {
        /// Whether it succeeded.
        case status(Bool)
        /// The state's root behind it.
        case root(Hash)
    }

    /// The transaction.
    public var transactionHash: Hash
    /// Its position in the block.
    public var transactionIndex: UInt32
    /// The block.
    public var blockHash: Hash
    /// The block's height.
    public var blockNumber: BlockNumber
    /// The account that sent it; nil where the node does not say.
    public var from: Address?
    /// The transaction's type, 0 for the oldest.
    public var type: UInt8
    /// How it ended.
    public var outcome: Outcome
    /// Gas used by the block up to and with this transaction.
    public var cumulativeGasUsed: UInt64
    /// The filter over its logs.
    public var logsBloom: Bloom
    /// What it wrote.
    public var logs: [Log]
    /// The OP Stack's deposit nonce.
    public var depositNonce: UInt64?
    /// The OP Stack's version of the deposit receipt.
    public var depositReceiptVersion: UInt64?

    /// A receipt with all its facts.
    public init(
        transactionHash: Hash, transactionIndex: UInt32, blockHash: Hash, blockNumber: BlockNumber, from: Address?,
        type: UInt8, outcome: Outcome, cumulativeGasUsed: UInt64, logsBloom: Bloom, logs: [Log],
        depositNonce: UInt64? = nil, depositReceiptVersion: UInt64? = nil
    ) {
        self.transactionHash = transactionHash
        self.transactionIndex = transactionIndex
        self.blockHash = blockHash
        self.blockNumber = blockNumber
        self.from = from
        self.type = type
        self.outcome = outcome
        self.cumulativeGasUsed = cumulativeGasUsed
        self.logsBloom = logsBloom
        self.logs = logs
        self.depositNonce = depositNonce
        self.depositReceiptVersion = depositReceiptVersion
    }
}
