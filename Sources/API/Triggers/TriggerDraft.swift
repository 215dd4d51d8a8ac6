import Domain
import Foundation

/// A trigger to create, with the conditions and actions that came along.
struct TriggerDraft: Sendable {
    let id = TriggerID(rawValue: UUID())
    let scope: OrganizationScope
    let settings: TriggerSettings
    /// Nil where the request had no `conditions`.
    let conditions: [ConditionSource]?
    /// Nil where the request had no `actions`.
    let actions: [ActionDraft]?

    /// Reads and checks all of it.
    ///
    /// - Throws: `APIError.invalid` with every problem of the trigger, its conditions and its actions.
    init(_ call: Call, _ account: Account, checker: ActionChecker) throws {
        let fields = FieldReader(call.body)
        scope = OrganizationScope(call, account, fields: fields)
        settings = TriggerSettings(creating: fields)
        conditions = Self.conditions(fields, registry: settings.registry)
        actions = try Self.actions(fields, checker: checker)
        try fields.finish()
    }

    private static func conditions(_ fields: FieldReader, registry: RegistryChoice) -> [ConditionSource]? {
        // The set's own limit is told by its check; this one bounds the work before it.
        guard let list = fields.given("conditions", Read.list(1000)).value else { return nil }
        let before = fields.problems.issues.count
        let sources = list.enumerated().map { index, element in
            let member = FieldReader(element, at: "conditions[\(index)]", problems: fields.problems)
            let source = ConditionSource(creating: member)
            member.closeUnknown()
            return source
        }
        guard fields.problems.issues.count == before else { return sources }
        ConditionSource.check(sources, registry: registry, problems: fields.problems) { "conditions[\($0)]" }
        return sources
    }

    private static func actions(_ fields: FieldReader, checker: ActionChecker) throws -> [ActionDraft]? {
        guard let list = fields.given("actions", Read.list(ActionDraft.maximumCount)).value else { return nil }
        return try list.enumerated().compactMap { index, element in
            let path = "actions[\(index)]"
            let member = FieldReader(element, at: path, problems: fields.problems)
            let draft = try checker.draft(creating: member, at: path)
            member.closeUnknown()
            return draft
        }
    }
}
