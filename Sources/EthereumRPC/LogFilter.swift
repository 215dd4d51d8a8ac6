public import Domain
public import Ethereum

/// Which logs are asked for.
///
/// - SeeAlso: Ethereum JSON-RPC, `eth_getLogs`.
public struct LogFilter: Sendable, Hashable {
    /// The blocks that are searched.
    public enum Blocks: Sendable, Hashable {
        /// The canonical blocks of a range.
        case range(ClosedRange<BlockNumber>)
        /// One block, canonical or not.
        case hash(Hash)
    }

    /// The blocks that are searched.
    public var blocks: Blocks
    /// The contracts that wrote the logs; empty for all of them.
    public var addresses: [Address]
    /// For each position the topics that are wanted there, empty for any; at most four positions.
    public var topics: [[Hash]]

    /// A filter over `blocks`.
    public init(blocks: Blocks, addresses: [Address], topics: [[Hash]] = []) {
        self.blocks = blocks
        self.addresses = addresses
        self.topics = topics
    }
}

/// A log that a node reported in a form that cannot be decoded.
public struct MalformedLog: Sendable, Hashable {
    /// Where it stood in the answer, from 0.
    public let position: Int
    /// What is wrong with it.
    public let reason: String
    /// The node's own text, at most 64 KiB of it.
    public let text: String

    /// A log that stood at `position`.
    public init(position: Int, reason: String, text: String) {
        self.position = position
        self.reason = reason
        self.text = text
    }
}

/// Headers and logs of the same blocks, from one endpoint in one answer.
public struct BlockLogs: Sendable, Hashable {
    /// The blocks that were asked for.
    public var range: ClosedRange<BlockNumber>
    /// Ascending; every block of a short range, of a long one the first and the last.
    public var headers: [Header]
    /// In the endpoint's order; each lies in `range`, and agrees with its block's header where that is here.
    public var logs: [Log]
    /// What could not be decoded; none is ever left out.
    public var malformed: [MalformedLog]
    /// Which endpoint answered, by its place in `ProviderPool.status()`.
    public var node: Int
    /// Which endpoint answered single blocks, where it was another one.
    public var otherNodes: [BlockNumber: Int] = [:]

    /// Which endpoint answered the block at `number`.
    public func node(at number: BlockNumber) -> Int { otherNodes[number] ?? node }

    /// Headers and logs with their origin.
    public init(
        range: ClosedRange<BlockNumber>, headers: [Header], logs: [Log], malformed: [MalformedLog] = [],
        node: Int = 0
    ) {
        self.range = range
        self.headers = headers
        self.logs = logs
        self.malformed = malformed
        self.node = node
    }
}
