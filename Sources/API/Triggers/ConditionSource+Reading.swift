import Conditions
import Domain

extension ConditionSource {
    /// The longest value that is no string, and the longest config, in bytes of JSON: a list of some 350 addresses.
    private static let longestDocument = 16_384

    /// What a new condition needs, by document 003's limits.
    ///
    /// Types that imply their field or operator do not ask for it.
    init(creating fields: FieldReader) {
        let type = fields.required("condition_type", else: "", Read.text(1...100))
        let implied = Self.implied(by: type)
        self.init(
            type: type,
            field: fields.has("field") || implied.field == nil
                ? fields.required("field", else: "", Read.text(1...255)) : implied.field ?? "",
            operator: fields.has("operator") || implied.operator == nil
                ? fields.required("operator", else: "", Read.text(1...50)) : implied.operator ?? "",
            value: fields.given("value", nullable: true, Self.value).value,
            config: fields.given("config", nullable: true, Self.config).value)
    }

    /// The same condition with what `fields` name taken over.
    func updated(_ fields: FieldReader) -> ConditionSource {
        var value = self.value
        switch fields.given("value", nullable: true, Self.value) {
        case .value(let given): value = given
        case .null: value = nil
        case .absent: break
        }
        var config = self.config
        switch fields.given("config", nullable: true, Self.config) {
        case .value(let given): config = given
        case .null: config = nil
        case .absent: break
        }
        return ConditionSource(
            type: fields.given("condition_type", Read.text(1...100)).value ?? type,
            field: fields.given("field", Read.text(1...255)).value ?? field,
            operator: fields.given("operator", Read.text(1...50)).value ?? `operator`, value: value, config: config)
    }

    private static func implied(by type: String) -> (field: String?, operator: String?) {
        switch type {
        case "group": ("group", "group")
        case "agent_id_equals": (Field.agentID.rawValue, "equals")
        case "event_type_equals": (Field.eventType.rawValue, "equals")
        case "score_threshold": (Field.score.rawValue, nil)
        case "tag_equals": (nil, "equals")
        default: (nil, nil)
        }
    }

    private static func value(_ value: JSON) -> Result<JSON, Refusal> {
        if case .string = value { return Read.text(1...1000)(value).map(JSON.string) }
        return document(value)
    }

    private static func config(_ value: JSON) -> Result<JSON, Refusal> { Read.object(value).flatMap(document) }

    private static func document(_ value: JSON) -> Result<JSON, Refusal> {
        guard JSONWriter.text(of: value).utf8.count <= longestDocument else {
            return .failure(Refusal("must have at most \(longestDocument) bytes"))
        }
        return .success(value)
    }

    /// Adds to `problems` what is wrong with `sources` as the conditions of one trigger.
    ///
    /// `path` names the place of the condition at an index; nil for one that this request does not touch.
    static func check(
        _ sources: [ConditionSource], registry: RegistryChoice, problems: Problems, path: (Int) -> String?
    ) {
        do {
            _ = try ConditionSet(compiling: sources, registry: registry.registry)
        } catch {
            for problem in error.problems {
                if let prefix = path(problem.index) {
                    problems.add(prefix.isEmpty ? problem.field : "\(prefix).\(problem.field)", problem.issue)
                } else {
                    problems.add("conditions", "would not fit together: \(problem.field) \(problem.issue)")
                }
            }
        }
    }
}
