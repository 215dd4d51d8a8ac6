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
        /// It has the branch that is followed, up to this height; nil where it does not say how far.
        case denies(BlockNumber?)
        /// It knows neither, or does not answer.
        case silent
        /// There is no other node.
        case alone
    }

    /// A newest block that a node showed, on a branch that begins with `branch`.
    struct Sight {
        let branch: Hash
        let head: BlockNumber
        let node: Int
    }

    /// How many looks, or against another node's word how many growths, a branch needs to be believed.
    static let patience = 3
    /// How many looks it needs where others say nothing and the node that shows it came over to it.
    static let turnedPatience = 2

    /// What was seen of the other branch.
    private struct Branch: Equatable {
        let first: Hash
        var looks = 0
        var growths = 0
        var highest: BlockNumber?
        /// How far another node had the followed branch when it was first asked.
        var deniedUpTo: BlockNumber?
    }

    /// The newest block that a node showed, and whether it was another one when the followed branch grew last.
    private struct Shown: Equatable {
        var hash: Hash
        var hasTurned = false
    }

    private var branch: Branch?
    private var shown: [Int: Shown] = [:]

    /// Takes note of the newest block that `node` showed.
    mutating func saw(_ hash: Hash, by node: Int) {
        guard let before = shown[node], before.hash != hash else {
            if shown[node] == nil { shown[node] = Shown(hash: hash) }
            return
        }
        shown[node] = Shown(hash: hash, hasTurned: true)
    }

    /// Whether to leave for the branch of `sight`; `tip` is where we stand.
    mutating func judge(_ sight: Sight, tip: BlockNumber, opinion: Opinion) -> Bool {
        let seen = note(sight)
        switch opinion {
        case .confirms: return true
        case .alone: return sight.head > tip || seen.looks >= Self.patience
        case .silent:
            // A node stuck on an orphan repeats one head for ever; a branch that grows is alive, and so is a node that
            // turned to it from the followed one.
            let hasTurned = shown[sight.node]?.hasTurned ?? false
            return sight.head > tip || seen.growths >= Self.patience
                || hasTurned && sight.head >= tip && seen.looks >= Self.turnedPatience
        case .denies(nil): return sight.head > tip && seen.growths >= Self.patience
        case .denies(let height?):
            // Of two branches the one is stuck that stands still while the other one passes it.
            let isStuck = seen.growths > 1 && seen.deniedUpTo.map { height <= $0 } ?? false
            branch?.deniedUpTo = min(seen.deniedUpTo ?? height, height)
            return sight.head > tip && sight.head > height && (isStuck || seen.growths >= Self.patience)
        }
    }

    /// Whether it is certain that the chain went over to the branch of `sight`, which begins below what was taken as final.
    ///
    /// The chain halts then until an operator acts, so nobody's silence is enough while there are others to ask.
    mutating func judgeFinal(_ sight: Sight, tip: BlockNumber, opinion: Opinion) -> Bool {
        let seen = note(sight)
        return switch opinion {
        case .confirms: true
        case .alone: sight.head > tip || seen.looks >= Self.patience
        case .silent, .denies: sight.head > tip && seen.growths >= Self.patience
        }
    }

    private mutating func note(_ sight: Sight) -> Branch {
        var seen = branch.flatMap { $0.first == sight.branch ? $0 : nil } ?? Branch(first: sight.branch)
        seen.looks += 1
        if seen.highest.map({ sight.head > $0 }) ?? true {
            seen.growths += 1
            seen.highest = sight.head
        }
        branch = seen
        return seen
    }

    /// Forgets the other branch: the one that is followed grew.
    mutating func followedBranchGrew() {
        branch = nil
        for node in shown.keys { shown[node]?.hasTurned = false }
    }

    /// A node still shows the followed tip, so earlier looks at the other branch prove little.
    mutating func followedTipSeen() { branch?.looks = 0 }
}
