import Domain
import Storage

/// Claims fresh due deliveries, longest due first, passing over rows that are being claimed elsewhere.
///
/// The lower bound on `run_at` keeps the scan off the dead rows that finished deliveries leave at the index's
/// beginning: with an old transaction open elsewhere it is six times as fast. ``SweepDeliveries`` has none.
struct ClaimDeliveries: Statement {
    static let sql = ClaimSQL.text(lowerBound: "AND run_at > now() - interval '5 seconds'")

    let limit: Int
    let lease: Duration

    var arguments: [SQLValue] { [.integer(Int64(limit)), .duration(lease)] }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> Claim { try Claim(row) }
}

/// Claims due deliveries of any age: retries, and what became visible late.
struct SweepDeliveries: Statement {
    static let sql = ClaimSQL.text(lowerBound: "")

    let limit: Int
    let lease: Duration

    var arguments: [SQLValue] { [.integer(Int64(limit)), .duration(lease)] }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> Claim { try Claim(row) }
}

private enum ClaimSQL {
    static func text(lowerBound: String) -> String {
        """
        WITH lease AS MATERIALIZED (SELECT nextval('delivery_leases') AS id),
        due AS MATERIALIZED (           -- materialised, so LIMIT applies exactly once
            SELECT id FROM deliveries
            WHERE state = 0 AND run_at <= now() \(lowerBound)
            ORDER BY run_at, id LIMIT $1
            FOR UPDATE SKIP LOCKED
        )
        UPDATE deliveries AS delivery
        SET state = 1, attempt = delivery.attempt + 1, lease_id = lease.id, lease_until = now() + $2
        FROM due, lease WHERE delivery.id = due.id
        RETURNING delivery.id, delivery.lease_id, delivery.action_id, delivery.action_version, delivery.event_id,
            delivery.kind, delivery.organization_id, delivery.destination_id, delivery.channel, delivery.attempt,
            delivery.kind = 0 AND EXISTS (
                SELECT FROM events WHERE events.id = delivery.event_id AND NOT events.is_canonical)
        """
    }
}

extension Claim {
    fileprivate init(_ row: borrowing RowReader) throws(StorageError) {
        id = try row.integer(0)
        leaseID = try row.integer(1)
        actionID = try row.integer(2)
        actionVersion = try row.integer(3)
        eventID = EventID(rawValue: try row.integer(4))
        guard let kind = DeliveryKind(rawValue: Int16(clamping: try row.integer(5))) else {
            throw row.failure(5, "delivery kind")
        }
        self.kind = kind
        organizationID = try row.uuid(6)
        destinationID = try row.integer(7)
        guard let channel = Channel(rawValue: try row.text(8)) else { throw row.failure(8, "channel") }
        self.channel = channel
        attempt = Int(try row.integer(9))
        isOrphaned = try row.boolean(10)
    }
}
