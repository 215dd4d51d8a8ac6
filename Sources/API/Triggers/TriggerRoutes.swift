import Domain
import Foundation
import Hummingbird
import Storage

/// Triggers: create, list, get, update, delete.
struct TriggerRoutes: Sendable {
    let database: Database
    let editor: TriggerEditor
    let checker: ActionChecker

    var endpoints: [Endpoint] {
        [
            .account(.post, "/api/v1/triggers", create),
            .account(.get, "/api/v1/triggers", list),
            .account(.get, "/api/v1/triggers/{id}", get),
            .account(.put, "/api/v1/triggers/{id}", update),
            .account(.patch, "/api/v1/triggers/{id}", update),
            .account(.delete, "/api/v1/triggers/{id}", delete),
        ]
    }

    private func create(_ call: Call, _ account: Account) async throws -> Response {
        let draft = try TriggerDraft(call, account, checker: checker)
        guard draft.conditions?.isEmpty ?? true, draft.actions?.isEmpty ?? true else {
            return try await createWhole(draft)
        }
        let created = try await database.first(
            CreateTrigger(scope: draft.scope, id: draft.id, settings: draft.settings))
        let trigger = try checked(created?.trigger, role: created?.role)
        editor.announce()
        return answer(trigger, conditions: draft.conditions.map { _ in [] }, actions: draft.actions.map { _ in [] })
    }

    private func createWhole(_ draft: TriggerDraft) async throws -> Response {
        let actions = draft.actions ?? []
        let destinations =
            actions.isEmpty ? [] : try await editor.destinations(actions.map(\.destination), in: draft.scope)
        let created = try await database.first(CreateWholeTrigger(draft: draft, destinations: destinations))
        let trigger = try checked(created?.trigger, role: created?.role)
        editor.announce()
        let createdAt = Timestamp(trigger.createdAt).description
        let conditions = zip(created?.conditions ?? [], draft.conditions ?? []).map { id, source in
            Condition(id: id, source: source, createdAt: createdAt)
        }
        let stored = zip(created?.actions ?? [], actions).map { id, draft in
            Action(
                id: id, channel: draft.channel, priority: draft.priority, version: 1,
                config: draft.revealedConfig, createdAt: createdAt)
        }
        return answer(
            trigger, conditions: draft.conditions.map { _ in conditions }, actions: draft.actions.map { _ in stored })
    }

    /// The trigger that was created, or why none was.
    private func checked(_ trigger: Trigger?, role: Role?) throws(APIError) -> Trigger {
        guard let role else { throw .notFound("This organization") }
        try role.requireWrite()
        guard let trigger else { throw .internalError }
        return trigger
    }

    /// 201 with the trigger; lists only where the request had them, as document 003's answer has none.
    private func answer(_ trigger: Trigger, conditions: [Condition]?, actions: [Action]?) -> Response {
        .data(.created) { writer in
            trigger.write(to: &writer)
            if let conditions { writer.member("conditions", conditions, of: trigger.id) }
            if let actions { writer.member("actions", actions, of: trigger.id) }
        }
    }

    private func list(_ call: Call, _ account: Account) async throws -> Response {
        let query = QueryReader(call.request)
        let page = query.page()
        let scope = OrganizationScope(call, account, query: query)
        try query.finish()
        let rows = try await database.query(ListTriggers(scope: scope, page: page))
        guard let total = rows.first?.total else { throw APIError.notFound("This organization") }
        let triggers = rows.compactMap(\.trigger)
        return .json { writer in
            writer.member("data", array: triggers) { writer, trigger in
                writer.object { trigger.write(to: &$0) }
            }
            writer.pagination(page, total: total, count: triggers.count)
        }
    }

    private func get(_ call: Call, _ account: Account) async throws -> Response {
        let details = try await editor.find(try call.triggerID(), account)
        return .data { writer in
            details.trigger.write(to: &writer)
            writer.member("conditions", details.conditions, of: details.trigger.id)
            writer.member("actions", details.actions, of: details.trigger.id)
        }
    }

    private func update(_ call: Call, _ account: Account) async throws -> Response {
        let id = try call.triggerID()
        let trigger = try await editor.edit(id, account) { connection, details in
            let fields = FieldReader(call.body)
            let before = details.trigger.settings
            var settings = before
            settings.update(fields)
            refuseOthers(fields, of: details.trigger)
            if settings.registry != before.registry {
                ConditionSource.check(
                    details.conditions.map(\.source), registry: settings.registry, problems: fields.problems
                ) { _ in nil }
            }
            try fields.finish()
            guard let trigger = try await connection.first(UpdateTrigger(trigger: id, settings: settings)) else {
                throw APIError.notFound("This trigger")
            }
            if settings.name != before.name, !details.actions.isEmpty {
                try await connection.execute(RenameActionVersions(trigger: id, name: settings.name))
            }
            return trigger
        }
        return .data { trigger.write(to: &$0) }
    }

    /// Names what belongs to a trigger and is not changed with it.
    private func refuseOthers(_ fields: FieldReader, of trigger: Trigger) {
        let organization = fields.given("organization_id", Read.uuid).value
        if let organization, organization != trigger.organization.rawValue {
            fields.problems.add("organization_id", "cannot be changed")
        }
        for name in ["conditions", "actions"] where fields.has(name) {
            fields.refuse(name, "are changed at /api/v1/triggers/{id}/\(name)")
        }
    }

    private func delete(_ call: Call, _ account: Account) async throws -> Response {
        let id = try call.triggerID()
        guard let role = try await database.first(DeleteTrigger(account: account.id, trigger: id)) else {
            throw APIError.notFound("This trigger")
        }
        try role.requireWrite()
        editor.announce()
        return .noContent
    }
}

extension Call {
    /// The trigger that the path names.
    func triggerID() throws(APIError) -> TriggerID { try id(of: "This trigger", TriggerID.init(text:)) }

    /// The numbered row that the path names as `child_id`.
    func rowID(of what: String) throws(APIError) -> Int64 {
        try id("child_id", of: what) { text in
            // One spelling of each number: +7 and 07 name nothing.
            Int64(text).flatMap { $0 > 0 && String($0) == text ? $0 : nil }
        }
    }
}

extension JSONWriter {
    mutating func member(_ name: StaticString, _ conditions: [Condition], of trigger: TriggerID) {
        member(name, array: conditions) { writer, condition in
            writer.object { condition.write(to: &$0, trigger: trigger) }
        }
    }

    mutating func member(_ name: StaticString, _ actions: [Action], of trigger: TriggerID) {
        member(name, array: actions) { writer, action in
            writer.object { action.write(to: &$0, trigger: trigger) }
        }
    }
}
