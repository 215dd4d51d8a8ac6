public import Ethereum

/// Every layout that the registries' contracts, their drafts and their reference implementation ever emitted.
///
/// The contracts were upgraded in place, so one address can have emitted several; topic 0 alone tells which. The
/// drafts of August 2025 were another design and are unknown here.
public enum EventLayouts {
    /// The layouts, those of one event type together, the current one first.
    public static let all: [EventLayout] = identity + reputation + validation + proxy

    private static let identity = [
        EventLayout(.registered, "Registered(uint256* agentId, string agentURI, address* owner)"),
        EventLayout(
            .metadataSet,
            "MetadataSet(uint256* agentId, string* indexedMetadataKey, string metadataKey, bytes metadataValue)"),
        EventLayout(
            .metadataSet,
            "MetadataSet(uint256* agentId, string* indexedMetadataKey, string metadataKey, string metadataValue)"),
        EventLayout(.uriUpdated, "URIUpdated(uint256* agentId, string newURI, address* updatedBy)"),
        EventLayout(.uriUpdated, "UriUpdated(uint256* agentId, string newURI, address* updatedBy)"),
        EventLayout(.transfer, "Transfer(address* from, address* to, uint256* tokenId)"),
        EventLayout(.approval, "Approval(address* owner, address* approved, uint256* tokenId)"),
        EventLayout(.approvalForAll, "ApprovalForAll(address* owner, address* operator, bool approved)"),
        EventLayout(.metadataUpdate, "MetadataUpdate(uint256 tokenId)"),
        EventLayout(.batchMetadataUpdate, "BatchMetadataUpdate(uint256 fromTokenId, uint256 toTokenId)"),
        EventLayout(.agentWalletSet, "AgentWalletSet(uint256* agentId, address* newWallet, address* setBy)"),
    ]

    private static let reputation =
        [
            "uint64 feedbackIndex, int128 value, uint8 valueDecimals, string* indexedTag1, string tag1, string tag2, "
                + "string endpoint, string feedbackURI, bytes32 feedbackHash",
            "uint64 feedbackIndex, int256 value, uint8 valueDecimals, string* indexedTag1, string tag1, string tag2, "
                + "string endpoint, string feedbackURI, bytes32 feedbackHash",
            "uint64 feedbackIndex, uint256 value, uint8 valueDecimals, string* indexedTag1, string tag1, string tag2, "
                + "string endpoint, string feedbackURI, bytes32 feedbackHash",
            "uint64 feedbackIndex, uint8 score, string* indexedTag1, string tag1, string tag2, "
                + "string endpoint, string feedbackURI, bytes32 feedbackHash",
            "uint64 feedbackIndex, uint8 score, string* indexedTag1, string tag2, "
                + "string endpoint, string feedbackURI, bytes32 feedbackHash",
            "uint8 score, string* indexedTag1, string tag2, string endpoint, string feedbackURI, bytes32 feedbackHash",
            "uint8 score, string* indexedTag1, string tag2, string feedbackURI, bytes32 feedbackHash",
            "uint8 score, bytes32* tag1, bytes32 tag2, string feedbackURI, bytes32 feedbackHash",
        ].map { EventLayout(.newFeedback, "NewFeedback(uint256* agentId, address* clientAddress, \($0))") } + [
            EventLayout(
                .feedbackRevoked, "FeedbackRevoked(uint256* agentId, address* clientAddress, uint64* feedbackIndex)"),
            EventLayout(
                .responseAppended,
                "ResponseAppended(uint256* agentId, address* clientAddress, uint64 feedbackIndex, address* responder, "
                    + "string responseURI, bytes32 responseHash)"),
            EventLayout(
                .responseAppended,
                "ResponseAppended(uint256* agentId, address* clientAddress, uint64 feedbackIndex, address* responder, "
                    + "string responseURI)"),
        ]

    private static let validation =
        [
            EventLayout(
                .validationRequest,
                "ValidationRequest(address* validatorAddress, uint256* agentId, string requestURI, bytes32* requestHash)"
            )
        ]
        + [
            "bytes32 responseHash, string tag",
            "bytes32 responseHash, bytes32 tag",
            "bytes32 tag",
        ].map {
            EventLayout(
                .validationResponse,
                "ValidationResponse(address* validatorAddress, uint256* agentId, bytes32* requestHash, uint8 response, "
                    + "string responseURI, \($0))")
        }

    private static let proxy = [
        EventLayout(.upgraded, "Upgraded(address* implementation)"),
        EventLayout(.initialized, "Initialized(uint64 version)"),
        EventLayout(.ownershipTransferred, "OwnershipTransferred(address* previousOwner, address* newOwner)"),
        EventLayout(.eip712DomainChanged, "EIP712DomainChanged()"),
    ]

    /// The layout whose logs begin with `topic0`; nil for an unknown event.
    ///
    /// Constant time, nothing allocated, and strangers cannot slow it down: the table's contents are fixed.
    public static func layout(of topic0: Hash) -> EventLayout? {
        var slot = Int(topic0.prefix & slotMask)
        while let layout = slots[slot] {
            if layout.topic0 == topic0 { return layout }
            slot = (slot + 1) & Int(slotMask)
        }
        return nil
    }

    /// The layouts that events of `type` were written in, the current one first.
    public static func layouts(of type: EventType) -> [EventLayout] { all.filter { $0.type == type } }

    /// Eight times as many slots as layouts, so that a look-up rarely sees a second one.
    private static let slotMask: UInt32 = 255

    /// The layouts at the slots that the low bits of their prefix say, or the next free ones.
    private static let slots: [EventLayout?] = {
        var slots = [EventLayout?](repeating: nil, count: Int(slotMask) + 1)
        for layout in all {
            var slot = Int(layout.topic0.prefix & slotMask)
            while slots[slot] != nil { slot = (slot + 1) & Int(slotMask) }
            slots[slot] = layout
        }
        return slots
    }()
}
