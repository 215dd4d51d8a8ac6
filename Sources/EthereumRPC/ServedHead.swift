import Domain

/// The newest block that a pool has answered, which does not go back because of a backend that is behind.
///
/// Times count from the pool's start.
struct ServedHead: Sendable {
    enum Verdict: Equatable, Sendable {
        /// As new as what was answered before, or newer.
        case serve
        /// Older: another endpoint or the answer before knows better.
        case behind
        /// So much newer that no chain gets there in that time.
        case implausible
    }

    private var marks: BlockMarks?
    /// The endpoint that answered last, where it showed nothing new; it may be stuck.
    private(set) var quietNode: Int?
    /// When an endpoint last showed this block or a newer one.
    private var seenAt = Duration.zero

    /// How long nobody may show the block before the chain is believed to have gone back, or on by leaps.
    private static let patience = Duration.seconds(30)
    /// No chain makes as many blocks a second.
    private static let fastest = 200
    private static let leap = 1024

    /// What to make of an endpoint's newest block.
    func judge(_ number: BlockNumber, at now: Duration) -> Verdict {
        guard let served = marks?.latest.number, now - seenAt < Self.patience else { return .serve }
        if number < served { return .behind }
        let seconds = Int((now - seenAt) / .seconds(1))
        return served.distance(to: number) > Self.leap + Self.fastest * seconds ? .implausible : .serve
    }

    /// Takes back what `node` answered, which was found to be wrong.
    mutating func forget(from node: Int) { if marks?.node == node { marks = nil } }

    /// What was answered last, unless nobody has shown that block for long.
    func remembered(at now: Duration) -> BlockMarks? { now - seenAt < Self.patience ? marks : nil }

    /// Takes note of what is answered; marks that were asked for without tags keep the known ones.
    mutating func served(_ marks: BlockMarks, at now: Duration) {
        let before = self.marks
        quietNode = before?.latest.number == marks.latest.number ? marks.node : nil
        self.marks = marks
        self.marks?.safe = marks.safe ?? before?.safe
        self.marks?.finalized = marks.finalized ?? before?.finalized
        seenAt = now
    }
}
