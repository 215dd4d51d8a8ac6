import Domain

/// Decides which stretches of history are fetched next, and gives their answers out in the order of the chain.
///
/// Several are under way at once. What was answered and not yet stored is bounded by its count of logs: the length of a
/// stretch follows from how dense the ones before it were, and nothing is asked for that may not fit.
struct HistoryPlan<Piece> {
    /// How much is under way at most.
    struct Limits: Sendable {
        /// Stretches that are asked for at once; 1 or more.
        var inFlight: Int
        /// Logs that one stretch should hold, as far as that can be known.
        var logsPerStretch = 5_000
        /// Logs that wait for being stored, those of stretches under way included as far as they can be known.
        var logsHeld = 60_000
        /// Logs that are stored with one commit, if they came in more than one stretch.
        var logsPerCommit = 20_000
        /// Stretches that wait for being stored, in every state.
        var stretches = 256
    }

    /// What became of one stretch.
    private enum State {
        case planned
        case underWay
        case answered(Piece, logs: Int)
        case failed(any Error)
    }
    private struct Slot {
        var range: ClosedRange<BlockNumber>
        var state: State
    }

    /// The first stretch is this long, and none is longer than four times the longest before it.
    static var firstLength: Int { 256 }

    let limits: Limits
    private(set) var end: BlockNumber
    /// The lowest block that no slot covers.
    private var next: BlockNumber
    private var slots: [Slot] = []
    private var underWay = 0
    private var hasFailed = false
    private var longest = firstLength / 4
    private var logsWaiting = 0
    /// Logs in the stretches that were given out and are being stored.
    private var logsStoring = 0
    /// Logs in a block, as the latest answers have it.
    private var density = 0.0

    /// A plan for the blocks `range`.
    init(_ range: ClosedRange<BlockNumber>, limits: Limits) {
        self.limits = limits
        next = range.lowerBound
        end = range.upperBound
    }

    /// Whether everything was given out.
    var isDone: Bool { slots.isEmpty && next > end }

    /// The next stretch to ask for, of at most `longestAllowed` blocks; nil while enough is under way.
    mutating func plan(longestAllowed: Int) -> ClosedRange<BlockNumber>? {
        guard underWay < limits.inFlight else { return nil }
        if let index = slots.firstIndex(where: { if case .planned = $0.state { true } else { false } }) {
            slots[index].state = .underWay
            underWay += 1
            return slots[index].range
        }
        guard next <= end, slots.count < limits.stretches else { return nil }
        // Behind a failed stretch nothing can be stored.
        guard !hasFailed else { return nil }
        let length = max(1, min(longestAllowed, longest * 4, fitting))
        let expected = density * Double(length)
        let held = Double(logsWaiting + logsStoring) + expected * Double(underWay)
        guard slots.isEmpty || held + expected <= Double(limits.logsHeld) else { return nil }
        let range = next...min(end, next.advanced(by: length - 1))
        slots.append(Slot(range: range, state: .underWay))
        underWay += 1
        next = range.upperBound.advanced(by: 1)
        return range
    }

    /// Goes on to `end`, if that is further.
    mutating func extend(to end: BlockNumber) { self.end = max(self.end, end) }

    /// How many blocks hold as many logs as a stretch should.
    private var fitting: Int {
        guard density > 0 else { return .max }
        let blocks = Double(limits.logsPerStretch) / density
        return blocks < 1e9 ? Int(blocks) : .max
    }

    /// Takes in the answer to `range`, of which `covered` is the beginning that was answered; the rest is asked for again.
    mutating func answered(
        _ range: ClosedRange<BlockNumber>, covered: ClosedRange<BlockNumber>, _ piece: Piece, logs: Int
    ) {
        guard let index = place(of: range) else { return }
        slots[index].range = range.lowerBound...min(range.upperBound, covered.upperBound)
        slots[index].state = .answered(piece, logs: logs)
        if covered.upperBound < range.upperBound {
            slots.insert(
                Slot(range: covered.upperBound.advanced(by: 1)...range.upperBound, state: .planned), at: index + 1)
        }
        longest = max(longest, covered.count)
        logsWaiting += logs
        let seen = Double(logs) / Double(max(1, covered.count))
        // A dense stretch is believed at once, a sparse one by and by.
        density = seen > density ? seen : (density * 3 + seen) / 4
        if density < 1e-9 { density = 0 }
    }

    /// Takes in that `range` was not answered; the error is thrown once everything before it was given out.
    mutating func failed(_ range: ClosedRange<BlockNumber>, _ error: any Error) {
        guard let index = place(of: range) else { return }
        slots[index].state = .failed(error)
        hasFailed = true
    }

    /// The answers that can be stored now, in order; none while the first one is under way.
    ///
    /// - Throws: the error of the first stretch, if it failed.
    mutating func take() throws -> [Piece] {
        logsStoring = 0
        if case .failed(let error)? = slots.first?.state { throw error }
        var pieces: [Piece] = []
        while case .answered(let piece, let logs)? = slots.first?.state,
            pieces.isEmpty || logsStoring + logs <= limits.logsPerCommit
        {
            pieces.append(piece)
            logsStoring += logs
            logsWaiting -= logs
            slots.removeFirst()
        }
        return pieces
    }

    private mutating func place(of range: ClosedRange<BlockNumber>) -> Int? {
        underWay -= 1
        return slots.firstIndex { $0.range.lowerBound == range.lowerBound }
    }
}
