/// Chooses which claimed deliveries run: at most `capacity` at once, a few for each destination, in turn.
///
/// Element is generic so that tests decide over plain numbers.
struct Scheduler<Element> {
    /// What becomes of a claimed delivery that was handed in.
    enum Admission: Equatable {
        /// It waits here for a free slot.
        case accepted
        /// Its destination has too much waiting: it goes back and is due again after this long.
        case refused(until: Duration)
    }

    /// The most that run at once.
    let capacity: Int
    /// The most that run at once for one destination.
    let perDestination: Int
    /// The most that wait here for one destination, so that a slow one cannot fill the room.
    let waitingPerDestination: Int
    /// How long a refused delivery stays away.
    let refusal: Duration

    private var waiting: [Int64: Queue] = [:]
    /// Destinations that have something waiting and a free slot, the next one first.
    private var turns: [Int64] = []
    private var turn = 0
    private var running: [Int64: Int] = [:]
    private(set) var runningCount = 0
    private(set) var waitingCount = 0

    private struct Queue {
        var elements: [Element] = []
        var head = 0
        var count: Int { elements.count - head }

        mutating func popFirst() -> Element? {
            guard head < elements.count else { return nil }
            let element = elements[head]
            head += 1
            if head == elements.count {
                elements.removeAll(keepingCapacity: true)
                head = 0
            }
            return element
        }
    }

    init(capacity: Int, perDestination: Int, waitingPerDestination: Int = 64, refusal: Duration = .seconds(1)) {
        self.capacity = max(1, capacity)
        self.perDestination = max(1, perDestination)
        self.waitingPerDestination = max(1, waitingPerDestination)
        self.refusal = refusal
    }

    /// How many more deliveries may be claimed: free slots and as much again to follow them at once.
    var room: Int { max(0, 2 * capacity - runningCount - waitingCount) }

    /// Whether nothing runs and nothing waits.
    var isIdle: Bool { runningCount == 0 && waitingCount == 0 }

    mutating func add(_ element: Element, destination: Int64) -> Admission {
        let count = waiting[destination]?.count ?? 0
        guard count < waitingPerDestination else { return .refused(until: refusal) }
        waiting[destination, default: Queue()].elements.append(element)
        waitingCount += 1
        if count == 0, (running[destination] ?? 0) < perDestination { turns.append(destination) }
        return .accepted
    }

    /// The next delivery to run, which counts as running from now on; nil when none may.
    mutating func next() -> Element? {
        guard runningCount < capacity, turn < turns.count else { return nil }
        let destination = turns[turn]
        turn += 1
        if turn == turns.count || (turn > 1024 && turn > turns.count / 2) {
            turns.removeFirst(turn)
            turn = 0
        }
        guard let element = waiting[destination]?.popFirst() else { return next() }
        waitingCount -= 1
        runningCount += 1
        let runs = (running[destination] ?? 0) + 1
        running[destination] = runs
        if waiting[destination]?.count == 0 {
            waiting[destination] = nil
        } else if runs < perDestination {
            turns.append(destination)
        }
        return element
    }

    /// Ends one run of `destination`.
    mutating func finish(destination: Int64) {
        guard let runs = running[destination], runs > 0 else { return }
        runningCount -= 1
        running[destination] = runs == 1 ? nil : runs - 1
        // It was out of turns only while all its slots were taken.
        if runs == perDestination, waiting[destination] != nil { turns.append(destination) }
    }

    /// Takes back everything that waits.
    mutating func removeWaiting() -> [Element] {
        let elements = waiting.keys.sorted().flatMap { key in
            (waiting[key].map { $0.elements[$0.head...] }) ?? []
        }
        waiting = [:]
        turns = []
        turn = 0
        waitingCount = 0
        return elements
    }
}
