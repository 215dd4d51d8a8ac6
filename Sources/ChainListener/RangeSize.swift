/// How many blocks of history to ask for at once: halved when it is too much, grown by a quarter when it was not.
struct RangeSize: Sendable, Equatable {
    let maximum: Int
    private(set) var current: Int
    /// The smallest size that was refused; growth stops below it.
    private(set) var refused: Int?

    init(maximum: Int) {
        self.maximum = max(1, maximum)
        current = self.maximum
    }

    /// Notes that `size` blocks were too much; false when one block already was.
    mutating func shrink(from size: Int) -> Bool {
        guard size > 1 else { return false }
        refused = min(refused ?? size, size)
        current = max(1, min(current, size) / 2)
        return true
    }

    /// Notes that `size` blocks were answered.
    mutating func grow(from size: Int) {
        guard size >= current else { return }
        current = min(maximum, (refused ?? .max) - 1, current + max(1, current / 4))
    }
}
