import Foundation
import Storage

/// Gives deliveries back that were claimed and not attempted: due again after a while, the count unchanged.
struct ReturnDeliveries: Statement {
    static let sql = """
        UPDATE deliveries AS delivery
        SET state = 0, attempt = delivery.attempt - 1, run_at = now() + given.delay, lease_id = NULL, lease_until = NULL
        FROM unnest($1::bigint[], $2::bigint[], $3::interval[]) AS given (id, lease_id, delay)
        WHERE delivery.id = given.id AND delivery.lease_id = given.lease_id
        """

    let claims: [(claim: Claim, delay: Duration)]

    var arguments: [SQLValue] {
        [
            .integers(claims.map(\.claim.id)), .integers(claims.map(\.claim.leaseID)), .durations(claims.map(\.delay)),
        ]
    }
}

/// Ends deliveries that were claimed and must not be attempted any more, the count unchanged.
struct CancelDeliveries: Statement {
    static let sql = """
        WITH cancelled AS (
            DELETE FROM deliveries AS delivery USING unnest($1::bigint[], $2::bigint[]) AS claimed (id, lease_id)
            WHERE delivery.id = claimed.id AND delivery.lease_id = claimed.lease_id
            RETURNING delivery.*
        )
        INSERT INTO finished_deliveries (
            id, action_id, action_version, event_id, kind, trigger_id, organization_id, destination_id, channel,
            outcome, attempt, created_at)
        SELECT id, action_id, action_version, event_id, kind, trigger_id, organization_id, destination_id, channel,
            'cancelled', attempt - 1, created_at
        FROM cancelled
        """

    let leases: [Lease]

    var arguments: [SQLValue] { [.integers(leases.map(\.deliveryID)), .integers(leases.map(\.leaseID))] }
}

/// Prolongs the leases of deliveries that are still being attempted.
///
/// Passes over locked rows: those are being finished, and waiting for them could deadlock.
struct RenewLeases: Statement {
    static let sql = """
        WITH held AS MATERIALIZED (
            SELECT delivery.id
            FROM deliveries AS delivery JOIN unnest($1::bigint[], $2::bigint[]) AS held (id, lease_id)
                ON delivery.id = held.id AND delivery.lease_id = held.lease_id
            FOR UPDATE OF delivery SKIP LOCKED
        )
        UPDATE deliveries AS delivery SET lease_until = now() + $3 FROM held WHERE delivery.id = held.id
        """

    let held: [Lease]
    let lease: Duration

    var arguments: [SQLValue] { [.integers(held.map(\.deliveryID)), .integers(held.map(\.leaseID)), .duration(lease)] }
}

/// Takes deliveries back whose lease ran out: their process is gone.
///
/// The lost attempt counts, so that a delivery that brings its process down cannot do so for ever.
struct RescueDeliveries: Statement {
    static let sql = """
        WITH expired AS MATERIALIZED (
            SELECT id, attempt, lease_until FROM deliveries
            WHERE state = 1 AND lease_until < now()
            ORDER BY lease_until LIMIT $1
            FOR UPDATE SKIP LOCKED
        ),
        finished AS (
            DELETE FROM deliveries AS delivery USING expired
            WHERE delivery.id = expired.id AND expired.attempt > cardinality($2::interval[])
            RETURNING delivery.*
        ),
        moved AS (
            INSERT INTO finished_deliveries (
                id, action_id, action_version, event_id, kind, trigger_id, organization_id, destination_id, channel,
                outcome, attempt, created_at)
            SELECT id, action_id, action_version, event_id, kind, trigger_id, organization_id, destination_id, channel,
                'failed', attempt, created_at
            FROM finished
        ),
        due AS (
            UPDATE deliveries AS delivery
            SET state = 0, run_at = now() + ($2::interval[])[expired.attempt], lease_id = NULL, lease_until = NULL
            FROM expired
            WHERE delivery.id = expired.id AND expired.attempt <= cardinality($2::interval[])
        ),
        logged AS (
            INSERT INTO attempts (delivery_id, number, started_at, ended_at, error_class, error_message, next_at)
            SELECT id, attempt, lease_until - $3::interval, now(), 'lost_worker',
                'the process that made the attempt disappeared',
                CASE WHEN attempt <= cardinality($2::interval[]) THEN now() + ($2::interval[])[attempt] END
            FROM expired
        )
        SELECT id FROM expired
        """

    let limit: Int
    let lease: Duration

    var arguments: [SQLValue] {
        [.integer(Int64(limit)), .durations(RetrySchedule.delays), .duration(lease)]
    }

    func decode(_ row: borrowing RowReader) throws(StorageError) -> Int64 { try row.integer(0) }
}
