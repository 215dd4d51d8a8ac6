import Foundation
import HTTPClient
import Storage

/// What became of a delivery, to be written.
struct Outcome: Sendable {
    let lease: Lease
    let number: Int
    let disposition: Disposition
    let attempt: Attempt

    var deliveryID: Int64 { lease.deliveryID }
}

/// Writes outcomes in one statement: attempts are logged, finished deliveries move away, others are due again.
///
/// Only where the lease still holds. What comes back are the deliveries that were ours; the rest was fenced off, and
/// nothing is logged for it, since whoever took it over logs its own attempts.
struct FinishDeliveries: Statement {
    static let sql = """
        WITH outcome AS MATERIALIZED (
            SELECT * FROM unnest(
                $1::bigint[], $2::bigint[], $3::smallint[], $4::interval[], $5::integer[], $6::timestamptz[],
                $7::timestamptz[], $8::text[], $9::text[], $10::integer[], $11::text[], $12::text[], $13::bigint[],
                $14::bigint[], $15::bigint[], $16::bigint[], $17::bigint[], $18::integer[], $19::bytea[], $20::json[],
                $21::bytea[], $22::boolean[]
            ) AS row (
                id, lease_id, disposition, delay, number, started_at, ended_at, error_class, error_message, status,
                peer, http_version, dns, connect, tls, first_byte, total, is_reused, request_sha256, response_headers,
                response_body, is_body_truncated)
        ),
        finished AS (
            DELETE FROM deliveries AS delivery USING outcome
            WHERE delivery.id = outcome.id AND delivery.lease_id = outcome.lease_id AND outcome.disposition < 2
            RETURNING delivery.*, outcome.disposition
        ),
        moved AS (
            INSERT INTO finished_deliveries (
                id, action_id, action_version, event_id, kind, trigger_id, organization_id, destination_id, channel,
                outcome, attempt, created_at)
            SELECT id, action_id, action_version, event_id, kind, trigger_id, organization_id, destination_id, channel,
                CASE disposition WHEN 0 THEN 'delivered' ELSE 'failed' END, attempt, created_at
            FROM finished
        ),
        due AS (
            UPDATE deliveries AS delivery
            SET state = 0, run_at = now() + outcome.delay, lease_id = NULL, lease_until = NULL,
                attempt = delivery.attempt - CASE outcome.disposition WHEN 3 THEN 1 ELSE 0 END
            FROM outcome
            WHERE delivery.id = outcome.id AND delivery.lease_id = outcome.lease_id AND outcome.disposition >= 2
            RETURNING delivery.id
        ),
        ours AS (SELECT id FROM finished UNION ALL SELECT id FROM due),
        logged AS (
            INSERT INTO attempts (
                delivery_id, number, started_at, ended_at, error_class, error_message, status, peer, http_version,
                dns_ms, connect_ms, tls_ms, first_byte_ms, total_ms, is_reused, request_sha256, response_headers,
                response_body, is_body_truncated, next_at)
            SELECT id, number, started_at, ended_at, error_class, error_message, status, peer, http_version,
                dns / 1000.0, connect / 1000.0, tls / 1000.0, first_byte / 1000.0, total / 1000.0, is_reused <> 0,
                request_sha256, response_headers, response_body, is_body_truncated,
                CASE WHEN disposition >= 2 THEN now() + delay END
            FROM outcome JOIN ours USING (id)
        )
        SELECT id FROM ours
        """

    let outcomes: [Outcome]

    var arguments: [SQLValue] {
        let timings = outcomes.map(\.attempt.timing)
        func microseconds(_ part: (OutboundResponse.Timing) -> Duration) -> SQLValue {
            .optionalIntegers(timings.map { $0.map { part($0).microseconds } })
        }
        return [
            .integers(outcomes.map(\.deliveryID)), .integers(outcomes.map(\.lease.leaseID)),
            .integers(outcomes.map(\.disposition.code)), .durations(outcomes.map(\.disposition.delay)),
            .integers(outcomes.map { Int64($0.number) }), .timestamps(outcomes.map(\.attempt.startedAt)),
            .timestamps(outcomes.map(\.attempt.endedAt)),
            .optionalTexts(outcomes.map(\.attempt.failure?.errorClass.rawValue)),
            .optionalTexts(outcomes.map(\.attempt.failure?.message)),
            .optionalIntegers(outcomes.map { $0.attempt.status.map(Int64.init) }),
            .optionalTexts(outcomes.map(\.attempt.peer)), .optionalTexts(outcomes.map(\.attempt.httpVersion)),
            microseconds(\.dns), microseconds(\.connect), microseconds(\.tls), microseconds(\.firstByte),
            microseconds(\.total), .optionalIntegers(outcomes.map { $0.attempt.isReused.map { $0 ? 1 : 0 } }),
            .optionalByteStrings(outcomes.map(\.attempt.requestSHA256)),
            .jsons(outcomes.map(\.attempt.responseHeaders)),
            .optionalByteStrings(outcomes.map(\.attempt.responseBody)),
            .booleans(outcomes.map(\.attempt.isBodyTruncated)),
        ]
    }

    func decode(_ row: borrowing RowReader) throws(StorageError) -> Int64 { try row.integer(0) }
}

extension Disposition {
    fileprivate var code: Int64 {
        switch self {
        case .delivered: 0
        case .failed: 1
        case .retry: 2
        case .giveBack: 3
        }
    }

    fileprivate var delay: Duration {
        switch self {
        case .delivered, .failed: .zero
        case .retry(let delay), .giveBack(let delay): delay
        }
    }
}

extension Duration {
    /// Whole microseconds, within what 64 bits hold.
    var microseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        return overflow ? (seconds < 0 ? .min : .max) : product + attoseconds / 1_000_000_000_000
    }

    /// Seconds with their fraction.
    var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
