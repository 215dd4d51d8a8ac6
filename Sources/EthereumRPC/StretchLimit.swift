/// How many blocks fit into one answer where the chain is dense: shrinks when an answer would hold too many logs or take
/// too long, and grows back behind.
struct StretchLimit: Sendable, Equatable {
    /// The most blocks at once in this stretch; nil where nothing is dense.
    private(set) var length: Int?
    /// The most logs in one answer, as the endpoint stated.
    private(set) var resultsMax: Int?
    /// More than this is no limit.
    private static let resultsCeiling = 1_000_000_000
    /// The size that was refused last, until that much is answered.
    private var refused: Int?
    /// The largest size that was answered since the last refusal.
    private var answered = 0
    private var answersInRow = 0
    /// How many answers in a row it takes to try more, where nothing says that more would fit.
    private var patience = Self.firstPatience
    private static let firstPatience = 4

    /// Notes that `size` blocks held `results` logs; `cap` is what the endpoint allows elsewhere.
    mutating func answered(_ size: Int, results: Int, cap: Int) {
        if let resultsMax {
            fit(size, results, into: resultsMax, cap)
            return
        }
        guard size >= length ?? 0 else { return }
        answered = size
        answersInRow += 1
        guard let length, answersInRow >= patience else { return }
        answersInRow = 0
        self.length = length * 2 >= cap ? nil : length * 2
    }

    /// Chooses a size that fills half of what is allowed, since the next blocks may hold twice as many logs.
    private mutating func fit(_ size: Int, _ results: Int, into most: Int, _ cap: Int) {
        let isSparse = results < most / 8
        let room = results == 0 ? Int.max : max(1, size * max(1, most / 2) / results)
        let next = min(room, isSparse ? size * 2 : size + max(1, size / 4))
        // What a shorter search found says little about longer ones, unless it found much.
        guard size >= length ?? 0 || next < length ?? .max else { return }
        answered = size
        answersInRow += 1
        if let before = refused {
            if size >= before {
                refused = nil
                patience = Self.firstPatience
            } else if next >= before, answersInRow < patience {
                // The limit may be another than the one that was stated.
                length = min(before - 1, max(size, length ?? size))
                return
            }
        }
        if next > size { answersInRow = 0 }
        length = isSparse && next >= cap ? nil : next
    }

    /// Notes that `size` blocks, 2 or more, were refused; `hint` is a smaller size that the endpoint said would do.
    mutating func refused(_ size: Int, hint: Int?, resultsMax most: Int?) {
        if let most, (1...Self.resultsCeiling).contains(most) { resultsMax = min(most, resultsMax ?? most) }
        guard size <= length ?? .max else { return }
        if let hint {
            length = hint
        } else if answered < size, answered >= size / 4, answered > 0 {
            // One step back; each time it takes longer before the step is tried again.
            length = answered
            patience = min(patience * 2, 1 << 20)
        } else {
            length = max(1, size / 10)
            patience = min(patience * 2, 1 << 20)
        }
        refused = size
        answered = 0
        answersInRow = 0
    }
}
