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
        let encoding: Encoding
    }

    /// How a parameter stands in a log, and what becomes of it.
    enum Encoding: Sendable, Equatable {
        case uint(bits: Int)
        case int(bits: Int)
        case address
        case bool
        case hash
        /// A `bytes32` that was meant as a short text.
        case shortText
        case string
        /// The hash of a string, all that an indexed one leaves.
        case stringHash
        case bytes
        /// A string where later layouts have bytes.
        case stringBytes
    }

    /// Where a parameter stands, and how.
    struct Step: Sendable {
        let encoding: Encoding
        let isIndexed: Bool
        /// Which topic it is, or where its word begins in the data.
        let place: Int
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

    /// How each parameter is read; apart from their names, so that decoding copies nothing that is counted.
    let steps: [Step]
    /// The field of each parameter.
    let fields: [Field]
    /// How many topics a log of this layout has.
    let topicCount: Int
    /// The bytes of data that every log of this layout has at least.
    let headSize: Int

    /// The layout that `declaration` describes, such as `Registered(uint256* agentId, string agentURI, address* owner)`.
    ///
    /// A star marks an indexed parameter. The declaration is the program's own, so a wrong one stops it.
    init(_ type: EventType, _ declaration: String) {
        let parts = declaration.split(separator: "(", maxSplits: 1)
        precondition(parts.count == 2 && declaration.hasSuffix(")"), "an event is declared as name(parameters)")
        let parameters = parts[1].dropLast().split(separator: ",").map { Parameter(declaration: $0, of: type) }
        self.type = type
        name = String(parts[0])
        signature = "\(name)(\(parameters.map(\.solidityType).joined(separator: ",")))"
        topic0 = Keccak256.hash(signature)
        self.parameters = parameters
        fields = parameters.map(\.field)
        var steps: [Step] = []
        var topic = 1
        var head = 0
        for parameter in parameters {
            let place = parameter.isIndexed ? topic : head
            steps.append(Step(encoding: parameter.encoding, isIndexed: parameter.isIndexed, place: place))
            if parameter.isIndexed { topic += 1 } else { head += 32 }
        }
        self.steps = steps
        topicCount = topic
        headSize = head
    }
}

extension EventLayout.Parameter {
    fileprivate init(declaration: Substring, of type: EventType) {
        let words = declaration.split(separator: " ")
        precondition(words.count == 2, "a parameter is declared as type and name")
        isIndexed = words[0].hasSuffix("*")
        solidityType = String(isIndexed ? words[0].dropLast() : words[0])
        name = String(words[1])
        guard let field = Field(parameter: name, of: type) else {
            preconditionFailure("no field shows the parameter \(name)")
        }
        guard let encoding = EventLayout.Encoding(solidityType, isIndexed: isIndexed, field: field) else {
            preconditionFailure("no event has parameters of type \(solidityType)")
        }
        self.field = field
        self.encoding = encoding
    }
}

extension EventLayout.Encoding {
    fileprivate init?(_ solidityType: String, isIndexed: Bool, field: Field) {
        switch ABIType(solidityType) {
        case .uint(let bits): self = .uint(bits: bits)
        case .int(let bits): self = .int(bits: bits)
        case .address: self = .address
        case .bool: self = .bool
        case .fixedBytes(32): self = field.type == .text ? .shortText : .hash
        case .string where isIndexed: self = .stringHash
        case .string: self = field.type == .bytes ? .stringBytes : .string
        case .bytes where !isIndexed: self = .bytes
        default: return nil
        }
    }
}

extension Field {
    /// The field that shows the parameter `name` of an event of `type`; nil for a name that no layout has.
    fileprivate init?(parameter name: String, of type: EventType) {
        switch name {
        case "agentId", "tokenId": self = .agentID
        case "fromTokenId": self = .fromAgentID
        case "toTokenId": self = .toAgentID
        case "newURI": self = .agentURI
        case "indexedMetadataKey": self = .metadataKeyHash
        case "indexedTag1": self = .tag1Hash
        case "approved" where type == .approvalForAll: self = .isApproved
        default: self.init(rawValue: name.snakeCased)
        }
    }
}

extension String {
    /// The camel-case name in snake case: `agentURI` is `agent_uri`.
    var snakeCased: String {
        var result = ""
        var wasUpper = true
        for letter in self {
            if letter.isUppercase, !wasUpper { result.append("_") }
            wasUpper = letter.isUppercase
            result += letter.lowercased()
        }
        return result
    }
}
