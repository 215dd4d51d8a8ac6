import Domain

/// Learns when a chain's blocks come and says how long to wait before the next look.
///
/// A look that finds a block at once may have come long after it, so the next one comes a little earlier; one that finds
/// none is followed by others, closely at first, then less and less. So the looks settle just behind the blocks, with a
/// little over one look for each. A block that a socket announced is looked for at once; what it announces is a hint,
/// and hints that prove empty are soon not followed any more.
struct HeadPacer: Sendable {
    /// Between two looks at least; nodes that anybody may ask bear no more of one chain for long.
    static let floor: Duration = .milliseconds(500)
    /// The same for looks that a hint brought about.
    static let hintedFloor: Duration = .milliseconds(100)
    /// Between two looks at most.
    static let ceiling: Duration = .seconds(15)
    /// How far apart blocks are taken to be until that is known.
    static let periodGuess: Duration = .seconds(4)
    /// So many looks in a row that hints brought about and that found nothing end the trust in hints until a block comes.
    static let emptyHintsMax = 8

    /// A head further below another one than this many blocks makes that other one untrue.
    static let lagMax = 128

    /// Where this is set the operator chose how often to look, and only hints change that.
    private let fixed: Duration?
    /// The time from block to block by rule; nil where there is none.
    private let blockTime: Duration?
    /// The time from block to block as it was last measured, or the rule's where the two are near each other: slots that
    /// stay empty lengthen the mean, and the next block comes after the rule's time all the same.
    private(set) var period: Duration
    /// When the newest block came, as far as is known.
    private(set) var grownAt: Duration?
    private var newest: BlockNumber?
    /// When the next block is looked for.
    private var due: Duration?
    private var lastLook: Duration?
    /// Whether the last look found nothing although it came in time.
    private var isOverdue = false
    private var isHinted = false
    private var emptyHints = 0
    /// How many looks in a row found a block at once; the more, the further the next one moves forward.
    private var hits = 0
    /// Two moments to measure the period from; the older one is left behind once the newer one is old enough.
    private var marks: (old: Mark, new: Mark)?

    private struct Mark {
        let number: BlockNumber
        let time: Duration
    }

    /// A pacer that knows no block yet.
    ///
    /// - Parameter fixed: The wait between two looks; nil to find it out.
    /// - Parameter blockTime: How far apart blocks are by rule, if there is one.
    init(fixed: Duration?, blockTime: Duration?) {
        self.fixed = fixed
        self.blockTime = blockTime
        period = blockTime ?? fixed ?? Self.periodGuess
    }

    /// Takes note of a look at `now` that showed `head`; nil where it failed.
    mutating func looked(_ head: BlockNumber?, at now: Duration) {
        defer { lastLook = now }
        guard let head else { return }
        guard let before = newest, let due, let grownAt else { return start(head, at: now) }
        guard head > before else {
            // A node that lags is passed over; a head that was never there must not be waited for.
            if head.distance(to: before) > Self.lagMax { return start(head, at: now) }
            isOverdue = now >= due
            if isHinted { emptyHints += 1 }
            if emptyHints >= Self.emptyHintsMax { isHinted = false }
            return
        }
        let count = min(before.distance(to: head), Self.lagMax)
        newest = head
        measure(head, at: now, after: now - grownAt)
        // It came after the last look, and no later than this one.
        let earliest = lastLook ?? grownAt
        let expected = due + period * Double(count - 1)
        hits = isOverdue || isHinted ? 0 : hits + 1
        let arrival =
            isHinted
            ? due
            : isOverdue
                ? earliest + (now - earliest) / 2 : min(expected, now) - period / 64 * Double(min(8, max(1, hits - 2)))
        self.grownAt = min(max(arrival, earliest), now)
        self.due = min(max(arrival, earliest), now) + period
        isOverdue = false
        isHinted = false
        emptyHints = 0
    }

    /// Takes note of a hint at `now` that there is a block `number`.
    mutating func hint(_ number: BlockNumber, at now: Duration) {
        guard let newest, number > newest, emptyHints < Self.emptyHintsMax, !isHinted else { return }
        isHinted = true
        isOverdue = false
        due = now
    }

    /// How long to wait from `now` on; zero or less means to look.
    func wait(at now: Duration) -> Duration {
        guard let lastLook else { return .zero }
        if isHinted, let due {
            // The node that is asked may be behind the one that gave the hint.
            let pause = max(Self.hintedFloor, lastLook - due)
            if pause < (fixed ?? Self.floor) { return lastLook + pause - now }
        }
        if let fixed { return lastLook + fixed - now }
        guard let due else { return lastLook + Self.floor - now }
        let longest = max(Self.floor, min(Self.ceiling, max(period, .seconds(5))))
        let next = due > lastLook ? due : lastLook + max(period / 16, lastLook - due)
        return min(max(next, lastLook + Self.floor), lastLook + longest) - now
    }

    /// How long to wait for a block that a node announced and does not have yet.
    var retry: Duration { max(.milliseconds(20), (fixed ?? min(period, Self.periodGuess)) / 4) }

    /// How long no block came, as far as is known.
    func rest(at now: Duration) -> Duration { grownAt.map { now - $0 } ?? .zero }

    private mutating func start(_ head: BlockNumber, at now: Duration) {
        newest = head
        grownAt = now
        due = now + period
        marks = (Mark(number: head, time: now), Mark(number: head, time: now))
    }

    /// Learns the period from how many blocks came over a longer while; a chain that stood still starts over.
    private mutating func measure(_ head: BlockNumber, at now: Duration, after gap: Duration) {
        let mark = Mark(number: head, time: now)
        guard let (old, new) = marks, gap < max(period * 8, .seconds(60)) else {
            marks = (mark, mark)
            return
        }
        let count = old.number.distance(to: head)
        // Few blocks are measured to no better than the distance of two looks.
        if count >= 8 {
            let mean = min(max((now - old.time) / count, .milliseconds(10)), .seconds(3600))
            period = blockTime.flatMap { (0.8...1.25).contains(mean / $0) ? $0 : nil } ?? mean
        }
        if new.number.distance(to: head) >= 64 { marks = (new, mark) }
    }
}
