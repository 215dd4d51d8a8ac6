import Domain

/// Why a listener stops or starts over.
enum ListenerError: Error, Equatable {
    /// Another listener has the chain's lease.
    case fenced
    /// The database moved on without this listener, as after a commit whose outcome was unknown.
    case stale
    /// A stored log has the place of a new one but another content, or is canonical already.
    case conflictingLogs(stored: Int, expected: Int)
    /// The chain's policy demands a proof for this block that no node gives now; it is asked for again.
    case heldBack(BlockNumber, VerificationPolicy)
    /// Only an operator can go on; the text says how.
    case halted(String)
}
