import Domain
import Hummingbird
import Storage

/// The conditions of a trigger.
///
/// They are checked as a whole at each change: what a field means depends on its siblings.
struct ConditionRoutes: Sendable {
    let editor: TriggerEditor

    private static let what = "This condition"

    var endpoints: [Endpoint] {
        [
            .account(.post, "/api/v1/triggers/{id}/conditions", create),
            .account(.get, "/api/v1/triggers/{id}/conditions", list),
            .account(.get, "/api/v1/triggers/{id}/conditions/{child_id}", get),
            .account(.put, "/api/v1/triggers/{id}/conditions/{child_id}", update),
            .account(.patch, "/api/v1/triggers/{id}/conditions/{child_id}", update),
            .account(.delete, "/api/v1/triggers/{id}/conditions/{child_id}", delete),
        ]
    }

    private func create(_ call: Call, _ account: Account) async throws -> Response {
        let trigger = try call.triggerID()
        let created = try await editor.edit(trigger, account) { connection, details in
            let fields = FieldReader(call.body)
            let source = ConditionSource(creating: fields)
            try fields.finish()
            let sources = details.conditions.map(\.source) + [source]
            try check(sources, changed: sources.count - 1, details)
            try await connection.execute(TouchTrigger(trigger: trigger))
            return try await connection.first(CreateCondition(trigger: trigger, source: source))
        }
        guard let created else { throw APIError.internalError }
        return .data(.created) { created.write(to: &$0, trigger: trigger) }
    }

    private func list(_ call: Call, _ account: Account) async throws -> Response {
        let details = try await editor.find(try call.triggerID(), account)
        return .json { $0.member("data", details.conditions, of: details.trigger.id) }
    }

    private func get(_ call: Call, _ account: Account) async throws -> Response {
        let details = try await editor.find(try call.triggerID(), account)
        let condition = details.conditions[try index(in: details, of: try call.rowID(of: Self.what))]
        return .data { condition.write(to: &$0, trigger: details.trigger.id) }
    }

    private func update(_ call: Call, _ account: Account) async throws -> Response {
        let trigger = try call.triggerID()
        let id = try call.rowID(of: Self.what)
        let updated = try await editor.edit(trigger, account) { connection, details in
            let index = try index(in: details, of: id)
            let condition = details.conditions[index]
            let fields = FieldReader(call.body)
            let source = condition.source.updated(fields)
            try fields.finish()
            var sources = details.conditions.map(\.source)
            sources[index] = source
            try check(sources, changed: index, details)
            try await connection.execute(TouchTrigger(trigger: trigger))
            try await connection.execute(UpdateCondition(trigger: trigger, condition: condition.id, source: source))
            return Condition(id: condition.id, source: source, createdAt: condition.createdAt)
        }
        return .data { updated.write(to: &$0, trigger: trigger) }
    }

    private func delete(_ call: Call, _ account: Account) async throws -> Response {
        let trigger = try call.triggerID()
        let id = try call.rowID(of: Self.what)
        try await editor.edit(trigger, account) { connection, details in
            let index = try index(in: details, of: id)
            var sources = details.conditions.map(\.source)
            sources.remove(at: index)
            try check(sources, changed: nil, details)
            try await connection.execute(TouchTrigger(trigger: trigger))
            try await connection.execute(
                DeleteCondition(trigger: trigger, condition: details.conditions[index].id))
        }
        return .noContent
    }

    private func index(in details: TriggerDetails, of id: Int64) throws(APIError) -> Int {
        guard let index = details.conditions.firstIndex(where: { $0.id.rawValue == id }) else {
            throw .notFound(Self.what)
        }
        return index
    }

    /// - Throws: `APIError.invalid` where `sources` cannot be the trigger's conditions; problems of the one at `changed`
    ///   are named by its own fields.
    private func check(_ sources: [ConditionSource], changed: Int?, _ details: TriggerDetails) throws(APIError) {
        let problems = Problems()
        ConditionSource.check(sources, registry: details.trigger.settings.registry, problems: problems) {
            $0 == changed ? "" : nil
        }
        try problems.finish()
    }
}
