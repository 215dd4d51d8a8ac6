public import Ethereum

/// What a field's values are, which decides the operators that it supports.
public enum FieldType: String, Sendable {
    case number, text, address, hash, bytes, boolean
}

/// One value of an event's field.
public enum FieldValue: Hashable, Sendable {
    case number(Number)
    case text(Text)
    case address(Address)
    case hash(Hash)
    case bytes([UInt8])
    case boolean(Bool)
}

/// Text from a chain: valid UTF-8, compared byte by byte.
///
/// `String` calls a precomposed and a decomposed letter equal; the chain does not, and neither does this.
public struct Text: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The text; compare it through this type alone.
    public let string: String

    /// The text `string`.
    public init(_ string: String) { self.string = string }

    /// The text itself.
    public var description: String { string }
    /// Whether the UTF-8 bytes agree.
    public static func == (left: Text, right: Text) -> Bool { left.string.utf8.elementsEqual(right.string.utf8) }
    /// Orders by UTF-8 bytes, which is the order of Unicode code points.
    public static func < (left: Text, right: Text) -> Bool {
        left.string.utf8.lexicographicallyPrecedes(right.string.utf8)
    }
    /// Feeds the UTF-8 bytes.
    public func hash(into hasher: inout Hasher) {
        for byte in string.utf8 { hasher.combine(byte) }
        hasher.combine(0xff as UInt8)
    }
}

/// A name that conditions and templates read an event by; its raw value is that name.
public enum Field: String, CaseIterable, Sendable, Codable {
    // Envelope: every event has these.
    case eventType = "event_type"
    case chainID = "chain_id"
    case registry
    case contractAddress = "contract_address"
    case blockNumber = "block_number"
    case blockHash = "block_hash"
    case blockTimestamp = "block_timestamp"
    case transactionHash = "transaction_hash"
    case transactionFrom = "transaction_from"
    case logIndex = "log_index"
    // Parameters: which ones an event has is told by its layout.
    case agentID = "agent_id"
    case owner
    case agentURI = "agent_uri"
    case metadataKey = "metadata_key"
    case metadataKeyHash = "metadata_key_hash"
    case metadataValue = "metadata_value"
    case updatedBy = "updated_by"
    case from
    case to
    case approved
    /// The flag `approved` of an ApprovalForAll; ``approved`` is the address of an Approval.
    case isApproved = "is_approved"
    case `operator` = "operator"
    case fromAgentID = "from_agent_id"
    case toAgentID = "to_agent_id"
    case newWallet = "new_wallet"
    case setBy = "set_by"
    case clientAddress = "client_address"
    case feedbackIndex = "feedback_index"
    case value
    case valueDecimals = "value_decimals"
    case score
    case tag1Hash = "tag1_hash"
    case tag1
    case tag2
    case endpoint
    case feedbackURI = "feedback_uri"
    case feedbackHash = "feedback_hash"
    case responder
    case responseURI = "response_uri"
    case responseHash = "response_hash"
    case validatorAddress = "validator_address"
    case requestURI = "request_uri"
    case requestHash = "request_hash"
    case response
    case tag
    case implementation
    case version
    case previousOwner = "previous_owner"
    case newOwner = "new_owner"

    /// Whether every event has the field, whatever its type.
    public var isEnvelope: Bool {
        switch self {
        case .eventType, .chainID, .registry, .contractAddress, .blockNumber, .blockHash, .blockTimestamp,
            .transactionHash, .transactionFrom, .logIndex:
            true
        default: false
        }
    }
}
