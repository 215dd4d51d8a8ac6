import Domain
import Ethereum
import EthereumRPC

/// How a block's logs were proved complete; the raw value is the column `blocks.verification`.
enum Verification: String, Sendable {
    /// The header's bloom rules out that a watched contract wrote a log, and none came.
    case bloom
    /// The block's receipts, from which the logs were read, make up the root in its header.
    case receipts
    /// Two nodes answered the same logs for the block's hash.
    case quorum
}

/// A block as it is recorded.
struct BlockRow: Sendable, Equatable {
    let header: Header
    /// Nil while nothing proves that the logs are complete.
    let verification: Verification?
    /// How many logs of watched contracts it holds.
    let logCount: Int
}

extension [BlockRow] {
    /// The heights without verification, in ranges.
    var unverified: [ClosedRange<BlockNumber>] { filter { $0.verification == nil }.map(\.header.number).ranges }
}

extension [BlockNumber] {
    /// The same heights, which are ascending, in as few ranges as possible.
    var ranges: [ClosedRange<BlockNumber>] {
        var ranges: [ClosedRange<BlockNumber>] = []
        for number in self {
            if let last = ranges.last, last.upperBound.advanced(by: 1) == number {
                ranges[ranges.count - 1] = last.lowerBound...number
            } else {
                ranges.append(number...number)
            }
        }
        return ranges
    }
}

/// What one transaction changes: blocks, events, feed, marks and checkpoint of one chain.
struct FeedCommit: Sendable {
    let chainID: ChainID
    let token: Int64
    /// The checkpoint that this follows; another one in the database means that this listener's memory is old.
    let parent: Hash?
    /// Everything above this block is taken back first; nil where nothing is.
    var fork: BlockNumber?
    /// Lowest first.
    var blocks: [BlockRow] = []
    /// In the order of the chain.
    var events: [EventRow] = []
    /// Heights at which nothing proves that the logs are complete; they go on the ledger.
    var unverified: [ClosedRange<BlockNumber>] = []
    /// Nil where it stays.
    var checkpoint: Checkpoint?
    /// The newest block that a node showed.
    let head: BlockNumber
    /// The marks before; after a rewind those that it left.
    let marksBefore: FinalityMarks
    let marks: FinalityMarks
    /// Empty blocks under this height are removed; nil where none are.
    var pruneBelow: BlockNumber?
    /// How many blocks of history are stored in a second; nil at the tip.
    var historyRate: Double?

    /// The transactions that wrote `events`.
    var transactions: [Hash] {
        var transactions: [Hash] = []
        for event in events where event.log.transactionHash != transactions.last {
            transactions.append(event.log.transactionHash)
        }
        return transactions
    }
}

/// What a commit did.
struct CommitOutcome: Sendable, Equatable {
    /// Events appended to the feed.
    var events = 0
    /// Events taken back.
    var retractions = 0
    /// Marks appended to the feed.
    var marks = 0
}
