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
        let seconds = Self.floor(milliseconds, by: 1000)
        let days = Self.floor(seconds, by: 86_400)
        let (year, month, day) = Self.civil(days: days)
        let second = seconds - days * 86_400
        var text = Self.padded(year, 4) + "-" + Self.padded(month, 2) + "-" + Self.padded(day, 2)
        text += "T" + Self.padded(second / 3600, 2) + ":" + Self.padded(second / 60 % 60, 2)
        text += ":" + Self.padded(second % 60, 2)
        if precision == .milliseconds { text += "." + Self.padded(milliseconds - seconds * 1000, 3) }
        return text + "Z"
    }

    private static func floor(_ value: Int64, by divisor: Int64) -> Int64 {
        let quotient = value / divisor
        return value % divisor < 0 ? quotient - 1 : quotient
    }

    private static func padded(_ value: Int64, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
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
