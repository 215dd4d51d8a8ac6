/// How much one endpoint answers in one search, learned from what it answered and what it refused.
///
/// A cap on blocks or contracts belongs to the endpoint and stays. Too many logs, or too long a time, belongs to a stretch
/// of the chain. Times count from the pool's start.
struct RangeLimits: Sendable, Equatable {
    private(set) var cap: BlockCap
    private(set) var stretch = StretchLimit()
    /// The most contracts in one search; some clients allow 1000, some providers 500.
    private(set) var addressesMax = 500
    /// After a first refusal so many are asked for, which no known endpoint refuses, and after a second one a single one.
    private static let fewAddresses = 20
    /// The size of the call under way that asks for more than is known to work; others ask for what is.
    private var trial: Int?

    init(ceiling: Int = 1_000_000) { cap = BlockCap(ceiling: ceiling) }

    /// How many blocks the endpoint is asked for at once, 1 or more.
    func length(at now: Duration) -> Int { min(cap.length(at: now), stretch.length ?? .max) }

    /// How many blocks it may come to answer at once; more than `length` only while that is being found out.
    func prospect(at now: Duration) -> Int { min(cap.prospect(at: now), stretch.length ?? .max) }

    /// How many of `wanted` blocks to ask for now; only one call at a time tries more than is known to work.
    ///
    /// Every size that was taken comes back through `answered`, `refused` or `gaveUp`.
    /// - Parameter isWhole: Whether all that is wanted goes out at once, in as many searches as it takes; then nothing is
    ///   tried but in one search.
    mutating func take(_ wanted: Int, isWhole: Bool = false, at now: Duration) -> Int {
        let size = max(1, min(wanted, length(at: now)))
        let known = max(1, min(size, cap.stated ?? cap.answered, stretch.provedLength ?? .max))
        guard size > known else { return size }
        guard trial == nil, !isWhole || size == wanted else { return known }
        trial = size
        return size
    }

    /// Notes that a call for `size` blocks ended without an answer that teaches anything.
    mutating func gaveUp(_ size: Int) { if trial == size { trial = nil } }

    /// Notes that `size` blocks were answered with `results` logs after `time`.
    mutating func answered(_ size: Int, results: Int, after time: Duration, at now: Duration) {
        gaveUp(size)
        cap.answered(size, after: time)
        guard let refused = stretch.answered(size, results: results) else { return }
        // What was refused held hardly any logs, so it was too many blocks after all.
        cap.refused(refused, stated: nil, isCertain: false, at: now)
    }

    /// Notes that a search of `size` blocks for `addresses` contracts was refused with `hint`.
    ///
    /// - Returns: Whether less can be asked for; false where one block, or one contract, already was too much.
    mutating func refused(_ size: Int, addresses: Int, _ hint: RangeHint, at now: Duration) -> Bool {
        gaveUp(size)
        if hint.cause == .filter {
            guard addresses > 1 else { return false }
            // Calls that were under way together are refused together, which teaches only once.
            if addresses <= addressesMax { addressesMax = addresses > Self.fewAddresses ? Self.fewAddresses : 1 }
            return true
        }
        let most = hint.blocks(inside: size)
        guard size > 1 else { return false }
        switch hint.cause {
        case .results: stretch.refused(size, hint: most, resultsMax: hint.maximumResults)
        // Where many logs are expected, it is they that are too many.
        case .unknown where most == nil && stretch.explains(size):
            stretch.refused(size, hint: nil, resultsMax: nil)
        default: cap.refused(size, stated: most, isCertain: hint.cause == .blocks, at: now)
        }
        return true
    }
}

extension RangeHint {
    /// How many blocks to ask for instead of `size`, if the hint is strictly less and more than none.
    func blocks(inside size: Int) -> Int? {
        [maximumBlocks, range?.count].compactMap(\.self).filter { (1..<size).contains($0) }.max()
    }
}
