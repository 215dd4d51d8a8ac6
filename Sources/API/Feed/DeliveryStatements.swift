import Domain
import Foundation
import Storage

/// Where a delivery stands; the raw value is the word in JSON.
enum DeliveryState: String, CaseIterable {
    case pending, sending, parked, delivered, failed, cancelled

    /// Whether nothing more happens to the delivery.
    var isFinal: Bool { self == .delivered || self == .failed || self == .cancelled }
}

/// A delivery, finished or not.
struct Delivery {
    let id: Int64
    let trigger: TriggerID
    let organization: OrganizationID
    let action: ActionID
    let actionVersion: Int64
    let event: EventID
    let kind: Int64
    let channel: String
    let state: String
    let attempts: Int64
    let runAt: Date?
    let createdAt: Date
    let finishedAt: Date?
    let destinationID: Int64
    let target: String?

    /// The rows that `condition` selects out of the unfinished and the finished, as `init` reads them.
    ///
    /// Both halves have `condition` and `order` of their own, so that each reads its index and no more. A delivery is in
    /// one of them, whichever moment a snapshot shows. `word` is its state.
    static func rows(where condition: String, order: String = "") -> String {
        let columns = """
            id, trigger_id, organization_id, action_id, action_version, event_id, kind, channel, word, attempt, run_at, \
            created_at, finished_at, destination_id
            """
        return """
            SELECT delivery.*, destination.target FROM (
                (SELECT \(columns) FROM (
                    SELECT *, (ARRAY['pending', 'sending', 'parked'])[state + 1] AS word, NULL::timestamptz AS finished_at
                    FROM deliveries) AS unfinished
                WHERE \(condition) \(order))
                UNION ALL
                (SELECT \(columns) FROM (
                    SELECT *, outcome AS word, NULL::timestamptz AS run_at FROM finished_deliveries) AS finished
                WHERE \(condition) \(order))
            ) AS delivery LEFT JOIN destinations AS destination ON destination.id = delivery.destination_id
            \(order)
            """
    }

    init(_ row: borrowing RowReader) throws(StorageError) {
        id = try row.integer(0)
        trigger = TriggerID(rawValue: try row.uuid(1))
        organization = OrganizationID(rawValue: try row.uuid(2))
        action = ActionID(rawValue: try row.integer(3))
        actionVersion = try row.integer(4)
        event = EventID(rawValue: try row.integer(5))
        kind = try row.integer(6)
        channel = try row.text(7)
        state = try row.text(8)
        attempts = try row.integer(9)
        runAt = try row.optionalDate(10)
        createdAt = try row.date(11)
        finishedAt = try row.optionalDate(12)
        destinationID = try row.integer(13)
        target = try row.optionalText(14)
    }
}

extension Delivery {
    func write(to writer: inout JSONWriter) {
        let isFinished = finishedAt != nil
        writer.member("id", id)
        writer.member("trigger_id", trigger)
        writer.member("organization_id", organization)
        writer.member("action_id", action.rawValue)
        writer.member("action_version", actionVersion)
        writer.member("event_id", event.rawValue)
        writer.member("kind", kind == Int64(DeliveryKind.retraction.rawValue) ? "retraction" : "notification")
        writer.member("channel", channel)
        writer.member("state", state)
        writer.member("outcome", isFinished ? state : nil)
        writer.member("attempts", attempts)
        writer.member("next_attempt_at", state == "pending" ? Timestamp(runAt, .milliseconds) : nil)
        writer.member("created_at", Timestamp(createdAt, .milliseconds))
        writer.member("finished_at", Timestamp(finishedAt, .milliseconds))
        writer.member(
            "destination",
            object: { writer in
                writer.member("id", destinationID)
                writer.member("target", target)
            })
    }
}

/// What deliveries are asked for; nil asks for all.
struct DeliveryFilter: Sendable {
    let trigger: TriggerID?
    let state: DeliveryState?
    let outcome: DeliveryState?
    let channel: Channel?

    init(_ query: QueryReader) {
        trigger = query.value("trigger_id", Read.uuid).map(TriggerID.init(rawValue:))
        state = query.value("state", Read.choice())
        outcome = query.value("outcome") { value in
            Read.choice(DeliveryState.self)(value).flatMap {
                $0.isFinal ? .success($0) : .failure(Refusal("must be one of delivered, failed, cancelled"))
            }
        }
        channel = query.value("channel", Read.choice())
    }

    /// The condition on a row; its arguments are `$2`–`$6`, the organization first.
    static let condition = """
        organization_id = $2 AND ($3::uuid IS NULL OR trigger_id = $3) AND ($4::text IS NULL OR word = $4)
        AND ($5::text IS NULL OR word = $5) AND ($6::text IS NULL OR channel = $6)
        """

    func arguments(in organization: OrganizationID) -> [SQLValue] {
        [
            .uuid(organization.rawValue), .optional(trigger?.rawValue), .optional(state?.rawValue),
            .optional(outcome?.rawValue), .optional(channel?.rawValue),
        ]
    }
}

/// Lists an organization's deliveries from new to old, below a row.
struct ListDeliveriesBefore: Statement {
    static let sql = Delivery.rows(
        where: "id < $7 AND \(DeliveryFilter.condition)", order: "ORDER BY id DESC LIMIT $1")
    let limit: Int64
    let organization: OrganizationID
    let filter: DeliveryFilter
    let row: Int64
    var arguments: [SQLValue] { [.integer(limit)] + filter.arguments(in: organization) + [.integer(row)] }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> Delivery { try Delivery(row) }
}

/// Lists an organization's deliveries from old to new, above a row.
struct ListDeliveriesAfter: Statement {
    static let sql = Delivery.rows(where: "id > $7 AND \(DeliveryFilter.condition)", order: "ORDER BY id LIMIT $1")
    let limit: Int64
    let organization: OrganizationID
    let filter: DeliveryFilter
    let row: Int64
    var arguments: [SQLValue] { [.integer(limit)] + filter.arguments(in: organization) + [.integer(row)] }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> Delivery { try Delivery(row) }
}

/// Reads one delivery of the caller's organizations, and the caller's role there.
struct FindDelivery: Statement {
    static let sql = """
        SELECT found.*, member.role FROM (\(Delivery.rows(where: "id = $2"))) AS found
        JOIN organization_members AS member
            ON member.organization_id = found.organization_id AND member.user_id = $1
        """
    let account: UserID
    let id: DeliveryID
    var arguments: [SQLValue] { [.uuid(account.rawValue), .integer(id.rawValue)] }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> (delivery: Delivery, role: Role) {
        (try Delivery(row), try row.role(15))
    }
}
