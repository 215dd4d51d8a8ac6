import Domain
import Foundation
import Storage

/// Adds an action with its first version, for the holder of the trigger's lock.
struct CreateAction: Statement {
    static let sql = """
        WITH action AS (
            INSERT INTO trigger_actions (trigger_id, action_type, priority, destination_id)
            VALUES ($1, $2, $3, $4) RETURNING id, created_at
        ), version AS (
            INSERT INTO action_versions (action_id, version, trigger_id, trigger_name, config, secrets)
            SELECT action.id, 1, trigger.id, trigger.name, $5::json, $6::bytea
            FROM action, triggers AS trigger WHERE trigger.id = $1
        )
        SELECT id, created_at FROM action
        """
    let trigger: TriggerID
    let draft: ActionDraft
    let destination: Int64
    var arguments: [SQLValue] {
        [
            .uuid(trigger.rawValue), .text(draft.channel.rawValue), .integer(draft.priority),
            .integer(destination), .json(JSONWriter.text(of: draft.config)),
            .optional(draft.secrets),
        ]
    }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> Action {
        Action(
            id: ActionID(rawValue: try row.integer(0)), channel: draft.channel, priority: draft.priority,
            version: 1, config: draft.revealedConfig, createdAt: Timestamp(try row.date(1)).description)
    }
}

/// Gives an action a new version, for the holder of the trigger's lock.
struct UpdateAction: Statement {
    static let sql = """
        WITH action AS (
            UPDATE trigger_actions SET action_type = $3, priority = $4, destination_id = $5, version = version + 1
            WHERE trigger_id = $1 AND id = $2 RETURNING id, version
        )
        INSERT INTO action_versions (action_id, version, trigger_id, trigger_name, config, secrets)
        SELECT action.id, action.version, trigger.id, trigger.name, $6::json, $7::bytea
        FROM action, triggers AS trigger WHERE trigger.id = $1
        """
    let trigger: TriggerID
    let action: ActionID
    let draft: ActionDraft
    let destination: Int64
    var arguments: [SQLValue] {
        [
            .uuid(trigger.rawValue), .integer(action.rawValue), .text(draft.channel.rawValue),
            .integer(draft.priority), .integer(destination),
            .json(JSONWriter.text(of: draft.config)), .optional(draft.secrets),
        ]
    }
}

/// Moves an action among its siblings; what it sends stays, so its version does too.
struct UpdateActionPriority: Statement {
    static let sql = "UPDATE trigger_actions SET priority = $3 WHERE trigger_id = $1 AND id = $2"
    let trigger: TriggerID
    let action: ActionID
    let priority: Int64
    var arguments: [SQLValue] { [.uuid(trigger.rawValue), .integer(action.rawValue), .integer(priority)] }
}

/// Gives every action of a trigger a new version that carries the trigger's new name, for the holder of its lock.
struct RenameActionVersions: Statement {
    static let sql = """
        WITH action AS (
            UPDATE trigger_actions SET version = version + 1 WHERE trigger_id = $1 RETURNING id, version
        )
        INSERT INTO action_versions (action_id, version, trigger_id, trigger_name, config, secrets)
        SELECT action.id, action.version, previous.trigger_id, $2, previous.config, previous.secrets
        FROM action JOIN action_versions AS previous
            ON previous.action_id = action.id AND previous.version = action.version - 1
        """
    let trigger: TriggerID
    let name: String
    var arguments: [SQLValue] { [.uuid(trigger.rawValue), .text(name)] }
}

/// Deletes an action; its versions stay for deliveries that name them.
struct DeleteAction: Statement {
    static let sql = "DELETE FROM trigger_actions WHERE trigger_id = $1 AND id = $2"
    let trigger: TriggerID
    let action: ActionID
    var arguments: [SQLValue] { [.uuid(trigger.rawValue), .integer(action.rawValue)] }
}

/// Reads the sealed secrets of an action's current version; no row for one without.
struct FindActionSecrets: Statement {
    static let sql = """
        SELECT version.secrets FROM trigger_actions AS action
        JOIN action_versions AS version ON version.action_id = action.id AND version.version = action.version
        WHERE action.trigger_id = $1 AND action.id = $2 AND version.secrets IS NOT NULL
        """
    let trigger: TriggerID
    let action: ActionID
    var arguments: [SQLValue] { [.uuid(trigger.rawValue), .integer(action.rawValue)] }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> [UInt8] { try row.bytes(0) }
}
