/// When a trigger believes a block.
public enum Finality: String, Sendable, Codable, CaseIterable {
    /// As soon as the block is seen; a retraction notice follows if it is orphaned.
    case latest
    case safe
    case finalized
}

/// Whether a trigger sends what it finds.
public enum TriggerMode: String, Sendable, Codable, CaseIterable {
    case live
    /// Evaluates and records, but sends nothing.
    case shadow
}

/// A condition as a client wrote it and PostgreSQL stores it, not checked yet.
public struct ConditionSource: Sendable, Hashable {
    /// `event`, `group` or an alias.
    public let type: String
    /// The field it reads.
    public let field: String
    /// The comparison.
    public let `operator`: String
    /// What the field is compared with.
    public let value: JSON?
    /// Options, or the tree of a `group`.
    public let config: JSON?

    /// A condition of document 003's five parts.
    public init(type: String, field: String, operator: String, value: JSON?, config: JSON?) {
        self.type = type
        self.field = field
        self.operator = `operator`
        self.value = value
        self.config = config
    }
}

/// How an action notifies; the raw value is its `action_type`.
public enum Channel: String, Sendable, Codable, CaseIterable {
    case telegram, rest, mcp
}

/// What a delivery says about its event; the raw value is the column `kind`.
public enum DeliveryKind: Int16, Sendable, Codable {
    case notification = 0
    /// The event's block was orphaned: what was said before no longer holds.
    case retraction = 1
}
