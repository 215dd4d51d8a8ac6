/// Chooses which claimed deliveries run: at most `capacity` at once, a few for each destination, in turn.
///
/// Element is generic so that tests decide over plain numbers. Time is passed in, in seconds of a clock that never
/// goes back.
struct Scheduler<Element> {
    /// What becomes of a claimed delivery that was handed in.
    enum Admission: Equatable {
        /// It waits here for a free slot.
        case accepted
        /// Its destination has too much waiting: it goes back.
        case refused
    }

    /// The most that run at once.
    let capacity: Int
    /// The most that run at once for one destination; as many may wait for one that is stalled.
    let perDestination: Int
    /// The most that wait here for one destination.
    let waitingPerDestination: Int
    /// A destination whose slots are all taken and that finished nothing for so many seconds is stalled.
    let stall: Double

    private var lines: [Int64: Line] = [:]
    /// Destinations that have something waiting and a free slot, the next one first.
    private var turns: [Int64] = []
    private var turn = 0
    private(set) var runningCount = 0
    private(set) var waitingCount = 0

    /// One destination's deliveries.
    private struct Line {
        var waiting: [Element] = []
        var head = 0
        var running = 0
        /// When it last began from a standstill, or finished something.
        var progress: Double

        var waitingCount: Int { waiting.count - head }

        mutating func popFirst() -> Element? {
            guard head < waiting.count else { return nil }
            let element = waiting[head]
            head += 1
            if head == waiting.count || head > 1024 {
                waiting.removeFirst(head)
                head = 0
            }
            return element
        }
    }

    init(capacity: Int, perDestination: Int, waitingPerDestination: Int = 256, stall: Double = 0.5) {
        self.capacity = max(1, capacity)
        self.perDestination = max(1, perDestination)
        self.waitingPerDestination = max(1, waitingPerDestination)
        self.stall = stall
    }

    /// How many more deliveries may be claimed: free slots and as much again to follow them at once.
    var room: Int { max(0, 2 * capacity - runningCount - waitingCount) }

    /// Whether nothing runs and nothing waits.
    var isIdle: Bool { runningCount == 0 && waitingCount == 0 }

    mutating func add(_ element: Element, destination: Int64, now: Double) -> Admission {
        var line = lines[destination] ?? Line(progress: now)
        guard line.waitingCount < limit(of: line, now) else { return .refused }
        if line.waitingCount == 0, line.running < perDestination { turns.append(destination) }
        line.waiting.append(element)
        waitingCount += 1
        lines[destination] = line
        return .accepted
    }

    /// The next delivery to run, which counts as running from now on; nil when none may.
    mutating func next(now: Double) -> Element? {
        guard runningCount < capacity, let destination = takeTurn() else { return nil }
        guard var line = lines[destination], let element = line.popFirst() else { return next(now: now) }
        if line.running == 0 { line.progress = now }
        line.running += 1
        runningCount += 1
        waitingCount -= 1
        if line.waitingCount > 0, line.running < perDestination { turns.append(destination) }
        lines[destination] = line
        return element
    }

    /// Ends one run of `destination`.
    mutating func finish(destination: Int64, now: Double) {
        guard var line = lines[destination], line.running > 0 else { return }
        // It was out of turns only while all its slots were taken.
        if line.running == perDestination, line.waitingCount > 0 { turns.append(destination) }
        line.running -= 1
        line.progress = now
        runningCount -= 1
        lines[destination] = line.running == 0 && line.waitingCount == 0 ? nil : line
    }

    /// Takes out what waits for stalled destinations beyond their few, so that others find room.
    mutating func shed(now: Double) -> [Element] {
        var shed: [Element] = []
        for (destination, line) in lines where line.waitingCount > limit(of: line, now) {
            var line = line
            let surplus = line.waitingCount - limit(of: line, now)
            shed.append(contentsOf: line.waiting.suffix(surplus))
            line.waiting.removeLast(surplus)
            waitingCount -= surplus
            lines[destination] = line
        }
        return shed
    }

    /// Takes out everything that waits.
    mutating func removeWaiting() -> [Element] {
        var removed: [Element] = []
        for (destination, line) in lines.sorted(by: { $0.key < $1.key }) {
            removed.append(contentsOf: line.waiting[line.head...])
            lines[destination] = line.running == 0 ? nil : Line(running: line.running, progress: line.progress)
        }
        turns = []
        turn = 0
        waitingCount = 0
        return removed
    }

    private func limit(of line: Line, _ now: Double) -> Int {
        line.running >= perDestination && now - line.progress > stall
            ? min(perDestination, waitingPerDestination) : waitingPerDestination
    }

    private mutating func takeTurn() -> Int64? {
        guard turn < turns.count else { return nil }
        let destination = turns[turn]
        turn += 1
        if turn == turns.count || turn > 1024 {
            turns.removeFirst(turn)
            turn = 0
        }
        return destination
    }
}
