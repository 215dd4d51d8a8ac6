/// The header `Retry-After`: seconds, or a date.
///
/// - SeeAlso: RFC 9110, sections 5.6.7 and 10.2.3.
enum RetryAfter {
    /// How long to wait at `now`, seconds since 1970; nil for text that is neither, 0 for a date that has passed.
    ///
    /// Never longer than ``RetrySchedule/pauseMaximum``.
    static func parse(_ text: String, now: Int64) -> Duration? {
        let text = text.trimmingBlanks
        guard !text.isEmpty, text.utf8.count <= 64 else { return nil }
        if text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) {
            // More digits than fit are more than a day as well.
            return min(Int64(text).map { .seconds($0) } ?? RetrySchedule.pauseMaximum, RetrySchedule.pauseMaximum)
        }
        guard let date = date(text) else { return nil }
        return min(max(.zero, .seconds(date - now)), RetrySchedule.pauseMaximum)
    }

    private static let months = [
        "jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6, "jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11,
        "dec": 12,
    ]

    /// Reads `Sun, 06 Nov 1994 08:49:37 GMT`, the only form that senders may write.
    private static func date(_ text: Substring) -> Int64? {
        let parts = text.split(separator: " ")
        guard parts.count == 6, parts[5].lowercased() == "gmt", let day = Int64(parts[1]), (1...31).contains(day),
            let month = months[parts[2].lowercased()], let year = Int64(parts[3]), (1970...9999).contains(year)
        else { return nil }
        let clock = parts[4].split(separator: ":", omittingEmptySubsequences: false).map { Int64($0) }
        guard clock.count == 3, let hour = clock[0], let minute = clock[1], let second = clock[2],
            (0...23).contains(hour), (0...59).contains(minute), (0...60).contains(second)
        else { return nil }
        return days(year: year, month: Int64(month), day: day) * 86400 + hour * 3600 + minute * 60 + second
    }

    /// Days since 1 January 1970, counted from 1 March of year 0 so that a leap day ends its year.
    private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let year = month <= 2 ? year - 1 : year
        let era = year / 400
        let yearOfEra = year - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}

extension String {
    /// Without spaces and tabs at either end.
    var trimmingBlanks: Substring {
        var text = self[...]
        while let first = text.utf8.first, first == 0x20 || first == 0x09 { text.removeFirst() }
        while let last = text.utf8.last, last == 0x20 || last == 0x09 { text.removeLast() }
        return text
    }
}
