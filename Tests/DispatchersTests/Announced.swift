import TestSupport

extension SeededGenerator {
    /// A generator whose seed is printed, so that a failure can be repeated.
    static func announced(_ function: String = #function) -> SeededGenerator {
        let seed = UInt64.random(in: .min ... .max)
        print("\(function) seed \(seed)")
        return SeededGenerator(seed: seed)
    }
}
