import Domain
import Ethereum
import EthereumRPC

/// Follows one chain's tip and says what each new header means.
///
/// `window` holds the last `depth` accepted headers, oldest first, each the parent of the next. The listener observes on
/// a copy and keeps it only once what it stands for is committed.
struct HeadTracker: Sendable, Equatable {
    enum Action: Equatable {
        /// Known already, or from a lagging node and too old to judge.
        case ignore
        /// The next block of the chain; it is in the window now.
        case accept
        /// These are missing: fetch them in order and observe each.
        case fetch(ClosedRange<BlockNumber>)
        /// The new branch starts lower: fetch this block and observe it first.
        case fetchParent(Hash)
        /// Undo everything above this block, then observe the branch again.
        case rewind(to: Header)
        /// The fork is older than the window: an operator decides.
        case halt
    }

    /// How many headers are kept, at least 1.
    let depth: Int
    private(set) var window: [Header]

    /// Continues behind `window`, of which the newest run of linked headers is kept.
    init(depth: Int, window: [Header] = []) {
        self.depth = max(1, depth)
        var run: [Header] = []
        for header in window.reversed() {
            if let above = run.last, above.parentHash != header.hash || above.number != header.number.advanced(by: 1) {
                break
            }
            run.append(header)
            if run.count == self.depth { break }
        }
        self.window = run.reversed()
    }

    /// The newest accepted block.
    var tip: Header? { window.last }

    mutating func observe(_ head: Header) -> Action {
        guard let oldest = window.first, let tip = window.last else { return accept(head) }
        if head.number < oldest.number || header(at: head.number)?.hash == head.hash { return .ignore }
        if head.number > tip.number.advanced(by: 1) {
            return .fetch(tip.number.advanced(by: 1)...head.number.advanced(by: -1))
        }
        if head.parentHash == tip.hash, head.number == tip.number.advanced(by: 1) { return accept(head) }
        if head.number > oldest.number, let fork = header(at: head.number.advanced(by: -1)),
            fork.hash == head.parentHash
        {
            window.removeAll { $0.number > fork.number }
            return .rewind(to: fork)
        }
        return head.number > oldest.number ? .fetchParent(head.parentHash) : .halt
    }

    /// The accepted header at `number`; nil outside the window.
    func header(at number: BlockNumber) -> Header? {
        guard let oldest = window.first, number >= oldest.number else { return nil }
        let index = oldest.number.distance(to: number)
        return index < window.count ? window[index] : nil
    }

    /// Forgets what lies under `number`, so that no branch that starts there is ever followed; the tip stays.
    mutating func forget(below number: BlockNumber) {
        let count = window.prefix { $0.number < number }.count
        window.removeFirst(min(count, max(0, window.count - 1)))
    }

    private mutating func accept(_ head: Header) -> Action {
        window.append(head)
        if window.count > depth { window.removeFirst(window.count - depth) }
        return .accept
    }
}
