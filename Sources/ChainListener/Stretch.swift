import Domain
import Ethereum
import EthereumRPC

/// A stretch of history that holds against what was asked.
struct Stretch: Sendable {
    let first: Header
    private(set) var last: Header
    private(set) var logs: [Log]
    let node: Int
    /// What headers came along, by height.
    private(set) var headers: [BlockNumber: Header]
    /// Whether a second node answered the same logs.
    private(set) var isAgreed = false
    /// The heights of blocks of which two nodes answered some logs, but not the same.
    private(set) var disputed: Set<BlockNumber> = []
    /// The heights of blocks whose logs only the second node answered, and that node.
    private var lacking: Set<BlockNumber> = []
    private var otherNode: Int?

    /// The stretch in `answer`.
    ///
    /// - Throws: `ChainSourceError.inconsistent` where it is not about `range`.
    init(_ answer: BlockLogs, _ range: ClosedRange<BlockNumber>) throws(ChainSourceError) {
        guard answer.malformed.isEmpty else { throw .inconsistent("logs that cannot be read", by: answer.node) }
        guard let first = answer.headers.first, let last = answer.headers.last, first.number == range.lowerBound,
            last.number == range.upperBound, range.count > 1 || first.hash == last.hash,
            answer.headers.allSatisfy({ range.contains($0.number) })
        else { throw .inconsistent("other blocks than those asked for", by: answer.node) }
        guard answer.logs.allSatisfy({ range.contains($0.blockNumber) }) else {
            throw .inconsistent("logs of other blocks than those asked for", by: answer.node)
        }
        self.first = first
        self.last = last
        logs = answer.logs
        node = answer.node
        headers = Dictionary(answer.headers.map { ($0.number, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// The node whose logs of the block at `number` these are.
    func node(at number: BlockNumber) -> Int { lacking.contains(number) ? otherNode ?? node : node }

    /// Takes in what lies right above, by whichever node.
    ///
    /// - Throws: `ChainSourceError.inconsistent` where it is on another branch.
    mutating func append(_ upper: Stretch) throws(ChainSourceError) {
        guard upper.first.parentHash == last.hash else {
            throw .inconsistent("blocks that are not each other's parents", by: upper.node)
        }
        last = upper.last
        logs += upper.logs
        headers.merge(upper.headers) { lower, _ in lower }
    }

    /// Takes in what a second node answered for the same blocks.
    ///
    /// - Throws: `ChainSourceError.inconsistent` where both have logs that the other lacks, or are on different branches.
    mutating func compare(with other: Stretch) throws(ChainSourceError) {
        guard other.first.hash == first.hash, other.last.hash == last.hash else {
            throw .inconsistent("two nodes answer different blocks for the same history")
        }
        guard let fuller = logs.fuller(than: other.logs) else {
            throw .inconsistent("two nodes answer different logs for the same history")
        }
        isAgreed = logs.count == other.logs.count
        // A node that threw a block's logs away answers none of them; where it answers others, either may be wrong.
        let (own, others) = (Self.counts(logs), Self.counts(other.logs))
        let disputed = Set(own.filter { number, count in others[number].map { $0 != count } ?? false }.keys)
        if isAgreed { return }
        // Of these the one node's word stands against the other's, so it must be known whose it is.
        logs = fuller.filter { !disputed.contains($0.blockNumber) } + logs.filter { disputed.contains($0.blockNumber) }
        self.disputed = disputed
        lacking = Set(others.keys.filter { own[$0] == nil })
        otherNode = other.node
    }

    private static func counts(_ logs: [Log]) -> [BlockNumber: Int] {
        logs.reduce(into: [:]) { $0[$1.blockNumber, default: 0] += 1 }
    }
}

extension BlockLogs {
    /// The blocks that the answer covers.
    ///
    /// - Throws: `ChainSourceError.inconsistent` where they are not the beginning of `wanted`.
    func beginning(of wanted: ClosedRange<BlockNumber>) throws(ChainSourceError) -> ClosedRange<BlockNumber> {
        guard range.lowerBound == wanted.lowerBound, range.upperBound <= wanted.upperBound else {
            throw .inconsistent("other blocks than those asked for", by: node)
        }
        return range
    }
}
