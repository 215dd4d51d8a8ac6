/// How many blocks one endpoint answers in one search, learned from what it answered and what it refused.
///
/// A cap on blocks belongs to the endpoint and stays. Too many logs, or too long a time, belongs to a stretch of the chain:
/// there searches shrink, and grow back behind it. Times count from the pool's start.
struct RangeLimits: Sendable, Equatable {
    /// The sizes that are tried; most providers' caps are among them.
    static let ladder = [
        1, 10, 50, 100, 500, 1000, 2000, 3000, 5000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000,
    ]
    /// The cap of most providers, and so the size that a new endpoint is asked for.
    static let first = 10_000
    /// After so many refusals the largest size that was answered is kept.
    private static let refusalsMax = 2
    /// A cap that the endpoint did not state is tried again after six hours, then after twice as long, up to a week.
    private static let firstPause = Duration.seconds(6 * 3600)
    private static let longestPause = Duration.seconds(7 * 24 * 3600)
    /// An endpoint that takes longer is not asked for more at once.
    private static let slow = Duration.seconds(2)

    /// The most that is ever asked for, 1 or more.
    let ceiling: Int

    /// The largest size that was answered; 0 before the first.
    private(set) var answered = 0
    /// The smallest size that the cap on blocks refused.
    private(set) var refused: Int?
    /// The cap that the endpoint stated.
    private(set) var stated: Int?
    private var refusals = 0
    private var pause = Self.firstPause
    /// When more than what was answered may be tried again.
    private var retryAt: Duration?
    /// The size of the call under way that tries more than was ever answered; others ask for what is known to work.
    private var trial: Int?

    /// The limit in the present stretch of the chain; nil where only the cap counts.
    private(set) var dense: Int?
    /// The most logs that one answer may hold, as the endpoint stated.
    private(set) var resultsMax: Int?
    /// The most logs that one answer held.
    private(set) var resultsSeen = 0
    /// The largest size that was answered in the present stretch.
    private var denseAnswered = 0
    /// How many answers in a row left room, and how many it takes to try more where nothing says that it fits.
    private var answersInRow = 0
    private var patience = 4

    init(ceiling: Int = 1_000_000) { self.ceiling = max(1, ceiling) }

    // MARK: Asking

    /// How many blocks the endpoint is asked for at once, 1 or more.
    func length(at now: Duration) -> Int { min(cap(at: now), dense ?? .max) }

    /// How many of `wanted` blocks to ask for now; only one call at a time tries more than was ever answered.
    mutating func take(_ wanted: Int, at now: Duration) -> Int {
        let size = min(wanted, length(at: now))
        guard size > answered else { return size }
        guard trial == nil else { return min(size, max(answered, Self.unproved)) }
        trial = size
        return size
    }

    /// What calls ask for while the first one is under way.
    private static let unproved = 100

    /// Notes that a call for `size` blocks ended without an answer that teaches anything.
    mutating func gaveUp(_ size: Int) { if trial == size { trial = nil } }

    private func cap(at now: Duration) -> Int {
        if let stated { return min(stated, ceiling) }
        guard answered > 0 else { return min(ceiling, refused.map(Self.below) ?? Self.first) }
        let next = Self.ladder.first { $0 > answered } ?? ceiling
        guard let refused else { return isSlow ? answered : min(next, ceiling) }
        if refusals >= Self.refusalsMax || next >= refused {
            guard let retryAt, now >= retryAt else { return answered }
            return min(next, ceiling)
        }
        return min(next, ceiling)
    }

    /// What is tried after `size` was refused without saying why: a tenth, on the ladder.
    private static func below(_ size: Int) -> Int { ladder.last { $0 <= size / 10 } ?? 1 }

    private var isSlow = false

    // MARK: Learning

    /// Notes that `size` blocks were answered with `results` logs after `time`.
    mutating func answered(_ size: Int, results: Int, after time: Duration) {
        gaveUp(size)
        if size >= answered { isSlow = time > Self.slow }
        if size > answered {
            answered = size
            if let refused, size >= refused { self.refused = nil }
        }
        resultsSeen = max(resultsSeen, results)
        guard let dense, size >= dense else { return }
        denseAnswered = size
        answersInRow += 1
        let next = size.multipliedReportingOverflow(by: 2).partialValue
        // Logs come evenly enough that twice the blocks hold about twice the logs.
        let fits = results * 2 <= max(resultsSeen, (resultsMax ?? 0) / 2)
        guard fits && time <= Self.slow || answersInRow >= patience else { return }
        answersInRow = 0
        self.dense = next >= answered ? nil : next
    }

    /// Notes that `size` blocks were refused with `hint`.
    ///
    /// - Returns: Whether less can be asked for; false where one block already was too much.
    mutating func refused(_ size: Int, _ hint: RangeHint, at now: Duration) -> Bool {
        gaveUp(size)
        if let most = hint.maximumResults, most > 0 { resultsMax = min(most, resultsMax ?? .max) }
        guard size > 1 else { return false }
        if hint.cause == .blocks { refuseBlocks(size, hint, at: now) } else { refuseResults(size, hint) }
        return true
    }

    private mutating func refuseBlocks(_ size: Int, _ hint: RangeHint, at now: Duration) {
        // Calls that were under way together are refused together, which teaches only once.
        guard size <= length(at: now) || size > answered && refused == nil else { return }
        if let most = hint.blocks(inside: size) {
            stated = most
            answered = min(answered, most)
            return
        }
        stated = nil
        if size <= answered {
            // The endpoint allows less than it did.
            answered = 0
            refusals = 0
        }
        refusals += 1
        refused = min(size, refused ?? size)
        if retryAt != nil { pause = min(pause * 2, Self.longestPause) }
        retryAt = now + pause
    }

    private mutating func refuseResults(_ size: Int, _ hint: RangeHint) {
        guard size <= dense ?? .max else { return }
        answersInRow = 0
        if let most = hint.blocks(inside: size) {
            dense = most
        } else if denseAnswered < size, denseAnswered >= size / 4, denseAnswered > 0 {
            dense = denseAnswered
            patience = min(patience * 2, 1 << 20)
        } else {
            dense = max(1, size / 10)
        }
        denseAnswered = 0
    }
}

extension RangeHint {
    /// How many blocks to ask for instead of `size`, if the hint is strictly less and more than none.
    func blocks(inside size: Int) -> Int? {
        [maximumBlocks, range?.count].compactMap(\.self).filter { (1..<size).contains($0) }.max()
    }
}
