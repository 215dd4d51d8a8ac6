public import Conditions
public import Domain
public import Foundation

/// What the engine must know of an action to make a delivery of it.
public struct TriggerAction: Hashable, Sendable {
    /// The row in `trigger_actions`.
    public let id: Int64
    /// The destination's row.
    public let destinationID: Int64
    /// The version that a delivery made now renders.
    public let version: Int32
    /// How it notifies.
    public let channel: Channel

    /// An action with all its facts.
    public init(id: Int64, destinationID: Int64, version: Int32, channel: Channel) {
        self.id = id
        self.destinationID = destinationID
        self.version = version
        self.channel = channel
    }
}

/// An enabled trigger, ready to be indexed.
public struct CompiledTrigger: Sendable {
    /// The row in `triggers`.
    public let id: UUID
    /// Who owns it.
    public let organizationID: UUID
    /// The chain it watches; nil for every chain.
    public let chainID: ChainID?
    /// The registry it watches; nil for any.
    public let registry: Registry?
    /// When it believes a block.
    public let finality: Finality
    /// Whether it sends what it finds.
    public let mode: TriggerMode
    /// When it was enabled, in seconds since 1970.
    public let enabledAt: Int64
    /// What an event must fulfil.
    public let conditions: ConditionSet
    /// What it does, in the order of their priority.
    public let actions: [TriggerAction]

    /// A trigger with all its facts.
    public init(
        id: UUID, organizationID: UUID, chainID: ChainID?, registry: Registry?, finality: Finality, mode: TriggerMode,
        enabledAt: Int64, conditions: ConditionSet, actions: [TriggerAction]
    ) {
        self.id = id
        self.organizationID = organizationID
        self.chainID = chainID
        self.registry = registry
        self.finality = finality
        self.mode = mode
        self.enabledAt = enabledAt
        self.conditions = conditions
        self.actions = actions
    }
}
