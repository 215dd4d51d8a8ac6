extension Event {
    /// The most decimals that a feedback's value may declare and still have a score, as in the contract.
    public static let maximumValueDecimals: UInt64 = 18

    /// The value of `field`; nil where this event has none.
    ///
    /// `score` is the value scaled by its decimals, or the 0–100 score of the older layouts; a value of more decimals
    /// than ``maximumValueDecimals`` has none.
    public func value(of field: Field) -> FieldValue? {
        switch field {
        case .eventType: .text(Text(type.rawValue))
        case .chainID: .number(Number(chainID.rawValue))
        case .registry: .text(Text(registry.rawValue))
        case .contractAddress: .address(log.address)
        case .blockNumber: .number(Number(log.blockNumber.rawValue))
        case .blockHash: .hash(log.blockHash)
        case .blockTimestamp: .number(Number(timestamp))
        case .transactionHash: .hash(log.transactionHash)
        case .transactionFrom: transactionFrom.map { .address($0) }
        case .logIndex: .number(Number(Int64(log.logIndex)))
        case .score: parameter(.score) ?? scaledValue.map { .number($0) }
        default: parameter(field)
        }
    }

    private func parameter(_ field: Field) -> FieldValue? {
        guard let given else { return EventDecoder.value(of: field, layout: layout, in: log) }
        return layout.fields.firstIndex(of: field).map { given[$0] }
    }

    private var scaledValue: Number? {
        guard case .number(let value) = parameter(.value), case .number(let decimals) = parameter(.valueDecimals),
            let scale = decimals.uint64, scale <= Self.maximumValueDecimals
        else { return nil }
        return Number(isNegative: value.isNegative, magnitude: value.magnitude, scale: UInt8(scale))
    }
}

extension EventType {
    /// The fields that an event of this type can have besides the envelope: parameters of all its layouts, and derived.
    public var fields: [Field] { Self.fieldsByType[self] ?? [] }

    private static let fieldsByType: [EventType: [Field]] = {
        var fields: [EventType: [Field]] = [:]
        for layout in EventLayouts.all {
            for parameter in layout.parameters where !fields[layout.type, default: []].contains(parameter.field) {
                fields[layout.type, default: []].append(parameter.field)
            }
        }
        return fields
    }()
}

extension Field {
    /// What the field's values are, in whatever event.
    public var type: FieldType {
        switch self {
        case .chainID, .blockNumber, .blockTimestamp, .logIndex, .agentID, .fromAgentID, .toAgentID, .feedbackIndex,
            .value, .valueDecimals, .score, .response, .version:
            .number
        case .eventType, .registry, .agentURI, .metadataKey, .tag1, .tag2, .endpoint, .feedbackURI, .responseURI,
            .requestURI, .tag:
            .text
        case .contractAddress, .transactionFrom, .owner, .updatedBy, .from, .to, .approved, .operator, .newWallet,
            .setBy, .clientAddress, .responder, .validatorAddress, .implementation, .previousOwner, .newOwner:
            .address
        case .blockHash, .transactionHash, .metadataKeyHash, .tag1Hash, .feedbackHash, .responseHash, .requestHash:
            .hash
        case .metadataValue: .bytes
        case .isApproved: .boolean
        }
    }
}
