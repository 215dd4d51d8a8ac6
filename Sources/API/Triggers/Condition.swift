import Domain
import Foundation
import Storage

/// A condition as it is stored.
struct Condition {
    let id: ConditionID
    let source: ConditionSource
    let createdAt: String

    /// What `init` reads: one JSON array for each condition of the table or alias `condition`.
    static let json = """
        json_build_array(condition.id, condition.condition_type, condition.field, condition.operator, \
        condition.value, condition.config, to_char(condition.created_at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
        """

    init?(_ json: JSON) {
        guard case .array(let parts) = json, parts.count == 7, case .number(let number) = parts[0],
            let id = Int64(number.description), let type = parts[1].string, let field = parts[2].string,
            let `operator` = parts[3].string, let createdAt = parts[6].string
        else { return nil }
        self.id = ConditionID(rawValue: id)
        source = ConditionSource(
            type: type, field: field, operator: `operator`, value: parts[4] == .null ? nil : parts[4],
            config: parts[5] == .null ? nil : parts[5])
        self.createdAt = createdAt
    }

    init(id: ConditionID, source: ConditionSource, createdAt: String) {
        self.id = id
        self.source = source
        self.createdAt = createdAt
    }

    func write(to writer: inout JSONWriter, trigger: TriggerID) {
        writer.member("id", id.rawValue)
        writer.member("trigger_id", trigger)
        writer.member("condition_type", source.type)
        writer.member("field", source.field)
        writer.member("operator", source.operator)
        writer.member("value", source.value)
        writer.member("config", source.config)
        writer.member("created_at", createdAt)
    }
}

extension RowReader {
    /// A `json` array of our own making whose elements `read` understands.
    func list<Element>(_ column: Int, _ read: (JSON) -> Element?) throws(StorageError) -> [Element] {
        guard let document = try? JSONReader.read(Array(try text(column).utf8), depth: JSON.maximumDepth + 4),
            case .array(let elements) = document
        else { throw failure(column, "JSON array") }
        let values = elements.compactMap(read)
        guard values.count == elements.count else { throw failure(column, "known elements") }
        return values
    }
}
