import Domain
import Ethereum
import EthereumRPC

/// Decides how far the tags that one node answers are believed: as far as a second node bears them out.
///
/// What was final once is never taken back, so a node that is stuck on an orphaned branch, or calls final what is merely
/// new, must not have its way. A second node that is down, stuck or far behind must not hold the marks up either: where
/// it says nothing and the first one's chain goes on, that one's word counts.
struct FinalityJudge: Sendable, Equatable {
    /// What another node says than the one that answered the tags.
    enum Opinion: Sendable, Equatable {
        /// There is no other node.
        case alone
        /// None of the others answers.
        case silent
        /// Its own newest blocks, and those of the tagged blocks' heights that it has.
        case told(BlockMarks, blocks: [Header])
    }

    /// So many opinions in a row may lack before the first node's word counts, if its chain goes on meanwhile.
    static let patience = 3
    /// Between two opinions at least; marks are in no hurry, and at idle one batch for each look is enough.
    static let pause: Duration = .seconds(3)
    /// A tag that stands still for so long while others move is taken not to work.
    static let tagPatience: Duration = .seconds(1800)

    /// What is believed; nil before anything is.
    private(set) var safe: Header?
    private(set) var finalized: Header?
    private var doubts = 0
    private var askedAt: Duration?
    private var head: BlockNumber?
    private var otherHead: BlockNumber?
    /// The other node's last final block, and since when it is that one.
    private var otherMark: BlockNumber?
    private var otherMarkSince: Duration?

    /// Whether another node should be asked about `told`, which would move marks on from `marks`.
    func isDue(_ told: FinalityMarks.Sight, _ marks: FinalityMarks, at now: Duration) -> Bool {
        guard told.source == .tags, askedAt.map({ now - $0 >= Self.pause }) ?? true else { return false }
        func isAbove(_ header: Header?, _ mark: BlockNumber?) -> Bool {
            header.map { header in mark.map { header.number > $0 } ?? true } ?? false
        }
        return isAbove(told.finalized, marks.finalized) || isAbove(told.safe, marks.safe)
    }

    /// What may be believed of `told`.
    func believed(of told: FinalityMarks.Sight) -> FinalityMarks.Sight {
        FinalityMarks.Sight(
            source: told.source, confirmations: told.confirmations, safe: safe, finalized: finalized)
    }

    /// Takes in what another node says about `told`, answered by a node whose newest block is `latest`.
    mutating func judge(_ told: FinalityMarks.Sight, latest: BlockNumber, _ opinion: Opinion, at now: Duration) {
        let hasGrown = head.map { latest > $0 } ?? false
        (head, askedAt) = (latest, now)
        switch opinion {
        case .alone: (safe, finalized) = (told.safe, told.finalized)
        case .silent:
            if hasGrown { doubts += 1 }
            if doubts >= Self.patience { (safe, finalized) = (told.safe, told.finalized) }
        case .told(let other, let blocks): weigh(told, other, blocks, hasGrown: hasGrown, at: now)
        }
    }

    private mutating func weigh(
        _ told: FinalityMarks.Sight, _ other: BlockMarks, _ blocks: [Header], hasGrown: Bool, at now: Duration
    ) {
        let isOtherStuck = otherHead.map { other.latest.number <= $0 } ?? false
        otherHead = other.latest.number
        if otherMarkSince == nil || otherMark != other.finalized?.number {
            (otherMark, otherMarkSince) = (other.finalized?.number, now)
        }
        let isTagDead = otherMarkSince.map { now - $0 >= Self.tagPatience } ?? false
        let (safeView, finalizedView) = (
            Self.view(of: told.safe, other.safe, blocks, isTagDead: isTagDead),
            Self.view(of: told.finalized, other.finalized, blocks, isTagDead: isTagDead)
        )
        switch told.finalized == nil ? safeView : finalizedView {
        case .agrees: doubts = 0
        case .lacks: if hasGrown { doubts += 1 }
        // Two branches that both go on are for nobody to choose between.
        case .denies: if hasGrown, isOtherStuck { doubts += 1 }
        }
        let isOverruled = doubts >= Self.patience
        safe = Self.outcome(safeView, told.safe, isOverruled: isOverruled) ?? safe
        finalized = Self.outcome(finalizedView, told.finalized, isOverruled: isOverruled) ?? finalized
    }

    /// What the other node makes of one tagged block.
    private enum View {
        /// It has the block, and the block named here, that one or a lower one, is tagged there too; nil where no tag is.
        case agrees(Header?)
        /// It has not got that far; what it tags itself.
        case lacks(Header?)
        /// It has another block there.
        case denies
    }

    private static func view(of claim: Header?, _ own: Header?, _ blocks: [Header], isTagDead: Bool) -> View {
        guard let claim else { return .agrees(nil) }
        guard let block = blocks.first(where: { $0.number == claim.number }) else {
            return .lacks(own.flatMap { $0.number < claim.number ? $0 : nil })
        }
        guard block.hash == claim.hash else { return .denies }
        guard let own, own.number < claim.number, !isTagDead else { return .agrees(claim) }
        return .agrees(own)
    }

    private static func outcome(_ view: View, _ claim: Header?, isOverruled: Bool) -> Header? {
        switch view {
        case .agrees(let header): header
        case .lacks(let header): isOverruled ? claim : header
        case .denies: isOverruled ? claim : nil
        }
    }
}
