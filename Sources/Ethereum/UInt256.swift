/// An unsigned 256-bit integer, Solidity's `uint256`.
@frozen
public struct UInt256: Hashable, Sendable, Comparable {
    /// Least significant limb first.
    @usableFromInline let limbs: (UInt64, UInt64, UInt64, UInt64)

    @inlinable
    init(limbs: (UInt64, UInt64, UInt64, UInt64)) { self.limbs = limbs }

    /// The integer `value`.
    @inlinable
    public init(_ value: UInt64) { limbs = (value, 0, 0, 0) }

    /// The big-endian integer that `word` holds.
    @inlinable
    public init(_ word: Hash) { limbs = (word.words.3, word.words.2, word.words.1, word.words.0) }

    /// 0.
    @inlinable public static var zero: UInt256 { UInt256(0) }
    /// 2^256 - 1.
    @inlinable public static var max: UInt256 { UInt256(limbs: (.max, .max, .max, .max)) }

    /// The 32 bytes of the integer, most significant first.
    @inlinable public var word: Hash { Hash(words: (limbs.3, limbs.2, limbs.1, limbs.0)) }

    /// The integer, if it is below 2^64.
    @inlinable public var uint64: UInt64? { (limbs.1 | limbs.2 | limbs.3) == 0 ? limbs.0 : nil }

    /// Whether the integer is 0.
    @inlinable public var isZero: Bool { (limbs.0 | limbs.1 | limbs.2 | limbs.3) == 0 }

    /// How many bits stand above the highest one that is set: 0...256.
    public var leadingZeroBitCount: Int {
        if limbs.3 != 0 { return limbs.3.leadingZeroBitCount }
        if limbs.2 != 0 { return 64 + limbs.2.leadingZeroBitCount }
        if limbs.1 != 0 { return 128 + limbs.1.leadingZeroBitCount }
        return 192 + limbs.0.leadingZeroBitCount
    }

    /// How many bits the integer needs: 0 for zero, 256 at most.
    public var bitWidth: Int { 256 - leadingZeroBitCount }

    /// Whether all limbs agree.
    @inlinable
    public static func == (left: UInt256, right: UInt256) -> Bool {
        (left.limbs.0 ^ right.limbs.0) | (left.limbs.1 ^ right.limbs.1) | (left.limbs.2 ^ right.limbs.2)
            | (left.limbs.3 ^ right.limbs.3) == 0
    }
    /// Orders by value.
    @inlinable
    public static func < (left: UInt256, right: UInt256) -> Bool {
        (left.limbs.3, left.limbs.2, left.limbs.1, left.limbs.0)
            < (right.limbs.3, right.limbs.2, right.limbs.1, right.limbs.0)
    }
    /// Feeds the four limbs.
    @inlinable
    public func hash(into hasher: inout Hasher) {
        hasher.combine(limbs.0)
        hasher.combine(limbs.1)
        hasher.combine(limbs.2)
        hasher.combine(limbs.3)
    }
}
