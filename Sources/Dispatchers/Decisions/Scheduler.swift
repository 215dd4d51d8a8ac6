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

    /// What one destination may have.
    struct Limits {
        /// The most that run at once; as many may wait for a destination that is stalled.
        var running = 8
        /// The most that wait here.
        var waiting = 256
        /// A destination whose slots are all taken and that finished nothing for so many seconds is stalled.
        var stall = 0.5
    }

    /// The most that run at once.
    let capacity: Int
    let limits: Limits

    private var lines: [Int64: Line<Element>] = [:]
    /// Destinations that have something waiting and a free slot, the next one first.
    private var turns: [Int64] = []
    private var turn = 0
    private(set) var runningCount = 0
    private(set) var waitingCount = 0

    init(capacity: Int, limits: Limits) {
        self.capacity = max(1, capacity)
        self.limits = limits
    }

    /// How many more deliveries may be claimed: free slots and as much again to follow them at once.
    var room: Int { max(0, 2 * capacity - runningCount - waitingCount) }

    /// Whether nothing runs and nothing waits.
    var isIdle: Bool { runningCount == 0 && waitingCount == 0 }

    mutating func add(_ element: Element, destination: Int64, now: Double) -> Admission {
        // Lines are changed where they are: a copy of one would copy all that waits in it.
        switch lines[destination, default: Line(progress: now)].add(element, limits, now) {
        case .full: return .refused
        case .takesTurn: turns.append(destination)
        case .waits: break
        }
        waitingCount += 1
        return .accepted
    }

    /// The next delivery to run, which counts as running from now on; nil when none may.
    mutating func next(now: Double) -> Element? {
        while runningCount < capacity, let destination = takeTurn() {
            guard let element = lines[destination]?.begin(now) else { continue }
            runningCount += 1
            waitingCount -= 1
            if lines[destination]?.mayBegin(limits) == true { turns.append(destination) }
            return element
        }
        return nil
    }

    /// Ends one run of `destination`.
    mutating func finish(destination: Int64, now: Double) {
        guard let wasFull = lines[destination]?.finish(limits, now) else { return }
        runningCount -= 1
        // It was out of turns only while all its slots were taken.
        if wasFull, lines[destination]?.mayBegin(limits) == true { turns.append(destination) }
        if lines[destination]?.isEmpty == true { lines[destination] = nil }
    }

    /// Takes out what waits for stalled destinations beyond their few, so that others find room.
    mutating func shed(now: Double) -> [Element] {
        var shed: [Element] = []
        for destination in lines.keys {
            shed.append(contentsOf: lines[destination]?.shed(limits, now) ?? [])
        }
        waitingCount -= shed.count
        return shed
    }

    /// Takes out everything that waits.
    mutating func removeWaiting() -> [Element] {
        var removed: [Element] = []
        for destination in lines.keys.sorted() {
            removed.append(contentsOf: lines[destination]?.removeWaiting() ?? [])
            if lines[destination]?.isEmpty == true { lines[destination] = nil }
        }
        turns = []
        turn = 0
        waitingCount = 0
        return removed
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

/// One destination's deliveries, in a scheduler.
private struct Line<Element> {
    enum Addition {
        case full
        case waits
        /// The only one that waits, and a slot is free.
        case takesTurn
    }

    private var waiting: [Element] = []
    private var head = 0
    private var running = 0
    /// When it last began from a standstill, or finished something.
    private var progress: Double

    init(progress: Double) { self.progress = progress }

    var isEmpty: Bool { running == 0 && count == 0 }
    private var count: Int { waiting.count - head }

    func mayBegin(_ limits: Scheduler<Element>.Limits) -> Bool { count > 0 && running < limits.running }

    mutating func add(_ element: Element, _ limits: Scheduler<Element>.Limits, _ now: Double) -> Addition {
        guard count < maximum(limits, now) else { return .full }
        waiting.append(element)
        return count == 1 && running < limits.running ? .takesTurn : .waits
    }

    mutating func begin(_ now: Double) -> Element? {
        guard head < waiting.count else { return nil }
        let element = waiting[head]
        head += 1
        if head == waiting.count || head > 1024 {
            waiting.removeFirst(head)
            head = 0
        }
        if running == 0 { progress = now }
        running += 1
        return element
    }

    /// Whether all slots were taken until now; nil where nothing runs.
    mutating func finish(_ limits: Scheduler<Element>.Limits, _ now: Double) -> Bool? {
        guard running > 0 else { return nil }
        running -= 1
        progress = now
        return running + 1 == limits.running
    }

    mutating func shed(_ limits: Scheduler<Element>.Limits, _ now: Double) -> [Element] {
        let surplus = max(0, count - maximum(limits, now))
        guard surplus > 0 else { return [] }
        let removed = Array(waiting.suffix(surplus))
        waiting.removeLast(surplus)
        return removed
    }

    mutating func removeWaiting() -> [Element] {
        let removed = Array(waiting[head...])
        waiting = []
        head = 0
        return removed
    }

    private func maximum(_ limits: Scheduler<Element>.Limits, _ now: Double) -> Int {
        running >= limits.running && now - progress > limits.stall
            ? min(limits.running, limits.waiting) : limits.waiting
    }
}
