import Domain
import Ethereum
import EthereumRPC

/// How a block's logs were proved complete; the raw value is the column `blocks.verification`.
enum Verification: String, Sendable {
    /// The header's bloom rules out further logs of the watched contracts.
    case bloom
    /// All logs of the block were read from its receipts and make up the header's bloom.
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

/// What one transaction changes: blocks, events, feed, marks and checkpoint of one chain.
struct FeedCommit: Sendable {
    let chainID: ChainID
    let token: Int64
    /// The checkpoint that this follows; another one in the database means that this listener's memory is old.
    let parent: Checkpoint?
    /// Everything above this block is taken back first; nil where nothing is.
    var fork: BlockNumber?
    /// Lowest first.
    var blocks: [BlockRow] = []
    /// In the order of the chain.
    var events: [EventRow] = []
    /// Nil where it stays.
    var checkpoint: Checkpoint?
    /// The newest block that a node showed.
    let head: BlockNumber
    /// The marks before; after a rewind those that it left.
    let marksBefore: FinalityMarks
    let marks: FinalityMarks
    /// Empty blocks under this height are removed; nil where none are.
    var pruneBelow: BlockNumber?
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
