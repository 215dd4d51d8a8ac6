import Domain
import Foundation
import Storage

/// The present snapshot as text: which transactions are visible now.
struct CurrentSnapshot: Statement {
    static let sql = "SELECT pg_current_snapshot()::text"
    func decode(_ row: borrowing RowReader) throws(StorageError) -> String { try row.text(0) }
}

/// The triggers that changed between the snapshot `since` and the present one, by id, with everything that they are now.
///
/// One statement sees one snapshot. A change is a row in `trigger_changes` whose transaction is visible now and was not
/// then, so nothing is missed behind a slow commit and nothing is loaded twice. The first row always tells the present
/// snapshot, with a NULL id where nothing changed.
struct SelectChanges: Statement {
    struct Change: Sendable {
        let snapshot: String
        let id: UUID?
        /// Nil where the trigger was deleted.
        let trigger: StoredTrigger?
        let conditions: [StoredCondition]
        let actions: [StoredAction]
    }

    static let sql = """
        SELECT pg_current_snapshot()::text, change.trigger_id,
            condition.types, condition.fields, condition.operators, condition.operands, condition.configs,
            action.ids, action.destinations, action.versions, action.channels,
            \(StoredTrigger.columns(of: "trigger"))
        FROM (VALUES (1)) AS one
        LEFT JOIN (
            SELECT DISTINCT trigger_id FROM trigger_changes
            WHERE transaction_id >= pg_snapshot_xmin($1::text::pg_snapshot)
                AND NOT pg_visible_in_snapshot(transaction_id, $1::text::pg_snapshot)
                AND ($2::uuid IS NULL OR trigger_id > $2)
            ORDER BY trigger_id LIMIT $3
        ) AS change ON true
        LEFT JOIN triggers AS trigger ON trigger.id = change.trigger_id
        LEFT JOIN LATERAL (
            SELECT array_agg(condition_type ORDER BY id) AS types, array_agg(field::text ORDER BY id) AS fields,
                array_agg(operator::text ORDER BY id) AS operators, array_agg(value::text ORDER BY id) AS operands,
                array_agg(config::text ORDER BY id) AS configs
            FROM trigger_conditions WHERE trigger_id = trigger.id
        ) AS condition ON true
        LEFT JOIN LATERAL (
            SELECT array_agg(id ORDER BY priority, id) AS ids,
                array_agg(destination_id ORDER BY priority, id) AS destinations,
                array_agg(version ORDER BY priority, id) AS versions,
                array_agg(action_type ORDER BY priority, id) AS channels
            FROM trigger_actions WHERE trigger_id = trigger.id
        ) AS action ON true
        ORDER BY change.trigger_id
        """
    /// The snapshot of the last look.
    let since: String
    /// Where the page before ended; nil for the first.
    let after: UUID?
    let limit: Int
    var arguments: [SQLValue] { [.text(since), .optional(after), .integer(Int64(limit))] }

    func decode(_ row: borrowing RowReader) throws(StorageError) -> Change {
        let id = try row.optionalUUID(1)
        let trigger = row.isNull(11) ? nil : try StoredTrigger(row, from: 11)
        return Change(
            snapshot: try row.text(0), id: id, trigger: trigger, conditions: try conditions(row, of: trigger),
            actions: try actions(row, of: trigger))
    }

    private func conditions(
        _ row: borrowing RowReader, of trigger: StoredTrigger?
    ) throws(StorageError) -> [StoredCondition] {
        guard let trigger, !row.isNull(2) else { return [] }
        let types = try row.texts(2)
        let fields = try row.texts(3)
        let operators = try row.texts(4)
        let values = try row.optionalTexts(5)
        let configs = try row.optionalTexts(6)
        guard [fields.count, operators.count, values.count, configs.count].allSatisfy({ $0 == types.count }) else {
            throw row.failure(2, "one element for each condition")
        }
        return types.indices.map { place in
            StoredCondition(
                triggerID: trigger.id, type: types[place], field: fields[place], operator: operators[place],
                value: values[place], config: configs[place])
        }
    }

    private func actions(
        _ row: borrowing RowReader, of trigger: StoredTrigger?
    ) throws(StorageError) -> [StoredAction] {
        guard let trigger, !row.isNull(7) else { return [] }
        let ids = try row.integers(7)
        let destinations = try row.integers(8)
        let versions = try row.integers(9)
        let channels = try row.texts(10)
        guard [destinations.count, versions.count, channels.count].allSatisfy({ $0 == ids.count }) else {
            throw row.failure(7, "one element for each action")
        }
        var actions: [StoredAction] = []
        for place in ids.indices {
            guard let version = Int32(exactly: versions[place]), let channel = Channel(rawValue: channels[place]) else {
                throw row.failure(10, "an action")
            }
            actions.append(
                StoredAction(
                    triggerID: trigger.id,
                    action: TriggerAction(
                        id: ids[place], destinationID: destinations[place], version: version, channel: channel)))
        }
        return actions
    }
}

/// Forgets the changes of transactions that every snapshot after `snapshot` sees.
struct PurgeChanges: Statement {
    static let sql = """
        DELETE FROM trigger_changes WHERE transaction_id < pg_snapshot_xmin($1::text::pg_snapshot)
        """
    let snapshot: String
    var arguments: [SQLValue] { [.text(snapshot)] }
}
