import Domain
import Foundation
import Storage

/// Adds a condition, for the holder of the trigger's lock.
struct CreateCondition: Statement {
    static let sql = """
        INSERT INTO trigger_conditions (trigger_id, condition_type, field, operator, value, config)
        VALUES ($1, $2, $3, $4, $5, $6) RETURNING id, created_at
        """
    let trigger: TriggerID
    let source: ConditionSource
    var arguments: [SQLValue] { [.uuid(trigger.rawValue)] + source.arguments }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> Condition {
        Condition(
            id: ConditionID(rawValue: try row.integer(0)), source: source,
            createdAt: Timestamp(try row.date(1)).description)
    }
}

/// Overwrites a condition, for the holder of the trigger's lock.
struct UpdateCondition: Statement {
    static let sql = """
        UPDATE trigger_conditions SET condition_type = $3, field = $4, operator = $5, value = $6, config = $7
        WHERE trigger_id = $1 AND id = $2
        """
    let trigger: TriggerID
    let condition: ConditionID
    let source: ConditionSource
    var arguments: [SQLValue] {
        [.uuid(trigger.rawValue), .integer(condition.rawValue)] + source.arguments
    }
}

/// Deletes a condition, for the holder of the trigger's lock.
struct DeleteCondition: Statement {
    static let sql = "DELETE FROM trigger_conditions WHERE trigger_id = $1 AND id = $2"
    let trigger: TriggerID
    let condition: ConditionID
    var arguments: [SQLValue] { [.uuid(trigger.rawValue), .integer(condition.rawValue)] }
}

extension ConditionSource {
    /// As bound values: type, field, operator, value, config.
    fileprivate var arguments: [SQLValue] {
        [
            .text(type), .text(field), .text(`operator`), value.map { .json(JSONWriter.text(of: $0)) } ?? .null,
            config.map { .json(JSONWriter.text(of: $0)) } ?? .null,
        ]
    }
}
