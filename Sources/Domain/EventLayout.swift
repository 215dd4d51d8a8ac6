public import Ethereum

/// One of the shapes that an event was ever written in, known by its topic 0.
public final class EventLayout: Sendable {
    /// A declared parameter and the field that shows it.
    public struct Parameter: Sendable {
        /// The name in the contract's declaration, `agentURI`.
        public let name: String
        /// The Solidity type, `uint256`.
        public let solidityType: String
        /// Whether it is a topic rather than data.
        public let isIndexed: Bool
        /// The name that conditions and templates read it by.
        public let field: Field
    }

    /// What happened.
    public let type: EventType
    /// The event's name as this layout's contract declared it, `UriUpdated`.
    public let name: String
    /// Name and types, `Registered(uint256,string,address)`.
    public let signature: String
    /// Keccak-256 of the signature.
    public let topic0: Hash
    /// In declared order.
    public let parameters: [Parameter]

    init(type: EventType, name: String, signature: String, topic0: Hash, parameters: [Parameter]) {
        self.type = type
        self.name = name
        self.signature = signature
        self.topic0 = topic0
        self.parameters = parameters
    }
}
