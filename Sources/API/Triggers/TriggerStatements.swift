import Domain
import Foundation
import Storage

/// A page of an organization's triggers, newest first, each with the number of all.
///
/// One row without a trigger where the page is empty; no row where the scope is not the caller's.
struct ListTriggers: Statement {
    static let sql = """
        WITH scope AS (\(OrganizationScope.sql))
        SELECT trigger.*, (SELECT count(*) FROM triggers WHERE organization_id = scope.organization_id)
        FROM scope LEFT JOIN LATERAL (
            SELECT \(Trigger.columns) FROM triggers AS trigger
            WHERE trigger.organization_id = scope.organization_id
            ORDER BY trigger.created_at DESC, trigger.id LIMIT $3 OFFSET $4
        ) AS trigger ON true
        """
    let scope: OrganizationScope
    let page: Page
    var arguments: [SQLValue] {
        [
            .uuid(scope.account.rawValue), .optional(scope.organization?.rawValue), .integer(page.limit),
            .integer(page.offset),
        ]
    }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> (trigger: Trigger?, total: Int64) {
        (row.isNull(0) ? nil : try Trigger(row), try row.integer(Trigger.columnCount))
    }
}

/// A trigger with everything that belongs to it, and what the caller may do with it.
struct TriggerDetails {
    let trigger: Trigger
    let role: Role
    let conditions: [Condition]
    let actions: [Action]
}

/// Reads a trigger of one of the caller's organizations, its conditions in their order and its actions by priority.
struct FindTrigger: Statement {
    static let sql = """
        SELECT \(Trigger.columns), member.role,
            coalesce((
                SELECT json_agg(\(Condition.json) ORDER BY condition.id)
                FROM trigger_conditions AS condition WHERE condition.trigger_id = trigger.id), '[]'),
            coalesce((
                SELECT json_agg(\(Action.json) ORDER BY action.priority, action.id)
                FROM trigger_actions AS action
                JOIN action_versions AS version ON version.action_id = action.id AND version.version = action.version
                WHERE action.trigger_id = trigger.id), '[]')
        FROM triggers AS trigger
        JOIN organization_members AS member
            ON member.organization_id = trigger.organization_id AND member.user_id = $1
        WHERE trigger.id = $2
        """
    let account: UserID
    let trigger: TriggerID
    var arguments: [SQLValue] { [.uuid(account.rawValue), .uuid(trigger.rawValue)] }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> TriggerDetails {
        let column = Trigger.columnCount
        return TriggerDetails(
            trigger: try Trigger(row), role: try row.role(column),
            conditions: try row.list(column + 1, Condition.init), actions: try row.list(column + 2, Action.init))
    }
}

/// Locks a trigger of one of the caller's organizations against other changes, until the transaction ends.
///
/// What belongs to the trigger must be read by a later statement: this one may have waited, and its snapshot is older
/// than what it waited for.
struct LockTrigger: Statement {
    static let sql = """
        SELECT member.role FROM triggers AS trigger
        JOIN organization_members AS member
            ON member.organization_id = trigger.organization_id AND member.user_id = $1
        WHERE trigger.id = $2
        FOR UPDATE OF trigger
        """
    let account: UserID
    let trigger: TriggerID
    var arguments: [SQLValue] { [.uuid(account.rawValue), .uuid(trigger.rawValue)] }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> Role { try row.role(0) }
}

/// Creates a trigger without conditions and actions.
///
/// No row where the scope is not the caller's; a role and no trigger where the role does not allow it.
struct CreateTrigger: Statement {
    static let sql = """
        WITH scope AS (\(OrganizationScope.sql)), trigger AS (
            INSERT INTO triggers AS trigger (
                organization_id, id, user_id, name, description, chain_id, registry, enabled, is_stateful, finality,
                mode, notify_retractions)
            SELECT organization_id, $3, $1, $4, $5, $6, $7, $8, $9, $10, $11, $12 FROM scope WHERE role <> 'viewer'
            RETURNING \(Trigger.columns)
        )
        SELECT trigger.*, scope.role FROM scope LEFT JOIN trigger ON true
        """
    let scope: OrganizationScope
    let id: TriggerID
    let settings: TriggerSettings
    var arguments: [SQLValue] {
        [.uuid(scope.account.rawValue), .optional(scope.organization?.rawValue), .uuid(id.rawValue)]
            + settings.arguments
    }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> (trigger: Trigger?, role: Role) {
        (row.isNull(0) ? nil : try Trigger(row), try row.role(Trigger.columnCount))
    }
}

/// Overwrites a trigger's settings, for the holder of its lock.
struct UpdateTrigger: Statement {
    static let sql = """
        UPDATE triggers AS trigger SET
            name = $2, description = $3, chain_id = $4, registry = $5, enabled = $6, is_stateful = $7, finality = $8,
            mode = $9, notify_retractions = $10, version = version + 1, updated_at = now()
        WHERE id = $1
        RETURNING \(Trigger.columns)
        """
    let trigger: TriggerID
    let settings: TriggerSettings
    var arguments: [SQLValue] { [.uuid(trigger.rawValue)] + settings.arguments }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> Trigger { try Trigger(row) }
}

/// Notes that a trigger's conditions or actions changed, for the holder of its lock.
struct TouchTrigger: Statement {
    static let sql = "UPDATE triggers SET version = version + 1, updated_at = now() WHERE id = $1"
    let trigger: TriggerID
    var arguments: [SQLValue] { [.uuid(trigger.rawValue)] }
}

/// Deletes a trigger with what belongs to it; the caller's role, or no row where the trigger is not the caller's.
struct DeleteTrigger: Statement {
    static let sql = """
        WITH target AS (
            SELECT trigger.id, member.role FROM triggers AS trigger
            JOIN organization_members AS member
                ON member.organization_id = trigger.organization_id AND member.user_id = $1
            WHERE trigger.id = $2
        ), deleted AS (
            DELETE FROM triggers USING target WHERE triggers.id = target.id AND target.role <> 'viewer'
        )
        SELECT role FROM target
        """
    let account: UserID
    let trigger: TriggerID
    var arguments: [SQLValue] { [.uuid(account.rawValue), .uuid(trigger.rawValue)] }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> Role { try row.role(0) }
}

extension RowReader {
    /// A member's role.
    func role(_ column: Int) throws(StorageError) -> Role {
        guard let role = Role(rawValue: try text(column)) else { throw failure(column, "role") }
        return role
    }
}
