import Domain

/// From which block on an endpoint still has what is asked, learned from its refusals; times from the pool's start.
///
/// Nodes throw old history away, and where they begin moves on with the head. A refusal at one block makes the blocks up
/// to the middle between it and the head doubtful, so that a walk through history meets few refusals.
struct History: Sendable, Equatable {
    /// What to expect of a block.
    enum Standing: Int, Comparable, Sendable {
        case there, doubtful, gone
        static func < (left: Standing, right: Standing) -> Bool { left.rawValue < right.rawValue }
    }

    /// The highest block that was refused.
    private var gone: BlockNumber?
    /// The lowest block that is not doubtful.
    private var likely: BlockNumber?
    private var learnedAt = Duration.zero
    /// A node may have been replaced by one with more history.
    private static let memory = Duration.seconds(6 * 3600)

    /// What to expect of `block`; of nil nothing is known.
    func standing(of block: BlockNumber?, at now: Duration) -> Standing {
        guard let block, let gone, now - learnedAt < Self.memory else { return .there }
        if block <= gone { return .gone }
        return likely.map { block < $0 } ?? false ? .doubtful : .there
    }

    /// Notes that `block` was thrown away, by an endpoint whose head is `head`.
    mutating func refused(_ block: BlockNumber, head: BlockNumber?, at now: Duration) {
        gone = max(block, gone ?? block)
        learnedAt = now
        guard let head, head > block else { return }
        likely = max(likely ?? 0, block.advanced(by: block.distance(to: head) / 2 + 1))
    }

    /// Notes that `block` was answered.
    mutating func answered(_ block: BlockNumber) {
        if let likely, block < likely { self.likely = block }
        guard let gone, block <= gone else { return }
        // Another backend, or one that was given its history back.
        self.gone = block.rawValue > 0 ? block.advanced(by: -1) : nil
    }
}
