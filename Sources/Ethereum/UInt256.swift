/// An unsigned 256-bit integer, Solidity's `uint256`.
public struct UInt256: Hashable, Sendable, Comparable {
    /// Least significant limb first.
    let limbs: (UInt64, UInt64, UInt64, UInt64)

    init(limbs: (UInt64, UInt64, UInt64, UInt64)) { self.limbs = limbs }

    /// The integer `value`.
    public init(_ value: UInt64) { limbs = (value, 0, 0, 0) }

    /// The big-endian integer that `word` holds.
    public init(_ word: Hash) { limbs = (word.words.3, word.words.2, word.words.1, word.words.0) }

    /// Whether all limbs agree.
    public static func == (left: UInt256, right: UInt256) -> Bool { left.limbs == right.limbs }
    /// Orders by value.
    public static func < (left: UInt256, right: UInt256) -> Bool {
        (left.limbs.3, left.limbs.2, left.limbs.1, left.limbs.0)
            < (right.limbs.3, right.limbs.2, right.limbs.1, right.limbs.0)
    }
    /// Feeds the four limbs.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(limbs.0)
        hasher.combine(limbs.1)
        hasher.combine(limbs.2)
        hasher.combine(limbs.3)
    }
}
