import Foundation

/// A time as answers show it: RFC 3339 in UTC with `Z`, such as `2024-01-15T10:30:00Z`.
struct Timestamp: CustomStringConvertible {
    /// How much of a second is shown; the rest is cut off.
    enum Precision { case seconds, milliseconds }

    private let milliseconds: Int64
    private let precision: Precision

    init(_ date: Date, _ precision: Precision = .seconds) {
        let exact = (date.timeIntervalSince1970 * 1000).rounded(.down)
        milliseconds = Int64(exactly: exact) ?? 0
        self.precision = precision
    }

    /// The time `seconds` after the start of 1970.
    init(seconds: Int64) {
        milliseconds = seconds.multipliedReportingOverflow(by: 1000).partialValue
        precision = .seconds
    }

    init?(_ date: Date?, _ precision: Precision = .seconds) {
        guard let date else { return nil }
        self.init(date, precision)
    }

    var description: String {
        var bytes: [UInt8] = []
        write(into: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Appends the text, digit by digit: answers are full of times, and joining strings is what they would mostly cost.
    func write(into bytes: inout [UInt8]) {
        let seconds = Self.floor(milliseconds, by: 1000)
        let days = Self.floor(seconds, by: 86_400)
        let (year, month, day) = Self.civil(days: days)
        let second = seconds - days * 86_400
        Self.append(year, 4, to: &bytes)
        bytes.append(UInt8(ascii: "-"))
        Self.append(month, 2, to: &bytes)
        bytes.append(UInt8(ascii: "-"))
        Self.append(day, 2, to: &bytes)
        bytes.append(UInt8(ascii: "T"))
        Self.append(second / 3600, 2, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
        Self.append(second / 60 % 60, 2, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
        Self.append(second % 60, 2, to: &bytes)
        if precision == .milliseconds {
            bytes.append(UInt8(ascii: "."))
            Self.append(milliseconds - seconds * 1000, 3, to: &bytes)
        }
        bytes.append(UInt8(ascii: "Z"))
    }

    private static func floor(_ value: Int64, by divisor: Int64) -> Int64 {
        let quotient = value / divisor
        return value % divisor < 0 ? quotient - 1 : quotient
    }

    /// Appends `value` in decimal, at least `width` digits wide; every value here is positive but for years before 1.
    private static func append(_ value: Int64, _ width: Int, to bytes: inout [UInt8]) {
        guard value >= 0, value < 10_000 else {
            bytes.append(contentsOf: String(value).utf8)
            return
        }
        var divisor: Int64 = 1
        for _ in 1..<width { divisor *= 10 }
        while value / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            bytes.append(UInt8(ascii: "0") + UInt8(value / divisor % 10))
            divisor /= 10
        }
    }

    /// The Gregorian date that lies `days` after 1970-01-01.
    ///
    /// Counts in eras of 400 years that begin in March, so that the leap day ends a year.
    private static func civil(days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = floor(shifted, by: 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * marchMonth + 2) / 5 + 1)
    }
}
