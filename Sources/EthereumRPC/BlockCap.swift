/// How many blocks an endpoint searches at once wherever they are, learned from its answers; times from the pool's start.
///
/// What the endpoint states is taken at its word and kept. What it does not state is found with two refusals: a refused
/// size is followed by a tenth of it, that grows along the ladder to the next refusal, and then stays for hours.
struct BlockCap: Sendable, Equatable {
    /// The sizes that are tried; most providers' caps are among them.
    static let ladder = [
        1, 10, 50, 100, 500, 1000, 2000, 3000, 5000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000,
    ]
    /// The cap of most providers, and so what a new endpoint is asked for.
    static let first = 10_000
    /// After so many refusals the largest size that was answered is kept.
    private static let refusalsMax = 2
    /// What was refused without a statement is tried again after six hours, then after twice as long, up to a week.
    private static let firstPause = Duration.seconds(6 * 3600)
    private static let longestPause = Duration.seconds(7 * 24 * 3600)
    /// An endpoint that takes longer is not asked for more.
    private static let slow = Duration.seconds(2)

    /// The most that is ever asked for, 1 or more.
    let ceiling: Int
    /// The largest size that was answered; 0 before the first.
    private(set) var answered = 0
    /// The smallest size that was refused without a statement, above what was answered.
    private(set) var refused: Int?
    /// The cap that the endpoint stated.
    private(set) var stated: Int?
    private var isSlow = false
    private var refusals = 0
    private var pause = Self.firstPause
    private var retryAt = Duration.zero

    init(ceiling: Int) { self.ceiling = max(1, ceiling) }

    /// How many blocks to ask for, 1 or more.
    func length(at now: Duration) -> Int {
        if let stated { return min(stated, ceiling) }
        if answered == 0 { return min(ceiling, refused.map(Self.tenth) ?? Self.first) }
        guard let next = Self.ladder.first(where: { $0 > answered }), next <= ceiling else {
            return min(answered, ceiling)
        }
        guard let refused else { return isSlow ? answered : next }
        let isOpen = next < refused && refusals < Self.refusalsMax
        return isOpen || now >= retryAt ? next : answered
    }

    private static func tenth(of size: Int) -> Int { ladder.last { $0 <= size / 10 } ?? 1 }

    /// Notes that `size` blocks were answered after `time`.
    mutating func answered(_ size: Int, after time: Duration) {
        guard size >= answered else { return }
        answered = size
        isSlow = time > Self.slow
        if let refused, size >= refused { self.refused = nil }
    }

    /// Notes that `size` blocks, 2 or more, were refused, and with which statement.
    mutating func refused(_ size: Int, stated most: Int?, at now: Duration) {
        // Calls that were under way together are refused together, which teaches only once.
        guard size <= length(at: now) else { return }
        if let most {
            stated = min(most, stated ?? most)
            return
        }
        stated = nil
        if size <= answered {
            // The endpoint allows less than it did.
            answered = 0
            refusals = 0
        }
        if refusals >= Self.refusalsMax { pause = min(pause * 2, Self.longestPause) }
        refusals += 1
        refused = size
        retryAt = now + pause
    }
}
