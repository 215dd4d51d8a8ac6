/// How many blocks fit into one answer where the chain is dense, learned from how many logs answers held.
///
/// Nothing is limited before the first refusal. After it a size is chosen that fills half of what is known to fit, by the
/// density of the latest answers. The most that fits is what the endpoint stated; where it did not, what was answered is
/// exceeded by halves until a second refusal.
///
/// Blocks that were refused are walked into from one block on, by steps of at most the root of their number, until answers
/// explain the refusal. So a rise in density costs two refusals at most: one to whoever runs into it, and one to a step,
/// or to a size that follows from an answer with blocks from both sides of it. Of the step's blocks one is asked for at a
/// time, which is certain, and what comes after them lies wholly behind the rise. Nobody does with fewer refusals for each
/// rise unless by single blocks, since any two blocks not seen yet may hold more logs than fit.
struct StretchLimit: Sendable, Equatable {
    /// Blocks that were refused, until the logs among them are found.
    private struct Doubt: Equatable {
        /// How many blocks were refused.
        let size: Int
        /// How many are asked for at once, until the logs found explain the refusal; grows up to `longest`.
        var step: Int
        let longest: Int
        /// So many logs, in `size` blocks, explain it: what is known to fit, and not the half that is asked for.
        let bar: Double
        /// How many of the blocks are left.
        var left: Int
        var found = 0
        /// The most logs in one answer since.
        var most = 0
    }

    /// No endpoint is known to allow fewer logs in an answer.
    static let leastMaximum = 100
    private static let fewLogs = 8
    /// More than this is no limit.
    private static let resultsCeiling = 1_000_000_000
    /// After an answer at most so many times as many blocks are asked for.
    private static let growth = 4

    /// The most logs in one answer, as the endpoint stated.
    private(set) var stated: Int?
    /// The most logs in an answer so far.
    private(set) var proved = 0
    /// The fewest logs of which it is known, or estimated, that they do not fit.
    private var excess: Double?
    /// Logs in a block, as the latest answers have it.
    private(set) var density = 0.0
    /// The largest size that was answered since the last refusal; nil before the first refusal.
    private var reach: Int?
    private var doubt: Doubt?

    /// The most blocks at once in this stretch; nil where nothing was refused.
    var length: Int? {
        if stated != nil || isSettled { return provedLength }
        return size(forLogs: fitting + fitting / 2, rounding: .up)
    }

    /// The most blocks of which it is known that they fit here; nil where nothing was refused.
    var provedLength: Int? { size(forLogs: stated.map { $0 / 2 } ?? (isSettled ? fitting / 2 : fitting)) }

    /// Logs of which it is known that they fit.
    private var fitting: Int { max(proved, Self.leastMaximum) }

    /// Whether what was refused is so little more than what was answered that nothing is gained between.
    private var isSettled: Bool {
        guard let excess else { return false }
        // What would be tried next is in whole blocks; with what was refused not among it, each refusal asks for less.
        let next = density * (Double(fitting) * 1.5 / max(density, 1e-9)).rounded(.up)
        return excess <= max(next * 1.1, Double(fitting) * 2.05)
    }

    private func size(forLogs logs: Int, rounding: FloatingPointRoundingRule = .down) -> Int? {
        guard let reach else { return nil }
        if let doubt { return doubt.step }
        let blocks = density > 0 ? (Double(logs) / density).rounded(rounding) : 1e9
        return max(1, min(Int(min(blocks, 1e9)), min(reach, 1 << 40) * Self.growth))
    }

    /// Whether so many blocks are expected to hold as many logs as were ever answered at once.
    func explains(_ size: Int) -> Bool { density * Double(size) >= Double(max(fitting, (stated ?? 0) / 2)) }

    /// Notes that `size` blocks held `results` logs.
    ///
    /// - Returns: The size of a refusal that was not due to logs, as it turned out; nil mostly.
    mutating func answered(_ size: Int, results: Int) -> Int? {
        learn(Double(results) / Double(max(1, size)), from: size, results)
        proved = max(proved, results)
        // The excess is an estimate, and may be far too low where the density changed.
        if let excess, Double(results) >= excess {
            self.excess = Double(results) < excess * 1.5 ? Double(results) * 1.1 : nil
        }
        if let stated, results > stated { self.stated = nil }
        if let reach { self.reach = max(reach, size) }
        guard var doubt else { return nil }
        doubt.step = max(doubt.step, min(doubt.longest, size * Self.growth))
        doubt.left -= size
        doubt.found += results
        doubt.most = max(doubt.most, results)
        // Few logs in a few blocks are chance.
        let isDense = results >= Self.fewLogs && density * Double(doubt.size) >= doubt.bar
        if isDense || Double(doubt.found) >= doubt.bar {
            self.doubt = nil
            return nil
        }
        self.doubt = doubt.left > 0 ? doubt : nil
        guard doubt.left <= 0 else { return nil }
        guard doubt.found >= Self.leastMaximum else { return doubt.size }
        if doubt.found <= fitting {
            // Less fits than it did, or than was stated: logs are long here, or the endpoint is slower.
            stated = nil
            proved = doubt.most
            excess = Double(doubt.found)
        }
        return nil
    }

    /// Takes in the density of one answer: a higher one at once, a lower one by and by; of few blocks only a share.
    private mutating func learn(_ seen: Double, from size: Int, _ results: Int) {
        let weight = min(1, Double(size) / Double(length ?? size))
        // Much in a short stretch is no chance.
        let isMuch = results >= fitting / 8
        density += (seen - density) * (seen < density ? weight / 2 : isMuch ? 1 : weight)
    }

    /// Notes that `size` blocks, 2 or more, were refused; `hint` is a smaller size that the endpoint said would do.
    mutating func refused(_ size: Int, hint: Int?, resultsMax most: Int?) {
        if let most, (1...Self.resultsCeiling).contains(most) { stated = min(most, stated ?? most) }
        guard size <= length ?? .max else { return }
        if stated == nil, explains(size) { excess = min(excess ?? .infinity, density * Double(size)) }
        // From one block on, which is certain; after a second refusal nothing else is.
        let longest = doubt == nil ? hint ?? Int(Double(size).squareRoot()) : 1
        doubt = Doubt(
            size: size, step: doubt == nil ? hint ?? 1 : 1, longest: longest, bar: Double(stated ?? fitting), left: size
        )
        reach = 1
    }
}
