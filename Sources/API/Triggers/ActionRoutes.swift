import Domain
import Hummingbird
import Storage

/// The actions of a trigger.
struct ActionRoutes: Sendable {
    let editor: TriggerEditor
    let checker: ActionChecker

    private static let what = "This action"

    var endpoints: [Endpoint] {
        [
            .account(.post, "/api/v1/triggers/{id}/actions", create),
            .account(.get, "/api/v1/triggers/{id}/actions", list),
            .account(.get, "/api/v1/triggers/{id}/actions/{child_id}", get),
            .account(.put, "/api/v1/triggers/{id}/actions/{child_id}", update),
            .account(.patch, "/api/v1/triggers/{id}/actions/{child_id}", update),
            .account(.delete, "/api/v1/triggers/{id}/actions/{child_id}", delete),
        ]
    }

    private func create(_ call: Call, _ account: Account) async throws -> Response {
        let trigger = try call.triggerID()
        let created = try await editor.edit(trigger, account) { connection, details in
            let fields = FieldReader(call.body)
            let draft = try checker.draft(creating: fields, at: "")
            if details.actions.count >= ActionDraft.maximumCount {
                fields.problems.add("actions", "are at most \(ActionDraft.maximumCount) on one trigger")
            }
            try fields.finish()
            guard let draft else { throw APIError.internalError }
            let destination = try await editor.destination(of: draft, details.trigger, account, in: connection)
            try await connection.execute(TouchTrigger(trigger: trigger))
            return try await connection.first(CreateAction(trigger: trigger, draft: draft, destination: destination))
        }
        guard let created else { throw APIError.internalError }
        return .data(.created) { created.write(to: &$0, trigger: trigger) }
    }

    private func list(_ call: Call, _ account: Account) async throws -> Response {
        let details = try await editor.find(try call.triggerID(), account)
        return .json { $0.member("data", details.actions, of: details.trigger.id) }
    }

    private func get(_ call: Call, _ account: Account) async throws -> Response {
        let details = try await editor.find(try call.triggerID(), account)
        let action = try action(in: details, try call.rowID(of: Self.what))
        return .data { action.write(to: &$0, trigger: details.trigger.id) }
    }

    private func update(_ call: Call, _ account: Account) async throws -> Response {
        let trigger = try call.triggerID()
        let id = try call.rowID(of: Self.what)
        let updated = try await editor.edit(trigger, account) { connection, details in
            let action = try action(in: details, id)
            let fields = FieldReader(call.body)
            let channel = fields.given("action_type", Read.choice(Channel.self)).value ?? action.channel
            let priority =
                fields.given("priority", Read.integer(ActionDraft.priorities)).value ?? action.priority
            let config = fields.given("config", Read.object).value
            if config == nil, channel != action.channel { fields.refuse("config", "is required by another type") }
            var draft: ActionDraft?
            if let config {
                let stored = try await secrets(of: action, channel, trigger, in: connection)
                draft = try checker.draft(
                    channel, priority: priority, config: config, keeping: stored,
                    problems: fields.problems, path: "config")
            }
            try fields.finish()
            try await connection.execute(TouchTrigger(trigger: trigger))
            guard let draft else {
                let move = UpdateActionPriority(trigger: trigger, action: action.id, priority: priority)
                try await connection.execute(move)
                return action.changed(priority: priority)
            }
            let destination = try await editor.destination(of: draft, details.trigger, account, in: connection)
            try await connection.execute(
                UpdateAction(trigger: trigger, action: action.id, draft: draft, destination: destination))
            return action.changed(to: draft)
        }
        return .data { updated.write(to: &$0, trigger: trigger) }
    }

    private func delete(_ call: Call, _ account: Account) async throws -> Response {
        let trigger = try call.triggerID()
        let id = try call.rowID(of: Self.what)
        try await editor.edit(trigger, account) { connection, details in
            let action = try action(in: details, id)
            try await connection.execute(TouchTrigger(trigger: trigger))
            try await connection.execute(DeleteAction(trigger: trigger, action: action.id))
        }
        return .noContent
    }

    private func action(in details: TriggerDetails, _ id: Int64) throws(APIError) -> Action {
        guard let action = details.actions.first(where: { $0.id.rawValue == id }) else { throw .notFound(Self.what) }
        return action
    }

    /// The secrets that a new config of `action` may keep; none where the action becomes one of another channel.
    private func secrets(
        of action: Action, _ channel: Channel, _ trigger: TriggerID, in connection: Connection
    ) async throws -> [String: String] {
        guard channel == action.channel else { return [:] }
        let sealed = try await connection.first(FindActionSecrets(trigger: trigger, action: action.id))
        return try checker.vault.open(sealed)
    }
}

extension Action {
    fileprivate func changed(priority: Int64) -> Action {
        Action(id: id, channel: channel, priority: priority, version: version, config: config, createdAt: createdAt)
    }

    fileprivate func changed(to draft: ActionDraft) -> Action {
        Action(
            id: id, channel: draft.channel, priority: draft.priority, version: version + 1,
            config: draft.revealedConfig, createdAt: createdAt)
    }
}
