extension UInt256 {
    /// The sum modulo 2^256, and whether it passed it.
    public func addingReportingOverflow(_ other: UInt256) -> (partialValue: UInt256, overflow: Bool) {
        let (sum0, carry0) = limbs.0.addingReportingOverflow(other.limbs.0)
        let (sum1, carry1) = Self.add(limbs.1, other.limbs.1, carry: carry0)
        let (sum2, carry2) = Self.add(limbs.2, other.limbs.2, carry: carry1)
        let (sum3, carry3) = Self.add(limbs.3, other.limbs.3, carry: carry2)
        return (UInt256(limbs: (sum0, sum1, sum2, sum3)), carry3)
    }

    /// The difference modulo 2^256, and whether it fell below 0.
    public func subtractingReportingOverflow(_ other: UInt256) -> (partialValue: UInt256, overflow: Bool) {
        let (difference0, borrow0) = limbs.0.subtractingReportingOverflow(other.limbs.0)
        let (difference1, borrow1) = Self.subtract(limbs.1, other.limbs.1, borrow: borrow0)
        let (difference2, borrow2) = Self.subtract(limbs.2, other.limbs.2, borrow: borrow1)
        let (difference3, borrow3) = Self.subtract(limbs.3, other.limbs.3, borrow: borrow2)
        return (UInt256(limbs: (difference0, difference1, difference2, difference3)), borrow3)
    }

    /// The product modulo 2^256, and whether it passed it.
    public func multipliedReportingOverflow(by other: UInt256) -> (partialValue: UInt256, overflow: Bool) {
        if let factor = other.uint64 { return multipliedReportingOverflow(by: factor) }
        var sum = UInt256.zero
        var overflow = false
        for (position, limb) in [other.limbs.0, other.limbs.1, other.limbs.2, other.limbs.3].enumerated() {
            let (product, passed) = multipliedReportingOverflow(by: limb)
            let shift = 64 * position
            overflow = overflow || passed || (product >> (256 - shift)) != .zero
            let (partialValue, carried) = sum.addingReportingOverflow(product << shift)
            sum = partialValue
            overflow = overflow || carried
        }
        return (sum, overflow)
    }

    /// The product modulo 2^256, and whether it passed it.
    public func multipliedReportingOverflow(by factor: UInt64) -> (partialValue: UInt256, overflow: Bool) {
        let (high0, low0) = limbs.0.multipliedFullWidth(by: factor)
        let (high1, low1) = Self.multiply(limbs.1, factor, carry: high0)
        let (high2, low2) = Self.multiply(limbs.2, factor, carry: high1)
        let (high3, low3) = Self.multiply(limbs.3, factor, carry: high2)
        return (UInt256(limbs: (low0, low1, low2, low3)), high3 != 0)
    }

    /// The quotient and the remainder of a division by `divisor`, which must not be 0.
    public func quotientAndRemainder(dividingBy divisor: UInt64) -> (quotient: UInt256, remainder: UInt64) {
        precondition(divisor != 0, "nothing is divided by zero")
        if let small = uint64 {
            let (quotient, remainder) = small.quotientAndRemainder(dividingBy: divisor)
            return (UInt256(quotient), remainder)
        }
        let (quotient3, remainder3) = limbs.3.quotientAndRemainder(dividingBy: divisor)
        let (quotient2, remainder2) = divisor.dividingFullWidth((remainder3, limbs.2))
        let (quotient1, remainder1) = divisor.dividingFullWidth((remainder2, limbs.1))
        let (quotient0, remainder0) = divisor.dividingFullWidth((remainder1, limbs.0))
        return (UInt256(limbs: (quotient0, quotient1, quotient2, quotient3)), remainder0)
    }

    /// The bits moved `count` places up.
    ///
    /// Zeros enter below; 0 from 256 places on; a negative count moves down.
    public static func << (value: UInt256, count: Int) -> UInt256 {
        guard count > 0 else { return count == 0 ? value : value >> (count == .min ? .max : -count) }
        guard count < 256 else { return .zero }
        var limbs = value.limbs
        for _ in 0..<count / 64 { limbs = (0, limbs.0, limbs.1, limbs.2) }
        let bits = count % 64
        guard bits > 0 else { return UInt256(limbs: limbs) }
        let back = 64 - bits
        return UInt256(
            limbs: (
                limbs.0 << bits, limbs.1 << bits | limbs.0 >> back, limbs.2 << bits | limbs.1 >> back,
                limbs.3 << bits | limbs.2 >> back
            ))
    }

    /// The bits moved `count` places down.
    ///
    /// Zeros enter above; 0 from 256 places on; a negative count moves up.
    public static func >> (value: UInt256, count: Int) -> UInt256 {
        guard count > 0 else { return count == 0 ? value : value << (count == .min ? .max : -count) }
        guard count < 256 else { return .zero }
        var limbs = value.limbs
        for _ in 0..<count / 64 { limbs = (limbs.1, limbs.2, limbs.3, 0) }
        let bits = count % 64
        guard bits > 0 else { return UInt256(limbs: limbs) }
        let back = 64 - bits
        return UInt256(
            limbs: (
                limbs.0 >> bits | limbs.1 << back, limbs.1 >> bits | limbs.2 << back,
                limbs.2 >> bits | limbs.3 << back, limbs.3 >> bits
            ))
    }

    /// All bits turned over.
    public static prefix func ~ (value: UInt256) -> UInt256 {
        UInt256(limbs: (~value.limbs.0, ~value.limbs.1, ~value.limbs.2, ~value.limbs.3))
    }

    private static func add(_ left: UInt64, _ right: UInt64, carry: Bool) -> (UInt64, Bool) {
        let (sum, overflow) = left.addingReportingOverflow(right)
        let (total, carried) = sum.addingReportingOverflow(carry ? 1 : 0)
        return (total, overflow || carried)
    }

    private static func subtract(_ left: UInt64, _ right: UInt64, borrow: Bool) -> (UInt64, Bool) {
        let (difference, overflow) = left.subtractingReportingOverflow(right)
        let (total, borrowed) = difference.subtractingReportingOverflow(borrow ? 1 : 0)
        return (total, overflow || borrowed)
    }

    private static func multiply(_ left: UInt64, _ right: UInt64, carry: UInt64) -> (high: UInt64, low: UInt64) {
        let (high, low) = left.multipliedFullWidth(by: right)
        let (sum, overflow) = low.addingReportingOverflow(carry)
        return (high &+ (overflow ? 1 : 0), sum)  // the high half is at most 2^64 - 2
    }
}
