import Domain
import Foundation
import Storage

/// A notification to be stored as a delivery: one action of one matching trigger, for one event.
struct PlannedDelivery: Sendable, Equatable {
    let eventID: EventID
    let triggerID: UUID
    let organizationID: UUID
    let action: TriggerAction
}

extension [PlannedDelivery] {
    /// The deliveries as one array for each column of ``PlannedDelivery/columns``.
    fileprivate var arguments: [SQLValue] {
        [
            .integers(map(\.action.id)), .integers(map { Int64($0.action.version) }),
            .integers(map(\.eventID.rawValue)), .uuids(map(\.triggerID)), .uuids(map(\.organizationID)),
            .integers(map(\.action.destinationID)), .texts(map(\.action.channel.rawValue)),
        ]
    }
}

/// Moves a cursor and stores the deliveries of what it passes, as one statement and so as one transaction.
///
/// Answers whether the cursor moved; where the lease was lost or the cursor stands elsewhere, nothing is stored.
struct CommitDeliveries: Statement {
    struct Outcome: Sendable {
        let didMove: Bool
        let stored: Int64
    }

    static let sql = """
        WITH moved AS (
            UPDATE engine_cursors
            SET sequence = $4, safe_number = nullif($5, -1), finalized_number = nullif($6, -1),
                engine_until = clock_timestamp() + $7
            WHERE chain_id = $1 AND engine_token = $2 AND sequence = $3
            RETURNING chain_id
        ), stored AS (
            INSERT INTO deliveries (
                action_id, action_version, event_id, kind, trigger_id, organization_id, destination_id, channel)
            SELECT planned.action_id, planned.action_version, planned.event_id, 0, planned.trigger_id,
                planned.organization_id, planned.destination_id, planned.channel
            FROM moved, unnest(
                $8::bigint[], $9::integer[], $10::bigint[], $11::uuid[], $12::uuid[], $13::bigint[], $14::text[])
                AS planned (
                    action_id, action_version, event_id, trigger_id, organization_id, destination_id, channel)
            ON CONFLICT ON CONSTRAINT deliveries_once DO NOTHING
            RETURNING 1
        )
        SELECT (SELECT count(*) FROM moved), (SELECT count(*) FROM stored)
        """
    let move: MoveCursor
    let deliveries: [PlannedDelivery]
    var arguments: [SQLValue] { move.arguments + deliveries.arguments }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> Outcome {
        Outcome(didMove: try row.integer(0) == 1, stored: try row.integer(1))
    }
}

/// Stores deliveries inside a transaction that moved the cursor; answers how many were new.
///
/// Finished deliveries of the same event and action count as stored, unless they were cancelled: heights can be
/// evaluated again for a finality mark that fell and rose.
struct InsertDeliveries: Statement {
    static let sql = """
        INSERT INTO deliveries (
            action_id, action_version, event_id, kind, trigger_id, organization_id, destination_id, channel)
        SELECT planned.action_id, planned.action_version, planned.event_id, 0, planned.trigger_id,
            planned.organization_id, planned.destination_id, planned.channel
        FROM unnest($1::bigint[], $2::integer[], $3::bigint[], $4::uuid[], $5::uuid[], $6::bigint[], $7::text[])
            AS planned (action_id, action_version, event_id, trigger_id, organization_id, destination_id, channel)
        WHERE NOT $8 OR NOT EXISTS (
            SELECT FROM finished_deliveries AS finished
            WHERE finished.event_id = planned.event_id AND finished.action_id = planned.action_id
                AND finished.kind = 0 AND finished.outcome <> 'cancelled')
        ON CONFLICT ON CONSTRAINT deliveries_once DO NOTHING
        """
    let deliveries: [PlannedDelivery]
    /// Whether finished deliveries are looked at too.
    let mayRepeat: Bool
    var arguments: [SQLValue] { deliveries.arguments + [.boolean(mayRepeat)] }
}

/// Takes back what was said about events whose blocks were orphaned.
///
/// Notifications that wait, new or for a retry, are cancelled: sending one now would be a lie. For those that may have
/// arrived, at least in part, a retraction notice of the same action version is stored, if their trigger wants it; a
/// deleted trigger wants none. Answers how many were cancelled and how many notices stored.
struct RetractDeliveries: Statement {
    struct Outcome: Sendable {
        let cancelled: Int64
        let notices: Int64
    }

    static let sql = """
        WITH waiting AS (
            DELETE FROM deliveries WHERE event_id = ANY ($1) AND kind = 0 AND state <> 1 RETURNING *
        ), cancelled AS (
            INSERT INTO finished_deliveries (
                id, action_id, action_version, event_id, kind, trigger_id, organization_id, destination_id, channel,
                outcome, attempt, created_at)
            SELECT id, action_id, action_version, event_id, kind, trigger_id, organization_id, destination_id, channel,
                'cancelled', attempt, created_at
            FROM waiting
        ), told AS (
            SELECT action_id, action_version, event_id, trigger_id, organization_id, destination_id, channel
            FROM waiting WHERE attempt > 0 OR EXISTS (SELECT FROM attempts WHERE delivery_id = waiting.id)
            UNION
            SELECT action_id, action_version, event_id, trigger_id, organization_id, destination_id, channel
            FROM deliveries
            WHERE event_id = ANY ($1) AND kind = 0 AND id NOT IN (SELECT id FROM waiting)
            UNION
            SELECT action_id, action_version, event_id, trigger_id, organization_id, destination_id, channel
            FROM finished_deliveries
            WHERE event_id = ANY ($1) AND kind = 0 AND (outcome <> 'cancelled' OR attempt > 0)
        ), notices AS (
            INSERT INTO deliveries (
                action_id, action_version, event_id, kind, trigger_id, organization_id, destination_id, channel)
            SELECT DISTINCT ON (told.event_id, told.action_id)
                told.action_id, told.action_version, told.event_id, 1, told.trigger_id, told.organization_id,
                told.destination_id, told.channel
            FROM told JOIN triggers ON triggers.id = told.trigger_id AND triggers.notify_retractions
            ORDER BY told.event_id, told.action_id, told.action_version DESC
            ON CONFLICT ON CONSTRAINT deliveries_once DO NOTHING
            RETURNING 1
        )
        SELECT (SELECT count(*) FROM waiting), (SELECT count(*) FROM notices)
        """
    let events: [EventID]
    var arguments: [SQLValue] { [.integers(events.map(\.rawValue))] }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> Outcome {
        Outcome(cancelled: try row.integer(0), notices: try row.integer(1))
    }
}
