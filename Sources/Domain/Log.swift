public import Ethereum

/// A log's topics: 0...4 words, held in place.
public struct Topics: RandomAccessCollection, Hashable, Sendable {
    private var words: (Hash, Hash, Hash, Hash)
    /// How many there are, 0...4.
    public private(set) var count: Int

    /// No topics, as `LOG0` writes.
    public init() {
        words = (.zero, .zero, .zero, .zero)
        count = 0
    }

    /// The first `count` of `words`, which must be 0...4.
    public init(words: (Hash, Hash, Hash, Hash), count: Int) {
        precondition(0...4 ~= count, "a log has 0 to 4 topics")
        self.words = words
        self.count = count
    }

    /// The topics `words`; nil for more than four, which the EVM cannot write.
    public init?(_ words: some Collection<Hash>) {
        self.init()
        for word in words {
            guard append(word) else { return nil }
        }
    }

    /// Adds `word` behind the others; false when there are four already.
    public mutating func append(_ word: Hash) -> Bool {
        switch count {
        case 0: words.0 = word
        case 1: words.1 = word
        case 2: words.2 = word
        case 3: words.3 = word
        default: return false
        }
        count += 1
        return true
    }

    /// The first topic's index.
    public var startIndex: Int { 0 }
    /// One past the last topic's index.
    public var endIndex: Int { count }

    /// The topic at `index`, which must be below `count`.
    public subscript(index: Int) -> Hash {
        precondition(index >= 0 && index < count, "a topic's index lies below the count")
        switch index {
        case 0: return words.0
        case 1: return words.1
        case 2: return words.2
        default: return words.3
        }
    }

    /// Whether both hold the same words in the same order.
    public static func == (left: Topics, right: Topics) -> Bool { left.elementsEqual(right) }
    /// Feeds the words.
    public func hash(into hasher: inout Hasher) { for word in self { hasher.combine(word) } }
}

/// A log as a node reports it: what a contract wrote, and where it stands.
///
/// - SeeAlso: Ethereum JSON-RPC, `eth_getLogs`.
public struct Log: Hashable, Sendable {
    /// The contract that wrote it.
    public var address: Address
    /// The signature's hash and the indexed parameters.
    public var topics: Topics
    /// The other parameters, ABI-encoded.
    public var data: [UInt8]
    /// The height of its block.
    public var blockNumber: BlockNumber
    /// Its block.
    public var blockHash: Hash
    /// Its transaction.
    public var transactionHash: Hash
    /// The transaction's position in the block; nodes disagree about it, so nothing relies on it.
    public var transactionIndex: UInt32
    /// The log's position in its block, over all transactions.
    public var logIndex: UInt32

    /// A log with all its facts.
    public init(
        address: Address, topics: Topics, data: [UInt8], blockNumber: BlockNumber, blockHash: Hash,
        transactionHash: Hash, transactionIndex: UInt32, logIndex: UInt32
    ) {
        self.address = address
        self.topics = topics
        self.data = data
        self.blockNumber = blockNumber
        self.blockHash = blockHash
        self.transactionHash = transactionHash
        self.transactionIndex = transactionIndex
        self.logIndex = logIndex
    }
}
