import Foundation
import Storage

/// One try at a delivery, as it was recorded.
struct Attempt {
    let number: Int64
    let cause: String
    let startedAt: Date
    let endedAt: Date
    let errorClass: String?
    let errorMessage: String?
    let status: Int64?
    let peer: String?
    let httpVersion: String?
    /// By name, in milliseconds; nil where the exchange did not get that far.
    let timings: [(name: StaticString, value: Double?)]
    let isReused: Bool?
    let responseHeaders: String?
    let responseBody: [UInt8]?
    let isBodyTruncated: Bool
    let nextAt: Date?

    /// - Parameter isPrivileged: whether the reader may see what the receiver answered, which can hold secrets.
    func write(to writer: inout JSONWriter, isPrivileged: Bool) {
        writer.member("number", number)
        writer.member("cause", cause)
        writer.member("succeeded", errorClass == nil)
        writer.member("started_at", Timestamp(startedAt, .milliseconds))
        writer.member("ended_at", Timestamp(endedAt, .milliseconds))
        writer.member("error_class", errorClass)
        writer.member("error_message", errorMessage)
        writer.member("status", status)
        writer.member("peer", peer)
        writer.member("http_version", httpVersion)
        writer.member("is_reused", isReused)
        writer.member(
            "timings_ms",
            object: { writer in
                for timing in timings { writer.member(timing.name, timing.value) }
            })
        writer.member("next_attempt_at", Timestamp(nextAt, .milliseconds))
        guard isPrivileged else { return }
        writer.member("response_headers", responseHeaders.flatMap { try? JSONReader.read(Array($0.utf8)) })
        writer.member("response_body", responseBody.map { String(decoding: $0, as: UTF8.self) })
        writer.member("is_response_truncated", isBodyTruncated)
    }
}

/// Lists the attempts at a delivery, first to last.
struct ListAttempts: Statement {
    static let sql = """
        SELECT number, cause, started_at, ended_at, error_class, error_message, status, peer, http_version, dns_ms,
            connect_ms, tls_ms, first_byte_ms, total_ms, is_reused, response_headers, response_body, is_body_truncated,
            next_at, count(*) OVER ()
        FROM attempts WHERE delivery_id = $1 ORDER BY number, ended_at LIMIT $2 OFFSET $3
        """
    let delivery: DeliveryID
    let page: Page
    var arguments: [SQLValue] { [.integer(delivery.rawValue), .integer(page.limit), .integer(page.offset)] }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> (attempt: Attempt, total: Int64) {
        let attempt = Attempt(
            number: try row.integer(0), cause: try row.text(1), startedAt: try row.date(2), endedAt: try row.date(3),
            errorClass: try row.optionalText(4), errorMessage: try row.optionalText(5),
            status: try row.optionalInteger(6), peer: try row.optionalText(7), httpVersion: try row.optionalText(8),
            timings: [
                ("dns", try row.optionalDouble(9)), ("connect", try row.optionalDouble(10)),
                ("tls", try row.optionalDouble(11)), ("first_byte", try row.optionalDouble(12)),
                ("total", try row.optionalDouble(13)),
            ],
            isReused: try row.optionalBoolean(14), responseHeaders: try row.optionalText(15),
            responseBody: try row.optionalBytes(16), isBodyTruncated: try row.boolean(17),
            nextAt: try row.optionalDate(18))
        return (attempt, try row.integer(19))
    }
}

/// Counts the attempts at a delivery, for a page that shows none of them.
struct CountAttempts: Statement {
    static let sql = "SELECT count(*) FROM attempts WHERE delivery_id = $1"
    let delivery: DeliveryID
    var arguments: [SQLValue] { [.integer(delivery.rawValue)] }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> Int64 { try row.integer(0) }
}
