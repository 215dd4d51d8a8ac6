import Foundation
import TestSupport

extension SeededGenerator {
    /// True with a probability of `percent` in a hundred.
    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }
}

/// `count` seeds from `first` on; times `SIMULATION_SEEDS` where that is set, for long runs.
func seeds(from first: UInt64, _ count: UInt64) -> [UInt64] {
    let times = ProcessInfo.processInfo.environment["SIMULATION_SEEDS"].flatMap(UInt64.init) ?? 1
    return (0..<(count * max(1, times))).map { first + $0 }
}
