/// How many blocks of history to ask for at once: halved when it is too much, grown by a quarter when it was not.
///
/// What was refused once is not asked for again for a while, and each time for longer: the cause may be a node's limit of
/// blocks, which stays, or a dense part of history, which passes.
struct RangeSize: Sendable, Equatable {
    let maximum: Int
    private(set) var current: Int
    /// The smallest size that was refused lately; growth stops below it.
    private(set) var refused: Int?
    private var answersAtCeiling = 0
    private var patience = 16

    init(maximum: Int) {
        self.maximum = max(1, maximum)
        current = self.maximum
    }

    /// Notes that `size` blocks were too much; false when one block already was.
    ///
    /// - Parameter suggestion: What a node said to allow, used only if it is strictly less, since nodes are wrong about it.
    mutating func shrink(from size: Int, suggestion: Int? = nil) -> Bool {
        guard size > 1 else { return false }
        refused = min(refused ?? size, size)
        answersAtCeiling = 0
        if let suggestion, (1..<size).contains(suggestion) {
            current = min(current, suggestion)
        } else {
            current = max(1, min(current, size) / 2)
        }
        return true
    }

    /// Notes that `size` blocks were answered.
    mutating func grow(from size: Int) {
        guard size >= current else { return }
        let ceiling = min(maximum, (refused ?? .max) - 1)
        if current < ceiling {
            current = min(ceiling, current + max(1, current / 4))
        } else if refused != nil {
            answersAtCeiling += 1
            guard answersAtCeiling >= patience else { return }
            refused = nil
            answersAtCeiling = 0
            patience = min(patience * 2, 1 << 20)
        }
    }
}
