import Domain
import Ethereum

/// Decides whether a head on another branch is reason enough to leave the branch that is followed.
///
/// A node that lags, or is stuck on an orphaned branch, shows such heads too; obeying it would retract events that still
/// stand. A second node's word settles it; without one, the branch must prove itself.
struct ReorgJudge: Sendable, Equatable {
    /// What another node says about the other branch.
    enum Opinion: Equatable {
        /// It has that branch.
        case confirms
        /// It has the branch that is followed, up to this height.
        case denies(BlockNumber)
        /// It knows neither, or does not answer.
        case silent
        /// There is no other node.
        case alone
    }

    /// How many looks, or against another node's word how many growths, a branch needs to be believed.
    static let patience = 3

    private var branch: Hash?
    private var looks = 0
    private var growths = 0
    private var highest: BlockNumber?
    /// How far the other node had the followed branch when the other one was first seen.
    private var deniedUpTo: BlockNumber?

    /// Whether to leave for the branch whose first block is `branch`, of which `head` was seen; `tip` is where we stand.
    mutating func judge(branch: Hash, head: BlockNumber, tip: BlockNumber, opinion: Opinion) -> Bool {
        note(branch, head)
        switch opinion {
        case .confirms: return true
        case .alone: return head > tip || looks >= Self.patience
        // A node stuck on an orphan repeats one head for ever; a branch that grows is alive.
        case .silent: return head > tip || growths >= Self.patience
        case .denies(let height):
            // Of two branches the one is stuck that stands still while the other one passes it.
            let isStuck = growths > 1 && deniedUpTo.map { height <= $0 } ?? false
            deniedUpTo = min(deniedUpTo ?? height, height)
            return head > tip && head > height && (isStuck || growths >= Self.patience)
        }
    }

    /// Whether it is certain that the chain went over to `branch`, which begins below what was taken as final.
    ///
    /// The chain halts then until an operator acts, so nobody's silence is enough while there are others to ask.
    mutating func judgeFinal(branch: Hash, head: BlockNumber, tip: BlockNumber, opinion: Opinion) -> Bool {
        note(branch, head)
        return switch opinion {
        case .confirms: true
        case .alone: head > tip || looks >= Self.patience
        case .silent, .denies: head > tip && growths >= Self.patience
        }
    }

    private mutating func note(_ branch: Hash, _ head: BlockNumber) {
        if branch != self.branch {
            self = ReorgJudge()
            self.branch = branch
        }
        looks += 1
        if highest.map({ head > $0 }) ?? true {
            growths += 1
            highest = head
        }
    }

    /// Forgets the other branch: the one that is followed grew.
    mutating func followedBranchGrew() { self = ReorgJudge() }

    /// A node still shows the followed tip, so earlier looks at the other branch prove little.
    mutating func followedTipSeen() { looks = 0 }
}
