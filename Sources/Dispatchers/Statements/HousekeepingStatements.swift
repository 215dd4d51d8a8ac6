import Storage

/// Makes the daily partitions from today on.
struct EnsurePartitions: Statement {
    static let sql = "SELECT ensure_partitions(3)"
}

/// How many deliveries are due, counted up to a limit so that a backlog costs nothing.
struct CountDue: Statement {
    static let maximum: Int64 = 10_000
    static let sql =
        "SELECT count(*) FROM (SELECT FROM deliveries WHERE state = 0 AND run_at <= now() LIMIT $1) AS due"

    var arguments: [SQLValue] { [.integer(Self.maximum)] }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> Int64 { try row.integer(0) }
}

/// Points the stored versions of a destination's actions to the chat that a group became.
struct MoveActionsToChat: Statement {
    static let sql = """
        UPDATE action_versions
        SET config = jsonb_set(config::jsonb, '{chat_id}', to_jsonb($3::text))::json
        WHERE action_id IN (SELECT id FROM trigger_actions WHERE destination_id = $1)
            AND config ->> 'chat_id' = $2
        """

    let destinationID: Int64
    let oldChat: String
    let newChat: String

    var arguments: [SQLValue] { [.integer(destinationID), .text(oldChat), .text(newChat)] }
}

/// Points a destination to the chat that a group became, unless the organization has one for that chat already.
struct MoveDestinationToChat: Statement {
    static let sql = """
        UPDATE destinations AS moved SET target = $2
        WHERE id = $1 AND NOT EXISTS (
            SELECT FROM destinations AS other
            WHERE other.organization_id = moved.organization_id AND other.channel = moved.channel AND other.target = $2)
        """

    let destinationID: Int64
    let newChat: String

    var arguments: [SQLValue] { [.integer(destinationID), .text(newChat)] }
}
