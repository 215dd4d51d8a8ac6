import Foundation

/// PostgreSQL's textual form of values, for parameter types that `BinaryFormat` does not know, enumerations for one.
enum TextFormat {
    /// `value` as text; nil for bytes and NULL, which have none here.
    static func text(_ value: SQLValue) -> String? {
        switch value {
        case .null, .bytes: nil
        case .boolean(let flag): flag ? "t" : "f"
        case .integer(let integer): String(integer)
        case .double(let double):
            double.isNaN ? "NaN" : double.isInfinite ? (double < 0 ? "-Infinity" : "Infinity") : String(double)
        case .text(let text), .numeric(let text), .json(let text): text
        case .uuid(let uuid): uuid.uuidString.lowercased()
        case .timestamp(let date): BinaryFormat.microseconds(of: date).map(timestamp)
        case .duration(let duration): BinaryFormat.microseconds(of: duration).map { "\($0) microseconds" }
        default: value.elements.flatMap(array)
        }
    }

    /// Microseconds since 2000-01-01 as a sum that every date type's input understands through ISO 8601.
    private static func timestamp(microseconds: Int64) -> String {
        let (days, rest) = floorDivide(microseconds, by: 86_400_000_000)
        let (year, month, day) = civil(daysSince2000: days)
        let seconds = rest / 1_000_000
        func padded(_ value: Int64, _ width: Int) -> String {
            let digits = String(value)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let clock = [seconds / 3600, seconds / 60 % 60, seconds % 60].map { padded($0, 2) }.joined(separator: ":")
        let date = "\(padded(year > 0 ? year : 1 - year, 4))-\(padded(month, 2))-\(padded(day, 2))"
        return "\(date) \(clock).\(padded(rest % 1_000_000, 6))+00\(year > 0 ? "" : " BC")"
    }

    private static func floorDivide(_ value: Int64, by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }

    /// The proleptic Gregorian date; year 0 is 1 BC.
    private static func civil(daysSince2000 days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        // Counted from 0000-03-01, so that a leap day ends its year.
        let (era, dayOfEra) = floorDivide(days + 730_425, by: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1)
    }

    /// An array literal; every element is quoted.
    private static func array(_ elements: [SQLValue]) -> String? {
        var parts: [String] = []
        for element in elements {
            if case .null = element {
                parts.append("NULL")
                continue
            }
            guard let text = text(element) else { return nil }
            let escaped = text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
            parts.append("\"\(escaped)\"")
        }
        return "{\(parts.joined(separator: ","))}"
    }
}
