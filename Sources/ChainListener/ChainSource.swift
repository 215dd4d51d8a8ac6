public import Domain
public import Ethereum
public import EthereumRPC

/// What a listener asks of a chain's nodes, whoever answers.
///
/// Each answer comes from one node in one batch, with the node's number, so that another can be asked for a second
/// opinion. What a node does not have, or not yet, is thrown as ``ChainSourceError``, never answered as nothing. What is
/// answered may still be wrong; the listener checks it.
public protocol ChainSource: Sendable {
    /// The newest block and, where `tags` is set, the safe and the finalized one.
    func tip(tags: Bool) async throws -> Tip
    /// Every header of `range`, in order, and the logs of `contracts` in it.
    func segment(_ range: ClosedRange<BlockNumber>, contracts: [Address]) async throws -> Segment
    /// The header of the block `hash` and the logs of `contracts` in it.
    func block(_ hash: Hash, contracts: [Address]) async throws -> Segment
    /// The first and the last header of `range` and the logs of `contracts` in it.
    func span(_ range: ClosedRange<BlockNumber>, contracts: [Address]) async throws -> Span
    /// The headers of the blocks `hashes`, in their order.
    func headers(_ hashes: [Hash]) async throws -> [Header]
    /// The header at `number` by a node other than `node`; nil where there is no other.
    func header(at number: BlockNumber, notBy node: Int) async throws -> Header?
    /// The logs of `contracts` in the block `hash` by a node other than `node`; nil where there is no other.
    func logs(of hash: Hash, contracts: [Address], notBy node: Int) async throws -> [Log]?
    /// All logs of the block `hash`, whoever wrote them, from its receipts; nil where no node offers receipts.
    func receiptLogs(of hash: Hash) async throws -> [Log]?
    /// Who sent each of `transactions`; what is not known is left out.
    func senders(of transactions: [Hash]) async throws -> [Hash: Address]
}

/// A chain's newest blocks as one node sees them.
public struct Tip: Sendable, Hashable {
    /// The newest block.
    public let latest: Header
    /// What the node calls safe; nil where it was not asked or does not say.
    public let safe: Header?
    /// What the node calls finalized; nil where it was not asked or does not say.
    public let finalized: Header?
    /// Which node answered.
    public let node: Int

    /// The newest blocks as `node` sees them.
    public init(latest: Header, safe: Header? = nil, finalized: Header? = nil, node: Int) {
        self.latest = latest
        self.safe = safe
        self.finalized = finalized
        self.node = node
    }
}

/// Blocks with all their headers, and their logs.
public struct Segment: Sendable, Hashable {
    /// Each the parent of the next, if the node did not lie.
    public let headers: [Header]
    /// The logs of the watched contracts in these blocks, in any order.
    public let logs: [Log]
    /// Which node answered.
    public let node: Int

    /// The blocks of `headers` with `logs`, as `node` answered them.
    public init(headers: [Header], logs: [Log], node: Int) {
        self.headers = headers
        self.logs = logs
        self.node = node
    }
}

/// A stretch of history: its ends, and its logs.
public struct Span: Sendable, Hashable {
    /// The lowest block.
    public let first: Header
    /// The highest block; the same as `first` in a stretch of one.
    public let last: Header
    /// The logs of the watched contracts between them, both included, in any order.
    public let logs: [Log]
    /// Which node answered.
    public let node: Int

    /// The stretch between `first` and `last` with `logs`, as `node` answered it.
    public init(first: Header, last: Header, logs: [Log], node: Int) {
        self.first = first
        self.last = last
        self.logs = logs
        self.node = node
    }
}

/// Why a chain's nodes did not answer what a listener asked.
public enum ChainSourceError: Error, Equatable {
    /// The node does not have the block, or not yet; ask again soon.
    case notYet
    /// The answer would pass a limit of every node; ask for less.
    case tooLarge
    /// No endpoint answers; the text says why, without URLs and keys.
    case unreachable(String)
    /// A node's answer contradicts itself; the text says how.
    case inconsistent(String)
}
