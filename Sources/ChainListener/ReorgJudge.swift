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
        /// It has the branch that is followed.
        case denies
        /// There is no other node, or it knows neither.
        case silent
    }

    /// How many looks, or against another node's word how many growths, a branch needs to be believed.
    static let patience = 3

    private var branch: Hash?
    private var looks = 0
    private var growths = 0
    private var highest: BlockNumber?

    /// Whether to leave for the branch whose first block is `branch`, of which `head` was seen; `tip` is where we stand.
    mutating func judge(branch: Hash, head: BlockNumber, tip: BlockNumber, opinion: Opinion) -> Bool {
        if branch != self.branch {
            self = ReorgJudge()
            self.branch = branch
        }
        looks += 1
        if highest.map({ head > $0 }) ?? true {
            growths += 1
            highest = head
        }
        switch opinion {
        case .confirms: return true
        case .silent: return head > tip || looks >= Self.patience
        // A node stuck on an orphan repeats one head for ever; a branch that grows past ours is alive.
        case .denies: return head > tip && growths >= Self.patience
        }
    }

    /// Forgets the other branch: the one that is followed grew.
    mutating func followedBranchGrew() { self = ReorgJudge() }

    /// A node still shows the followed tip, so earlier looks at the other branch prove little.
    mutating func followedTipSeen() { looks = 0 }
}
