import Storage

struct PasswordHashes: Statement {
    static let sql = "SELECT password_hash FROM users"
    func decode(_ row: borrowing RowReader) throws(StorageError) -> String { try row.text(0) }
}

struct CountRows: Statement {
    enum Table: String { case triggerChanges, destinations, actionVersions, challenges, links }
    static let sql = """
        SELECT CASE $1
            WHEN 'triggerChanges' THEN (SELECT count(*) FROM trigger_changes)
            WHEN 'destinations' THEN (SELECT count(*) FROM destinations)
            WHEN 'actionVersions' THEN (SELECT count(*) FROM action_versions)
            WHEN 'challenges' THEN (SELECT count(*) FROM challenges WHERE consumed_at IS NULL)
            WHEN 'links' THEN (SELECT count(*) FROM agent_links)
        END
        """
    let table: Table
    var arguments: [SQLValue] { [.text(table.rawValue)] }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> Int64 { try row.integer(0) }
}

struct ActionVersionRows: Statement {
    static let sql = "SELECT version, trigger_name, config, secrets FROM action_versions ORDER BY action_id, version"
    func decode(
        _ row: borrowing RowReader
    ) throws(StorageError) -> (version: Int64, name: String, config: String, secrets: [UInt8]?) {
        (try row.integer(0), try row.text(1), try row.text(2), try row.optionalBytes(3))
    }
}
