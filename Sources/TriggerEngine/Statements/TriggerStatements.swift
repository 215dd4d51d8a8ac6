import Domain
import Foundation
import Storage

/// A row of `triggers` as it is stored, not compiled yet.
struct StoredTrigger: Sendable {
    let id: UUID
    let organizationID: UUID
    let chainID: ChainID?
    /// Nil for `any`.
    let registry: Registry?
    let isEnabled: Bool
    let finality: Finality
    let mode: TriggerMode
    let enabledAt: Int64

    /// The columns that `init` reads, of `triggers` under the name `alias`.
    static func columns(of alias: String) -> String {
        """
        \(alias).id, \(alias).organization_id, \(alias).chain_id, \(alias).registry, \(alias).enabled, \
        \(alias).finality, \(alias).mode, extract(epoch FROM \(alias).enabled_at)::bigint
        """
    }
    static let columnCount = 8

    init(_ row: borrowing RowReader, from first: Int) throws(StorageError) {
        id = try row.uuid(first)
        organizationID = try row.uuid(first + 1)
        let chain = try row.optionalInteger(first + 2)
        chainID = chain.flatMap { ChainID(rawValue: $0) }
        registry = Registry(rawValue: try row.text(first + 3))
        isEnabled = try row.boolean(first + 4)
        guard let finality = Finality(rawValue: try row.text(first + 5)) else {
            throw row.failure(first + 5, "finality")
        }
        guard let mode = TriggerMode(rawValue: try row.text(first + 6)) else { throw row.failure(first + 6, "mode") }
        self.finality = finality
        self.mode = mode
        enabledAt = try row.integer(first + 7)
    }
}

/// A condition with its trigger; the JSON parts are still text.
struct StoredCondition: Sendable {
    let triggerID: UUID
    let type: String
    let field: String
    let `operator`: String
    let value: String?
    let config: String?
}

/// An action with its trigger.
struct StoredAction: Sendable {
    let triggerID: UUID
    let action: TriggerAction
}

/// A page of the enabled triggers with ids in `after < id <= last`, by id.
struct SelectTriggers: Statement {
    static let sql = """
        SELECT \(StoredTrigger.columns(of: "triggers")) FROM triggers
        WHERE id > $1 AND id <= $2 AND enabled ORDER BY id LIMIT $3
        """
    let after: UUID
    let last: UUID
    let limit: Int
    var arguments: [SQLValue] { [.uuid(after), .uuid(last), .integer(Int64(limit))] }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> StoredTrigger { try StoredTrigger(row, from: 0) }
}

/// The conditions of the triggers with ids in `after < id <= last`, by trigger and in their order.
struct SelectConditions: Statement {
    static let sql = """
        SELECT trigger_id, condition_type, field, operator, value, config FROM trigger_conditions
        WHERE trigger_id > $1 AND trigger_id <= $2 ORDER BY trigger_id, id
        """
    let after: UUID
    let last: UUID
    var arguments: [SQLValue] { [.uuid(after), .uuid(last)] }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> StoredCondition {
        StoredCondition(
            triggerID: try row.uuid(0), type: try row.text(1), field: try row.text(2), operator: try row.text(3),
            value: try row.optionalText(4), config: try row.optionalText(5))
    }
}

/// The actions of the triggers with ids in `after < id <= last`, by trigger and in the order of their priority.
struct SelectActions: Statement {
    static let sql = """
        SELECT trigger_id, id, destination_id, version, action_type FROM trigger_actions
        WHERE trigger_id > $1 AND trigger_id <= $2 ORDER BY trigger_id, priority, id
        """
    let after: UUID
    let last: UUID
    var arguments: [SQLValue] { [.uuid(after), .uuid(last)] }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> StoredAction {
        guard let version = Int32(exactly: try row.integer(3)) else { throw row.failure(3, "version") }
        guard let channel = Channel(rawValue: try row.text(4)) else { throw row.failure(4, "channel") }
        return StoredAction(
            triggerID: try row.uuid(0),
            action: TriggerAction(
                id: try row.integer(1), destinationID: try row.integer(2), version: version, channel: channel))
    }
}

/// How many triggers there are, to make room for them.
struct CountTriggers: Statement {
    static let sql = "SELECT count(*) FROM triggers WHERE enabled"
    func decode(_ row: borrowing RowReader) throws(StorageError) -> Int64 { try row.integer(0) }
}
