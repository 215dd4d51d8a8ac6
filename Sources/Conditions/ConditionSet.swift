public import Domain

/// The conditions of one trigger, checked and ready to evaluate.
///
/// They are joined by AND; none at all match every event. Evaluating is a pure function of the event.
///
/// - SeeAlso: `docs/conditions.md`.
public struct ConditionSet: Sendable {
    /// The most conditions that a trigger may have.
    public static let maximumCount = 100
    /// The most comparisons that they may hold together, those inside groups included.
    public static let maximumComparisons = 500
    /// The most levels that groups may nest.
    public static let maximumDepth = 8

    /// No event of another type can match.
    public let eventTypes: EventTypes
    let steps: ContiguousArray<Step>

    /// Checks and compiles `sources` for a trigger of `registry`; nil is any registry.
    ///
    /// - Throws: every problem of every condition at once, each with its remedy.
    public init(compiling sources: [ConditionSource], registry: Registry?) throws(ConditionErrors) {
        var compiler = Compiler(registry: registry)
        let expression = compiler.compile(sources)
        guard compiler.problems.isEmpty else { throw ConditionErrors(problems: compiler.problems) }
        eventTypes = expression.eventTypes.intersection(.emitted(by: registry))
        steps = expression.steps(impliedBy: eventTypes)
    }

    /// No conditions, which hold for every event.
    public static let empty = ConditionSet(eventTypes: .all, steps: [])

    private init(eventTypes: EventTypes, steps: ContiguousArray<Step>) {
        self.eventTypes = eventTypes
        self.steps = steps
    }

    /// Whether all conditions hold for `event`.
    public func matches(_ event: Event) -> Bool {
        guard eventTypes.contains(event.type) else { return false }
        return steps.withUnsafeBufferPointer { steps in
            var index = 0
            while index < steps.count {
                guard Self.holds(steps, &index, for: event) else { return false }
            }
            return true
        }
    }

    /// Evaluates the step at `index` with its members, and moves `index` behind them.
    ///
    /// Recursion is as deep as groups nest, which ``maximumDepth`` bounds.
    private static func holds(
        _ steps: UnsafeBufferPointer<Step>, _ index: inout Int, for event: Event
    ) -> Bool {
        let step = steps[index]
        index += 1
        switch step {
        case .all(let end):
            while index < end {
                guard holds(steps, &index, for: event) else {
                    index = Int(end)
                    return false
                }
            }
            return true
        case .any(let end):
            while index < end {
                if holds(steps, &index, for: event) {
                    index = Int(end)
                    return true
                }
            }
            return false
        case .not(let end):
            let member = holds(steps, &index, for: event)
            index = Int(end)
            return !member
        default: return step.holds(for: event)
        }
    }
}
