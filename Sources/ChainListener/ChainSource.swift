public import Domain
public import Ethereum
public import EthereumRPC

/// What a listener asks of a chain's nodes, whoever answers.
///
/// Each answer comes from one node in one batch and names it, so that another can be asked for a second opinion. What a
/// node does not have, or not yet, is thrown as ``ChainSourceError``, never answered as nothing. What is answered may
/// still be wrong; the listener checks it.
public protocol ChainSource: Sendable {
    /// The newest block and, where `tags` is set, the safe and the finalized one.
    func tip(tags: Bool) async throws -> BlockMarks
    /// How many nodes there are; below 2 there is no second opinion.
    var nodeCount: Int { get }
    /// What a node other than `node` shows as its newest blocks, and those of its blocks at `numbers` that it has; nil where
    /// there is no other. The newest blocks are nil where it answers only the others.
    func tip(
        tags: Bool, notBy node: Int, at numbers: [BlockNumber]
    ) async throws -> (marks: BlockMarks?, blocks: [Header])?
    /// Every header of `range`, in order, and the logs of `contracts` in it; of no contract where that is empty.
    func segment(_ range: ClosedRange<BlockNumber>, contracts: [Address]) async throws -> BlockLogs
    /// The header of the block `hash` and the logs of `contracts` in it.
    func block(_ hash: Hash, contracts: [Address]) async throws -> BlockLogs
    /// How many blocks a call of `span` covers now, 1 or more, for planning what to ask for next to each other.
    var spanLength: Int { get }
    /// The beginning of `range`, as many blocks as the node that answers allows at once: the logs of `contracts` in them,
    /// and the first and the last header, perhaps more.
    ///
    /// The answer's own range says what was covered; it starts where `range` does.
    /// - Throws: `ChainSourceError.tooLarge` only where no node answers the first block alone.
    func span(_ range: ClosedRange<BlockNumber>, contracts: [Address]) async throws -> BlockLogs
    /// The same by a node other than `node`; nil where there is no other.
    func span(_ range: ClosedRange<BlockNumber>, contracts: [Address], notBy node: Int) async throws -> BlockLogs?
    /// The headers of the blocks `hashes`, in their order.
    func headers(_ hashes: [Hash]) async throws -> [Header]
    /// The header at `number` by a node other than `node`; nil where there is no other.
    func header(at number: BlockNumber, notBy node: Int) async throws -> Header?
    /// The block `hash` with the logs of `contracts` by a node other than `node`; nil where there is no other.
    func block(_ hash: Hash, contracts: [Address], notBy node: Int) async throws -> BlockLogs?
    /// All receipts of the block `hash`, in order; nil where no node offers receipts.
    func receipts(of hash: Hash) async throws -> [Receipt]?
    /// All receipts of the block of `header`, in order, if possible such as make up its root; nil where no node offers any.
    func receipts(of header: Header) async throws -> [Receipt]?
    /// Who sent each of `transactions`; what is not known is left out.
    func senders(of transactions: [Hash]) async throws -> [Hash: Address]
    /// Takes note that an answer of `node` was found to be wrong, so that others are preferred for a while.
    func distrust(_ node: Int, because reason: String)
    /// What announces blocks before a look would show them; nil where nothing does.
    var sockets: HeadSockets? { get }
}

extension ChainSource {
    /// Nothing announces blocks.
    public var sockets: HeadSockets? { nil }

    /// All receipts of the block of `header`, whoever offers them.
    public func receipts(of header: Header) async throws -> [Receipt]? { try await receipts(of: header.hash) }
}

/// Why a chain's nodes did not answer what a listener asked.
public enum ChainSourceError: Error, Equatable {
    /// The node does not have the block, or not yet; ask again soon.
    case notYet
    /// One block holds more than any node answers.
    case tooLarge
    /// No endpoint answers; the text says why, without URLs and keys.
    case unreachable(String)
    /// An answer contradicts itself or another one; the text says how, and the node who gave it, where that is known.
    case inconsistent(String, by: Int? = nil)
}
