/// One thing that is wrong with one condition.
public struct ConditionProblem: Hashable, Sendable {
    /// The condition's place in the list that was compiled.
    public let index: Int
    /// The part that is wrong: `condition_type`, `field`, `operator`, `value`, or a path such as `config.all[1].value`.
    public let field: String
    /// What is wrong and what to write instead.
    public let issue: String

    /// A problem of the condition at `index`.
    public init(index: Int, field: String, issue: String) {
        self.index = index
        self.field = field
        self.issue = issue
    }
}

/// Everything that is wrong with a list of conditions.
public struct ConditionErrors: Error, Equatable, CustomStringConvertible {
    /// At least one, in the order of the conditions.
    public let problems: [ConditionProblem]

    /// The problems as one text, for logs.
    public var description: String {
        problems.map { "conditions[\($0.index)].\($0.field): \($0.issue)" }.joined(separator: "; ")
    }
}
