import Domain
import Ethereum
import EthereumRPC

/// How far a chain's stored blocks are safe and finalized.
///
/// `finalized` never falls. `safe` falls only with a reorganisation, and is never under `finalized`. Neither passes the
/// checkpoint, because a mark speaks about events that are stored.
struct FinalityMarks: Sendable, Equatable {
    /// What one look at a node told about finality.
    struct Sight: Sendable {
        let source: FinalitySource
        let confirmations: Int
        /// What the tags name; nil where the node did not say.
        let safe: Header?
        let finalized: Header?

        /// The same without what is said about blocks above `number`, and about others than those that are followed.
        func on(_ tracker: HeadTracker, upTo number: BlockNumber) -> Sight {
            func followed(_ header: Header?) -> Header? {
                guard let header, header.number <= number else { return nil }
                return tracker.header(at: header.number).map { $0.hash == header.hash } ?? true ? header : nil
            }
            return Sight(
                source: source, confirmations: confirmations, safe: followed(safe), finalized: followed(finalized))
        }
    }

    /// After this many looks without the tag `finalized`, and none with it, the node is taken not to know it.
    static let patience = 10

    private(set) var safe: BlockNumber?
    private(set) var finalized: BlockNumber?
    private var looksWithoutTag = 0
    private var hasSeenTag = false

    init(safe: BlockNumber? = nil, finalized: BlockNumber? = nil) {
        self.safe = safe
        self.finalized = finalized
    }

    /// Whether `confirmations` stand in for tags that no node of the chain answers.
    var fallsBackToDepth: Bool { !hasSeenTag && looksWithoutTag >= Self.patience }

    /// Counts whether the node answered the tag; call once for each look.
    mutating func look(_ sight: Sight) {
        guard sight.source == .tags else { return }
        if sight.finalized != nil {
            hasSeenTag = true
        } else if looksWithoutTag < Self.patience {
            looksWithoutTag += 1
        }
    }

    /// Moves the marks as far as `sight` allows.
    ///
    /// - Parameter known: the stored header at a height, nil where it is not kept. A tag that names another block than the
    ///   one stored there is not believed: one of the two is on a branch, and the next heads will tell. A tag above the
    ///   checkpoint says nothing about what is stored, which may be on another branch than it.
    mutating func advance(_ sight: Sight, checkpoint: BlockNumber, known: (BlockNumber) -> Header?) {
        let byTag = sight.source == .tags && !fallsBackToDepth
        // From the checkpoint, not from what a node calls its head, which may be made up.
        let depth: BlockNumber? =
            checkpoint.rawValue >= Int64(sight.confirmations)
            ? checkpoint.advanced(by: -sight.confirmations) : nil
        func believed(_ header: Header?) -> BlockNumber? {
            guard let header, header.number <= checkpoint else { return nil }
            if let stored = known(header.number), stored.hash != header.hash { return nil }
            return header.number
        }
        let finalizedSeen = byTag ? believed(sight.finalized) : depth
        let safeSeen = byTag ? believed(sight.safe) : depth
        finalized = highest(finalized, finalizedSeen)
        safe = highest(highest(safe, safeSeen), finalized)
    }

    /// Takes back what was said about blocks above `fork`, which is never under `finalized`.
    mutating func rewind(to fork: BlockNumber) {
        if let mark = safe, mark > fork { safe = highest(fork, finalized) }
    }

    private func highest(_ left: BlockNumber?, _ right: BlockNumber?) -> BlockNumber? {
        guard let left else { return right }
        guard let right else { return left }
        return max(left, right)
    }
}
