public import Ethereum

/// What happened, whatever layout the contract wrote it in; the raw value is the name in conditions, SQL and JSON.
///
/// `UriUpdated` of the oldest contracts is a `URIUpdated` here.
public enum EventType: String, CaseIterable, Hashable, Sendable, Codable {
    case registered = "Registered"
    case metadataSet = "MetadataSet"
    case uriUpdated = "URIUpdated"
    case transfer = "Transfer"
    case approval = "Approval"
    case approvalForAll = "ApprovalForAll"
    case metadataUpdate = "MetadataUpdate"
    case batchMetadataUpdate = "BatchMetadataUpdate"
    case agentWalletSet = "AgentWalletSet"
    case newFeedback = "NewFeedback"
    case feedbackRevoked = "FeedbackRevoked"
    case responseAppended = "ResponseAppended"
    case validationRequest = "ValidationRequest"
    case validationResponse = "ValidationResponse"
    case upgraded = "Upgraded"
    case initialized = "Initialized"
    case ownershipTransferred = "OwnershipTransferred"
    case eip712DomainChanged = "EIP712DomainChanged"

    /// The registry that emits it; nil for what every proxy emits.
    public var registry: Registry? {
        switch self {
        case .registered, .metadataSet, .uriUpdated, .transfer, .approval, .approvalForAll, .metadataUpdate,
            .batchMetadataUpdate, .agentWalletSet:
            .identity
        case .newFeedback, .feedbackRevoked, .responseAppended: .reputation
        case .validationRequest, .validationResponse: .validation
        case .upgraded, .initialized, .ownershipTransferred, .eip712DomainChanged: nil
        }
    }
}

/// A decoded log of a registry.
///
/// The log stays with it: decoding is a pure function of the log, so PostgreSQL stores the log alone and nothing that a
/// contract wrote can be lost or refused by a column type.
public struct Event: Sendable {
    /// The chain it happened on.
    public let chainID: ChainID
    /// The registry whose contract wrote it.
    public let registry: Registry
    /// The log as the node reported it.
    public let log: Log
    /// The block's timestamp in seconds since 1970.
    public let timestamp: Int64
    /// The account that sent the transaction, where the listener fetched it.
    public let transactionFrom: Address?
    /// The shape it was written in.
    public let layout: EventLayout
    /// Values that do not stand in the log; nil where they are read from it whenever they are asked for.
    let given: [FieldValue]?

    /// The event that `log` is; nil unless it decodes.
    ///
    /// Every parameter is checked now and read when it is asked for.
    public init?(
        decoding log: borrowing Log, chainID: ChainID, registry: Registry, timestamp: Int64, transactionFrom: Address?
    ) {
        guard let layout = try? EventDecoder.layout(of: log) else { return nil }
        self.chainID = chainID
        self.registry = registry
        self.log = copy log
        self.timestamp = timestamp
        self.transactionFrom = transactionFrom
        self.layout = layout
        given = nil
    }

    /// An event of which `parameters` are known otherwise: those of `layout`, in their order.
    public init(
        chainID: ChainID, registry: Registry, log: Log, timestamp: Int64, transactionFrom: Address?,
        layout: EventLayout, parameters: [FieldValue]
    ) {
        precondition(parameters.count == layout.parameters.count, "an event has one value for each parameter")
        self.chainID = chainID
        self.registry = registry
        self.log = log
        self.timestamp = timestamp
        self.transactionFrom = transactionFrom
        self.layout = layout
        given = parameters
    }

    /// One value for each of `layout.parameters`, in their order.
    public var parameters: [FieldValue] { given ?? EventDecoder.values(layout: layout, of: log) }

    /// What happened.
    public var type: EventType { layout.type }
}
