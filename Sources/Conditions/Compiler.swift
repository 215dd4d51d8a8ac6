import Domain

/// Turns sources into an expression and gathers every problem on the way.
///
/// An expression that had a problem is left out, so the result means something only while `problems` is empty.
struct Compiler {
    let registry: Registry?
    private(set) var problems: [ConditionProblem] = []
    /// The condition that is being compiled.
    private var index = 0
    private var comparisons = 0

    init(registry: Registry?) { self.registry = registry }

    mutating func compile(_ sources: [ConditionSource]) -> Expression {
        guard sources.count <= ConditionSet.maximumCount else {
            index = ConditionSet.maximumCount
            report("condition_type", "a trigger has at most \(ConditionSet.maximumCount) conditions")
            return .all([])
        }
        // What pins the event type comes first, so that the other conditions' fields are checked against it.
        var types = EventTypes.emitted(by: registry)
        var members: [Int: Expression] = [:]
        let leaves = sources.map(Leaf.init(of:))
        for pinning in [true, false] {
            for (place, source) in sources.enumerated() where leaves[place]?.pinsType ?? false == pinning {
                index = place
                guard let member = compile(source, leaves[place], among: types) else { continue }
                members[place] = member
                types = narrow(types, to: member, path: leaves[place] == nil ? "config" : "value")
            }
        }
        if comparisons > ConditionSet.maximumComparisons {
            report("config", "a trigger has at most \(ConditionSet.maximumComparisons) comparisons")
        }
        problems.sort { $0.index < $1.index }
        return .all(sources.indices.compactMap { members[$0] })
    }

    mutating func report(_ field: String, _ issue: String) {
        problems.append(ConditionProblem(index: index, field: field, issue: issue))
    }

    /// The types that remain when `member` must hold too.
    mutating func narrow(_ types: EventTypes, to member: Expression, path: String) -> EventTypes {
        let remaining = types.intersection(member.eventTypes)
        if remaining.isEmpty {
            report(path, "contradicts the other conditions: no event type fits them all")
            return types
        }
        return remaining
    }

    private mutating func compile(
        _ source: ConditionSource, _ leaf: Leaf?, among types: EventTypes
    ) -> Expression? {
        switch source.type {
        case "group":
            if source.value.map({ $0 != .null && $0 != .string("") }) ?? false {
                report("value", "a group takes no value; write its tree in config")
            }
            guard let config = source.config else {
                report("config", "a group needs a tree: {\"all\": […]}, {\"any\": […]} or {\"not\": {…}}")
                return nil
            }
            return group(config, path: "config", depth: 1, among: types)
        case "window", "ema", "sequence", "change", "ema_threshold", "rate_limit":
            report(
                "condition_type",
                "\(source.type) is not available yet: it needs state between events; use event or group")
            return nil
        default:
            guard let leaf else {
                report(
                    "condition_type",
                    "unknown type; use event or group, or agent_id_equals, score_threshold, tag_equals, event_type_equals"
                )
                return nil
            }
            if let issue = leaf.aliasIssue {
                report(issue.field, issue.text)
                return nil
            }
            return comparison(leaf, path: "", among: types)
        }
    }

    /// The boolean tree `tree`, whose members may have the event types `types`.
    private mutating func group(
        _ tree: JSON, path: String, depth: Int, among types: EventTypes
    ) -> Expression? {
        guard depth <= ConditionSet.maximumDepth else {
            report(path, "groups nest at most \(ConditionSet.maximumDepth) deep")
            return nil
        }
        guard case .object(let members) = tree, members.count == 1, let (name, content) = members.first,
            ["all", "any", "not"].contains(name)
        else {
            report(path, "a group is an object with exactly one of all, any and not")
            return nil
        }
        let path = "\(path).\(name)"
        if name == "not" {
            return member(content, path: path, depth: depth, among: types).map { .not($0) }
        }
        guard case .array(let elements) = content, !elements.isEmpty else {
            report(path, "\(name) takes a list with at least one member")
            return nil
        }
        guard elements.count <= ConditionSet.maximumComparisons else {
            report(path, "a list has at most \(ConditionSet.maximumComparisons) members")
            return nil
        }
        return name == "all"
            ? conjunction(elements, path: path, depth: depth, among: types)
            : disjunction(elements, path: path, depth: depth, among: types)
    }

    private mutating func disjunction(
        _ elements: [JSON], path: String, depth: Int, among types: EventTypes
    ) -> Expression? {
        var compiled: [Expression] = []
        for (place, element) in elements.enumerated() {
            guard let member = member(element, path: "\(path)[\(place)]", depth: depth, among: types) else { continue }
            compiled.append(member)
        }
        return compiled.count == elements.count ? .any(compiled) : nil
    }

    private mutating func conjunction(
        _ elements: [JSON], path: String, depth: Int, among types: EventTypes
    ) -> Expression? {
        var types = types
        var compiled: [Int: Expression] = [:]
        for pinning in [true, false] {
            for (place, element) in elements.enumerated() where Self.pinsType(element) == pinning {
                let path = "\(path)[\(place)]"
                guard let member = member(element, path: path, depth: depth, among: types) else { continue }
                compiled[place] = member
                types = narrow(types, to: member, path: path)
            }
        }
        return compiled.count == elements.count ? .all(elements.indices.compactMap { compiled[$0] }) : nil
    }

    private static func pinsType(_ element: JSON) -> Bool { element["field"]?.string == Field.eventType.rawValue }

    /// A group's member: a group again, or a comparison.
    private mutating func member(
        _ element: JSON, path: String, depth: Int, among types: EventTypes
    ) -> Expression? {
        guard case .object(let parts) = element else {
            report(path, "a member is a group or a comparison {\"field\", \"operator\", \"value\"}")
            return nil
        }
        guard parts["field"] != nil || parts["operator"] != nil else {
            return group(element, path: path, depth: depth + 1, among: types)
        }
        let known: Set<String> = ["field", "operator", "value", "config"]
        for name in parts.keys.sorted() where !known.contains(name) {
            report("\(path).\(name)", "unknown; a comparison has field, operator, value and config")
        }
        for name in ["field", "operator"] where parts[name]?.string == nil {
            report("\(path).\(name)", "is missing, or no string")
        }
        guard let field = parts["field"]?.string, let `operator` = parts["operator"]?.string else { return nil }
        let leaf = Leaf(field: field, operator: `operator`, value: parts["value"], config: parts["config"])
        return comparison(leaf, path: "\(path).", among: types)
    }

    private mutating func comparison(_ leaf: Leaf, path: String, among types: EventTypes) -> Expression? {
        comparisons += 1
        var compiler = ComparisonCompiler(leaf: leaf, registry: registry, types: types)
        let expression = compiler.compile()
        for problem in compiler.problems { report(path + problem.part, problem.issue) }
        return compiler.problems.isEmpty ? expression : nil
    }
}
