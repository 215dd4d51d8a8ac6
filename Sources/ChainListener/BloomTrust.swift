import Ethereum
import EthereumRPC

/// Learns whether a chain's headers carry the bloom of their own block.
///
/// On some chains the header's bloom speaks of another block or is empty. A bloom that excludes a log which a second
/// look at the same block shows again is such a one; a node that made a log up is refuted by the second look instead.
struct BloomTrust: Sendable, Equatable {
    /// How many blocks must contradict their bloom, each confirmed, before blooms are no longer believed.
    static let patience = 2

    /// No bloom is believed.
    static let none: BloomTrust = {
        var trust = BloomTrust()
        trust.confirmedContradictions = patience
        return trust
    }()

    private(set) var confirmedContradictions = 0
    /// Whether the chain ever wrote a bloom that says something.
    private(set) var hasSeenBlooms = false

    /// Whether blooms may be used as evidence.
    var isTrusted: Bool { confirmedContradictions < Self.patience }

    /// The bloom of `header`, where it may be used as evidence about its block.
    ///
    /// An empty one says that nothing was logged. Where transactions ran and no other bloom was ever seen, it rather says
    /// that the chain writes none.
    func evidence(in header: Header) -> Bloom? {
        // A header that settles a lower block carries that block's bloom.
        guard isTrusted, header.settledHeight == nil, let bloom = header.logsBloom else { return nil }
        guard !bloom.isEmpty || hasSeenBlooms || header.transactionCount == 0 else { return nil }
        return bloom
    }

    /// Takes note of a header that a node answered.
    mutating func see(_ header: Header) {
        guard !hasSeenBlooms, let bloom = header.logsBloom else { return }
        hasSeenBlooms = !bloom.isEmpty
    }

    /// Notes a block whose logs were shown twice although the bloom excludes them.
    mutating func noteContradiction() { confirmedContradictions = min(Self.patience, confirmedContradictions + 1) }

    /// Notes a block whose logs are all in its bloom.
    mutating func noteAgreement() { if isTrusted { confirmedContradictions = 0 } }
}
