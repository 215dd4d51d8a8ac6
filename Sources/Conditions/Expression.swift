import Domain

/// A condition between its source and its steps.
indirect enum Expression {
    case all([Expression])
    case any([Expression])
    case not(Expression)
    case step(Step)

    /// The types outside of which it cannot hold.
    var eventTypes: EventTypes {
        switch self {
        case .all(let members): members.reduce(.all) { $0.intersection($1.eventTypes) }
        case .any(let members): members.reduce([]) { $0.union($1.eventTypes) }
        case .not(.step(.types(let types))): EventTypes.all.subtracting(types)
        case .not: .all
        case .step(.types(let types)): types
        case .step(.registries(let registries)):
            Registry.allCases.filter { registries & $0.bit != 0 }.reduce([]) { $0.union(.emitted(by: $1)) }
        case .step(let step): step.needsField.map { FieldFacts.of($0).eventTypes } ?? .all
        }
    }

    /// The steps, without those at the top that hold for every event of `types` anyway.
    func steps(impliedBy types: EventTypes) -> ContiguousArray<Step> {
        var steps = ContiguousArray<Step>()
        for conjunct in conjuncts {
            if case .step(.types(let accepted)) = conjunct, accepted.isSuperset(of: types) { continue }
            conjunct.append(to: &steps)
        }
        return steps
    }

    /// The expressions that hold together exactly where this one does; none where it always holds.
    private var conjuncts: [Expression] {
        guard case .all(let members) = self else { return [self] }
        return members.flatMap(\.conjuncts)
    }

    private func append(to steps: inout ContiguousArray<Step>) {
        switch self {
        case .step(let step): steps.append(step)
        case .all(let members): Self.append(members, to: &steps) { .all(end: $0) }
        case .any(let members): Self.append(members, to: &steps) { .any(end: $0) }
        case .not(let member): Self.append([member], to: &steps) { .not(end: $0) }
        }
    }

    private static func append(
        _ members: [Expression], to steps: inout ContiguousArray<Step>, junction: (UInt16) -> Step
    ) {
        let start = steps.count
        steps.append(junction(0))
        for member in members { member.append(to: &steps) }
        // The compiler's maxima keep the count far below 2^16.
        steps[start] = junction(UInt16(steps.count))
    }
}
