import Domain
import Foundation
import Storage

/// An action as it is stored, its secrets masked.
struct Action {
    let id: ActionID
    let channel: Channel
    let priority: Int64
    let version: Int64
    let config: JSON
    let createdAt: String

    /// What `init` reads: one JSON array for each row of `action` joined with its current `version`.
    static let json = """
        json_build_array(action.id, action.action_type, action.priority, action.version, version.config, \
        to_char(action.created_at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
        """

    init?(_ json: JSON) {
        guard case .array(let parts) = json, parts.count == 6, case .number(let id) = parts[0],
            case .number(let priority) = parts[2], case .number(let version) = parts[3],
            let id = Int64(id.description), let priority = Int64(priority.description),
            let version = Int64(version.description), let channel = parts[1].string.flatMap(Channel.init(rawValue:)),
            let createdAt = parts[5].string
        else { return nil }
        self.id = ActionID(rawValue: id)
        self.channel = channel
        self.priority = priority
        self.version = version
        config = parts[4]
        self.createdAt = createdAt
    }

    init(id: ActionID, channel: Channel, priority: Int64, version: Int64, config: JSON, createdAt: String) {
        self.id = id
        self.channel = channel
        self.priority = priority
        self.version = version
        self.config = config
        self.createdAt = createdAt
    }

    func write(to writer: inout JSONWriter, trigger: TriggerID) {
        writer.member("id", id.rawValue)
        writer.member("trigger_id", trigger)
        writer.member("action_type", channel.rawValue)
        writer.member("priority", priority)
        writer.member("config", config)
        writer.member("created_at", createdAt)
    }
}
