import Foundation

/// A generator that gives the same numbers for the same seed.
///
/// - SeeAlso: Steele, Lea and Flood, SplitMix64.
struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
        return word ^ (word >> 31)
    }

    /// True with a probability of `percent` in a hundred.
    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }
}

/// `count` seeds from `first` on; times `SIMULATION_SEEDS` where that is set, for long runs.
func seeds(from first: UInt64, _ count: UInt64) -> [UInt64] {
    let times = ProcessInfo.processInfo.environment["SIMULATION_SEEDS"].flatMap(UInt64.init) ?? 1
    return (0..<(count * max(1, times))).map { first + $0 }
}
