import Ethereum
import EthereumRPC

/// Learns whether a chain's headers carry the bloom of their own block.
///
/// On some chains the header's bloom speaks of another block or is empty. Blooms are on probation until several blocks
/// bore theirs out: one that excludes logs proves nothing before. A bloom that excludes a log which a second look at the
/// same block shows again is foreign; a node that made a log up is refuted by the second look instead.
struct BloomTrust: Sendable, Equatable {
    /// How many blocks must contradict their bloom, each confirmed, before blooms are no longer believed.
    static let patience = 2
    /// How many blocks, of different blooms, must bear theirs out before a bloom alone proves anything.
    static let probation = 3
    /// How many blocks' receipts are asked for only to learn whether blooms hold.
    static let trialsMax = 24

    /// No bloom is believed.
    static let none: BloomTrust = {
        var trust = BloomTrust()
        trust.confirmedContradictions = patience
        return trust
    }()

    private(set) var confirmedContradictions = 0
    /// Whether the chain ever wrote a bloom that says something.
    private(set) var hasSeenBlooms = false
    /// How many blocks bore a bloom out that says something, and of empty ones over transactions how many.
    private var (agreements, emptyAgreements) = (0, 0)
    /// The bloom that was borne out last.
    ///
    /// One of the block below looks right where both wrote the same logs, so it must be another one the next time.
    private var borneOut: Bloom?
    private var trials = 0

    /// Whether blooms may be used as evidence.
    var isTrusted: Bool { confirmedContradictions < Self.patience }

    /// Whether a bloom alone may prove that something was not logged.
    var isBorneOut: Bool { isTrusted && agreements >= Self.probation }

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

    /// The bloom of `header`, where it may prove alone what was not logged.
    ///
    /// Where every block logs something, an empty bloom over transactions is a node's mistake rather than the chain's
    /// word.
    func proof(in header: Header) -> Bloom? {
        guard let bloom = evidence(in: header) else { return nil }
        guard bloom.isEmpty else { return isBorneOut ? bloom : nil }
        if header.transactionCount == 0 { return bloom }
        return isBorneOut && emptyAgreements >= Self.probation ? bloom : nil
    }

    /// Whether the receipts of the block of `header` are worth a call, to learn from them whether its bloom holds.
    func isTried(by header: Header) -> Bool {
        guard trials < Self.trialsMax, let bloom = evidence(in: header) else { return false }
        guard bloom.isEmpty else { return agreements < Self.probation }
        return isBorneOut && emptyAgreements < Self.probation && header.transactionCount != 0
    }

    /// Whether no receipts are asked for any more, only to learn.
    var isTriedOut: Bool { trials >= Self.trialsMax }

    /// Takes note of a header that a node answered, of a block that is to be proved.
    mutating func see(_ header: Header) {
        if !hasSeenBlooms, let bloom = header.logsBloom { hasSeenBlooms = !bloom.isEmpty }
        if isTried(by: header) { trials += 1 }
    }

    /// Notes a block whose logs were shown twice, or proved, although the bloom excludes them.
    mutating func noteContradiction() {
        confirmedContradictions = min(Self.patience, confirmedContradictions + 1)
        (agreements, emptyAgreements, borneOut) = (0, 0, nil)
    }

    /// Notes a block that bears the bloom of `header` out.
    mutating func noteAgreement(_ header: Header) {
        guard isTrusted, let bloom = header.logsBloom else { return }
        if bloom.isEmpty {
            emptyAgreements = min(Self.probation, emptyAgreements + 1)
        } else if bloom != borneOut {
            confirmedContradictions = 0
            agreements = min(Self.probation, agreements + 1)
            borneOut = bloom
        }
    }
}
