import Domain
import Foundation
import Storage

/// Creates a trigger with its conditions and actions, all or nothing, in one statement.
///
/// The destinations of the actions must exist. No row where the scope is not the caller's; a role and no trigger where
/// the role does not allow it.
struct CreateWholeTrigger: Statement {
    static let sql = """
        WITH scope AS (\(OrganizationScope.sql)), trigger AS (
            INSERT INTO triggers AS trigger (
                organization_id, id, user_id, name, description, chain_id, registry, enabled, is_stateful, finality,
                mode, notify_retractions)
            SELECT organization_id, $3, $1, $4, $5, $6, $7, $8, $9, $10, $11, $12 FROM scope WHERE role <> 'viewer'
            RETURNING \(Trigger.columns)
        ), condition AS (
            INSERT INTO trigger_conditions (trigger_id, condition_type, field, operator, value, config)
            SELECT trigger.id, condition_type, field, operator, value, config
            FROM trigger, unnest($13::text[], $14::text[], $15::text[], $16::json[], $17::json[])
                WITH ORDINALITY AS wanted (condition_type, field, operator, value, config, place)
            ORDER BY place
            RETURNING id
        ), wanted AS (
            SELECT * FROM unnest($18::text[], $19::integer[], $20::bigint[], $21::json[], $22::bytea[])
                WITH ORDINALITY AS wanted (action_type, priority, destination_id, config, secrets, place)
        ), action AS (
            INSERT INTO trigger_actions (trigger_id, action_type, priority, destination_id)
            SELECT trigger.id, action_type, priority, destination_id FROM trigger, wanted ORDER BY place
            RETURNING id
        ), version AS (
            -- Ids grow in the order of insertion, so the n-th id belongs to the n-th action.
            INSERT INTO action_versions (action_id, version, trigger_id, trigger_name, config, secrets)
            SELECT numbered.id, 1, trigger.id, trigger.name, wanted.config, wanted.secrets
            FROM trigger, wanted JOIN (SELECT id, row_number() OVER (ORDER BY id) AS place FROM action) AS numbered
                USING (place)
        )
        SELECT trigger.*, scope.role, ARRAY(SELECT id FROM condition ORDER BY id), ARRAY(SELECT id FROM action ORDER BY id)
        FROM scope LEFT JOIN trigger ON true
        """
    let draft: TriggerDraft
    /// The destination of each action, in their order.
    let destinations: [Int64]

    var arguments: [SQLValue] {
        let conditions = draft.conditions ?? []
        let actions = draft.actions ?? []
        return CreateTrigger(scope: draft.scope, id: draft.id, settings: draft.settings).arguments + [
            .texts(conditions.map(\.type)), .texts(conditions.map(\.field)), .texts(conditions.map(\.operator)),
            .jsons(conditions.map { $0.value.map(JSONWriter.text) }),
            .jsons(conditions.map { $0.config.map(JSONWriter.text) }),
            .texts(actions.map(\.channel.rawValue)), .integers(actions.map(\.priority)),
            .integers(destinations), .jsons(actions.map { JSONWriter.text(of: $0.config) }),
            .optionalByteStrings(actions.map(\.secrets)),
        ]
    }

    struct Created {
        let trigger: Trigger?
        let role: Role
        let conditions: [ConditionID]
        let actions: [ActionID]
    }

    func decode(_ row: borrowing RowReader) throws(StorageError) -> Created {
        let column = Trigger.columnCount
        return Created(
            trigger: row.isNull(0) ? nil : try Trigger(row), role: try row.role(column),
            conditions: try row.integers(column + 1).map(ConditionID.init(rawValue:)),
            actions: try row.integers(column + 2).map(ActionID.init(rawValue:)))
    }
}

/// Finds or makes the destinations that new actions point to: the number of each that could be resolved, by place.
///
/// One that another transaction is just making is missing here and found by the next run. No row where the scope is not
/// the caller's, and nothing is made where the role does not allow it.
struct EnsureDestinations: Statement {
    static let sql = """
        WITH scope AS (\(OrganizationScope.sql)), wanted AS (
            SELECT scope.organization_id, scope.role, channel, target, place FROM scope, unnest($3::text[], $4::text[])
                WITH ORDINALITY AS wanted (channel, target, place)
        ), added AS (
            INSERT INTO destinations (organization_id, channel, target)
            SELECT DISTINCT organization_id, channel, target FROM wanted WHERE role <> 'viewer' ORDER BY 2, 3
            ON CONFLICT DO NOTHING
            RETURNING id, channel, target
        ), known AS (
            SELECT id, channel, target FROM added
            UNION
            SELECT id, channel, target FROM destinations JOIN wanted USING (organization_id, channel, target)
        )
        SELECT wanted.role, known.id FROM wanted LEFT JOIN known USING (channel, target) ORDER BY place
        """
    let scope: OrganizationScope
    let destinations: [(channel: Channel, target: String)]
    var arguments: [SQLValue] {
        [
            .uuid(scope.account.rawValue), .optional(scope.organization?.rawValue),
            .texts(destinations.map(\.channel.rawValue)), .texts(destinations.map(\.target)),
        ]
    }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> (role: Role, id: Int64?) {
        (try row.role(0), try row.optionalInteger(1))
    }
}
