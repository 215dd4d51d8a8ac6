import Foundation
import Storage

/// Which version of which action.
struct ActionKey: Hashable, Sendable {
    let actionID: Int64
    let version: Int64
}

/// An action's version as it is stored.
struct ActionRow: Sendable {
    let key: ActionKey
    let triggerID: UUID
    let triggerName: String
    /// A JSON document without secrets.
    let config: String
    /// Sealed; nil where there are none.
    let secrets: [UInt8]?
}

/// Reads action versions, in no particular order; those that do not exist are left out.
struct LoadActions: Statement {
    static let sql = """
        SELECT action_id, version, trigger_id, trigger_name, config, secrets
        FROM action_versions JOIN unnest($1::bigint[], $2::integer[]) AS wanted (action_id, version)
            USING (action_id, version)
        """

    let keys: [ActionKey]

    var arguments: [SQLValue] { [.integers(keys.map(\.actionID)), .integers(keys.map(\.version))] }

    func decode(_ row: borrowing RowReader) throws(StorageError) -> ActionRow {
        ActionRow(
            key: ActionKey(actionID: try row.integer(0), version: try row.integer(1)), triggerID: try row.uuid(2),
            triggerName: try row.text(3), config: try row.text(4), secrets: try row.optionalBytes(5))
    }
}
