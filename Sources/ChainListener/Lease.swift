import Domain
import Ethereum

/// The last block whose events are all stored.
struct Checkpoint: Sendable, Hashable {
    let number: BlockNumber
    let hash: Hash
}

/// The right to write one chain's feed, and where the chain stood when it was taken.
struct Lease: Sendable, Equatable {
    let chainID: ChainID
    /// Grows with every holder; every write names it.
    let token: Int64
    let checkpoint: Checkpoint?
    let head: BlockNumber?
    let safe: BlockNumber?
    let finalized: BlockNumber?
    let haltedReason: String?
}
