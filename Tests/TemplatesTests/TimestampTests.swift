import Foundation
import TestSupport
import Testing

@testable import Templates

@Suite struct TimestampTests {
    @Test(
        "seconds since 1970 as RFC 3339",
        arguments: [
            (0, "1970-01-01T00:00:00Z"), (1_769_688_000, "2026-01-29T12:00:00Z"), (951_782_400, "2000-02-29T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"), (253_402_300_799, "9999-12-31T23:59:59Z"),
            (-62_135_596_800, "0001-01-01T00:00:00Z"), (253_402_300_800, nil), (Int64.max, nil), (Int64.min, nil),
        ] as [(Int64, String?)])
    func rfc3339(seconds: Int64, expected: String?) { #expect(Timestamp.rfc3339(seconds: seconds) == expected) }

    @Test("agrees with Foundation over four centuries")
    func againstFoundation() throws {
        let seed = UInt64.random(in: .min ... .max)
        print("TimestampTests.againstFoundation seed \(seed)")
        var random = SeededGenerator(seed: seed)
        let formatter = ISO8601DateFormatter()
        for _ in 0..<2000 {
            let seconds = Int64.random(in: -6_000_000_000...12_000_000_000, using: &random)
            let expected = formatter.string(from: Date(timeIntervalSince1970: TimeInterval(seconds)))
            #expect(Timestamp.rfc3339(seconds: seconds) == expected)
        }
    }
}
