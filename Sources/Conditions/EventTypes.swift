public import Domain

/// A set of event types, as the bits of one word.
public struct EventTypes: OptionSet, Hashable, Sendable {
    /// Bit `n` stands for the `n`th case of `EventType`.
    public let rawValue: UInt32

    /// The types of the bits that are set.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// The set of `type` alone.
    public init(_ type: EventType) { rawValue = 1 << UInt32(type.ordinal) }

    /// The set of `types`.
    public init(_ types: some Sequence<EventType>) {
        self = types.reduce(into: EventTypes()) { $0.formUnion(EventTypes($1)) }
    }

    /// Every type.
    public static let all = EventTypes(EventType.allCases)

    /// What contracts of `registry` can emit, the proxies' own events included; every type for nil.
    public static func emitted(by registry: Registry?) -> EventTypes {
        switch registry {
        case nil: all
        case .identity?: identity
        case .reputation?: reputation
        case .validation?: validation
        }
    }

    private static let identity = of(.identity)
    private static let reputation = of(.reputation)
    private static let validation = of(.validation)

    private static func of(_ registry: Registry) -> EventTypes {
        EventTypes(EventType.allCases.filter { $0.registry == registry || $0.registry == nil })
    }

    /// The types, in the order of `EventType`.
    public var elements: [EventType] { EventType.allCases.filter { contains(EventTypes($0)) } }

    /// Whether `type` is one of them.
    public func contains(_ type: EventType) -> Bool { contains(EventTypes(type)) }
}

extension EventType {
    /// The case's place in the declaration, 0...17.
    var ordinal: Int {
        switch self {
        case .registered: 0
        case .metadataSet: 1
        case .uriUpdated: 2
        case .transfer: 3
        case .approval: 4
        case .approvalForAll: 5
        case .metadataUpdate: 6
        case .batchMetadataUpdate: 7
        case .agentWalletSet: 8
        case .newFeedback: 9
        case .feedbackRevoked: 10
        case .responseAppended: 11
        case .validationRequest: 12
        case .validationResponse: 13
        case .upgraded: 14
        case .initialized: 15
        case .ownershipTransferred: 16
        case .eip712DomainChanged: 17
        }
    }
}
