import Domain

/// A comparison as it was written, an alias already spelled out.
struct Leaf {
    var field: String
    var `operator`: String
    var value: JSON?
    var config: JSON?
    /// What an alias does not allow.
    var aliasIssue: (field: String, text: String)?

    init(field: String, operator: String, value: JSON?, config: JSON?) {
        self.field = field
        self.operator = `operator`
        self.value = value
        self.config = config
    }

    /// The comparison that `source` is; nil for a group and for an unknown type.
    ///
    /// The aliases are the condition types of an older service, whose field and operator were often left unread; here
    /// they must not say anything else than what the type says.
    init?(of source: ConditionSource) {
        self.init(field: source.field, operator: source.operator, value: source.value, config: source.config)
        switch source.type {
        case "event": break
        case "agent_id_equals": spellOut(source, fields: [.agentID])
        case "event_type_equals": spellOut(source, fields: [.eventType])
        case "tag_equals": spellOut(source, fields: [.tag1, .tag2, .tag])
        case "score_threshold":
            requireField(source, [.score])
            if source.operator == "<>" { `operator` = "!=" }
            let ordering: [Operator] = [.equals, .notEquals, .gt, .gte, .lt, .lte]
            if Operator(`operator`).map({ !ordering.contains($0) }) ?? false {
                aliasIssue = ("operator", "score_threshold takes <, <=, =, !=, >= or >")
            }
        default: return nil
        }
    }

    /// Whether the comparison may say which event types can match, and so is compiled before the others.
    var pinsType: Bool { field == Field.eventType.rawValue || field == Field.registry.rawValue }

    private mutating func spellOut(_ source: ConditionSource, fields: [Field]) {
        requireField(source, fields)
        guard ["", "equals", "=", "==", "eq"].contains(source.operator) else {
            aliasIssue = ("operator", "\(source.type) takes equals alone; use type event for other operators")
            return
        }
        `operator` = Operator.equals.rawValue
    }

    private mutating func requireField(_ source: ConditionSource, _ fields: [Field]) {
        if source.field.isEmpty, fields.count == 1 { field = fields[0].rawValue }
        guard !fields.contains(where: { $0.rawValue == field }) else { return }
        let names = fields.map(\.rawValue).joined(separator: ", ")
        aliasIssue = ("field", "\(source.type) reads \(names) alone; use type event for other fields")
    }
}
