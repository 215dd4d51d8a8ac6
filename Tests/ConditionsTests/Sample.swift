import Conditions
import Domain
import Ethereum
import Foundation

/// Events to test with, described by their fields.
enum Sample {
    struct Problem: Error, CustomStringConvertible {
        let description: String
    }

    /// An event in which each member of `fields` is a field's value and every other parameter is zero or empty.
    ///
    /// `event_type` names the type; `layout` the beginning of a signature, else the current layout is meant.
    static func event(_ fields: [String: String]) throws -> Event {
        let name = fields["event_type"] ?? "Registered"
        guard let type = EventType(rawValue: name) else { throw Problem(description: "no event type \(name)") }
        let signature = fields["layout"]
        guard
            let layout = EventLayouts.all.first(where: {
                $0.type == type && (signature.map($0.signature.hasPrefix) ?? true)
            })
        else { throw Problem(description: "no layout \(signature ?? name)") }
        let parameters = try layout.parameters.map { parameter in
            try value(of: parameter.field, fields[parameter.field.rawValue])
        }
        var log = Log(
            address: try Address(hex: fields["contract_address"] ?? "0x8004A169FB4a3325136EB29fA0ceB6D2e539a432"),
            topics: Topics(), data: [], blockNumber: try height(fields["block_number"] ?? "24339871"),
            blockHash: try Hash(hex: fields["block_hash"] ?? Hash.zero.description),
            transactionHash: try Hash(hex: fields["transaction_hash"] ?? Hash.zero.description),
            transactionIndex: 0, logIndex: 0)
        log.logIndex = UInt32(fields["log_index"] ?? "0") ?? 0
        let registry = fields["registry"].flatMap(Registry.init(rawValue:)) ?? type.registry ?? .identity
        guard let chainID = ChainID(rawValue: Int64(fields["chain_id"] ?? "1") ?? 0) else {
            throw Problem(description: "chain_id")
        }
        return Event(
            chainID: chainID, registry: registry, log: log, timestamp: Int64(fields["block_timestamp"] ?? "0") ?? 0,
            transactionFrom: try fields["transaction_from"].map { try Address(hex: $0) }, layout: layout,
            parameters: parameters)
    }

    private static func height(_ text: String) throws -> BlockNumber {
        guard let number = Int64(text), let height = BlockNumber(rawValue: number) else {
            throw Problem(description: "block_number \(text)")
        }
        return height
    }

    private static func value(of field: Field, _ text: String?) throws -> FieldValue {
        switch field.type {
        case .number:
            guard let number = Number(decimal: text ?? "0") else { throw Problem(description: field.rawValue) }
            return .number(number)
        case .text: return .text(Text(text ?? ""))
        case .address: return .address(try text.map { try Address(hex: $0) } ?? .zero)
        case .hash: return .hash(try text.map { try Hash(hex: $0) } ?? .zero)
        case .bytes: return .bytes(try text.map { try Hex.decode($0) } ?? [])
        case .boolean: return .boolean(text == "true")
        }
    }
}

extension ConditionSource {
    /// A condition of type `event`.
    static func event(_ field: String, _ operator: String, _ value: JSON? = nil, config: JSON? = nil) -> Self {
        Self(type: "event", field: field, operator: `operator`, value: value, config: config)
    }

    /// A group of the tree that `json` spells.
    static func group(_ json: String) throws -> Self {
        Self(type: "group", field: "group", operator: "group", value: nil, config: try JSON(parsing: json.utf8))
    }
}

extension ConditionSet {
    /// The conditions `sources`, of any registry.
    init(_ sources: ConditionSource..., registry: Registry? = nil) throws(ConditionErrors) {
        try self.init(compiling: sources, registry: registry)
    }
}
