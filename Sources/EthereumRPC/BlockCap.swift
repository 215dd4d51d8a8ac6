/// How many blocks an endpoint searches at once wherever they are, learned from its answers; times from the pool's start.
///
/// What the endpoint states is taken at its word and kept. What it does not state is found with two refusals: after the
/// first one, one block is asked for, which is certain, and then more by steps that cost an answer each; the second one
/// ends that, and what was answered last is kept. Most caps are among the steps.
struct BlockCap: Sendable, Equatable {
    /// The sizes that are tried, each at most twice the one before.
    static let ladder = [
        1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 75, 100, 150, 200, 300, 500, 800, 1000, 1500, 2000, 3000, 5000, 7500, 10_000,
        15_000, 20_000, 30_000, 50_000, 75_000, 100_000, 150_000, 200_000, 300_000, 500_000, 750_000, 1_000_000,
    ]
    /// The cap of most providers, and so what a new endpoint is asked for.
    static let first = 10_000
    /// After so many refusals the largest size that was answered is kept.
    private static let refusalsMax = 2
    /// What may have been a passing weakness is forgotten after an hour, then after twice as long, up to a week.
    private static let firstPause = Duration.seconds(3600)
    private static let longestPause = Duration.seconds(7 * 24 * 3600)
    /// An endpoint that takes longer for many blocks is not asked for more.
    private static let slow = Duration.seconds(2)
    private static let many = 1000

    /// The most that is ever asked for, 1 or more.
    let ceiling: Int
    /// The largest size that was answered since the last refusal of less; 0 before the first.
    private(set) var answered = 0
    /// The smallest size that was refused without a statement, above what was answered.
    private(set) var refused: Int?
    /// The cap that the endpoint stated.
    private(set) var stated: Int?
    /// Whether what it states is refused too.
    private var isMistaken = false
    private var isSlow = false
    private var refusals = 0
    private var pause = Self.firstPause
    /// When more than what was refused may be tried again; nil where the endpoint left no doubt.
    private var retryAt: Duration?

    init(ceiling: Int) { self.ceiling = max(1, ceiling) }

    /// How many blocks to ask for, 1 or more.
    func length(at now: Duration) -> Int {
        if let stated { return min(stated, ceiling) }
        let next = isSlow ? answered : Self.ladder.first { $0 > answered } ?? ceiling
        if let refused, retryAt.map({ now < $0 }) ?? true {
            return min(ceiling, max(1, next < refused && refusals < Self.refusalsMax ? next : answered))
        }
        return min(ceiling, isSlow ? max(1, answered) : refused == nil ? max(next, Self.first) : next)
    }

    /// What the endpoint may come to answer at once; more than `length` only while that is being found out.
    func prospect(at now: Duration) -> Int {
        guard stated == nil, let refused, refusals < Self.refusalsMax else { return length(at: now) }
        return min(ceiling, max(length(at: now), Self.ladder.last { $0 < refused } ?? 1))
    }

    /// Notes that `size` blocks were answered after `time`.
    mutating func answered(_ size: Int, after time: Duration) {
        guard size >= answered else { return }
        answered = size
        isSlow = size >= Self.many && time > Self.slow
        guard let refused, size >= refused else { return }
        self.refused = nil
        refusals = 0
    }

    /// Notes that `size` blocks, 2 or more, were refused, and with which statement.
    ///
    /// - Parameter isCertain: Whether the endpoint said that these are too many blocks; otherwise it may recover.
    mutating func refused(_ size: Int, stated most: Int?, isCertain: Bool, at now: Duration) {
        // Calls that were under way together are refused together, which teaches only once.
        guard size <= length(at: now) else { return }
        if let most, stated == nil, !isMistaken {
            stated = most
            return
        }
        isMistaken = isMistaken || stated != nil
        stated = nil
        if size <= answered {
            // The endpoint allows less than it did.
            answered = 0
            refusals = 0
        }
        refused = size
        isSlow = false
        if refusals >= Self.refusalsMax { pause = min(pause * 2, Self.longestPause) }
        refusals += 1
        retryAt = isCertain ? nil : now + pause
    }
}
