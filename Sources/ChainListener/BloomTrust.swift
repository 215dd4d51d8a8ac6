/// Learns whether a chain's headers carry the bloom of their own block.
///
/// On some chains the header's bloom speaks of another block or is empty. A bloom that excludes a log which a second
/// look at the same block shows again is such a one; a node that made a log up is refuted by the second look instead.
struct BloomTrust: Sendable, Equatable {
    /// How many blocks must contradict their bloom, each confirmed, before blooms are no longer believed.
    static let patience = 2

    private(set) var confirmedContradictions = 0

    /// Whether a bloom may be used as evidence.
    var isTrusted: Bool { confirmedContradictions < Self.patience }

    /// Notes a block whose logs were shown twice although the bloom excludes them.
    mutating func noteContradiction() { confirmedContradictions = min(Self.patience, confirmedContradictions + 1) }

    /// Notes a block whose logs are all in its bloom.
    mutating func noteAgreement() { if isTrusted { confirmedContradictions = 0 } }
}
