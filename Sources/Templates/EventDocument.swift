public import Domain
import Ethereum
import Foundation

/// The documented JSON document about an event: a webhook's default body and an MCP tool's default argument `data`.
///
/// Shaped as Standard Webhooks recommends: `type`, `timestamp` of the event, `data`. `docs/webhooks.md` holds its JSON
/// Schema. Equal notices have equal bytes, so that a repeated delivery is signed and compared as the same.
public struct EventDocument: Sendable {
    /// Grows when a member changes its meaning; new members do not change it.
    public static let version = 1
    /// The longest text of one parameter in UTF-8 bytes; longer ones are cut and named in `truncated`.
    public static let textMaximum = 32768

    /// The whole document.
    public let json: JSON

    /// The document about `notice`.
    public init(_ notice: Notice) {
        var members: [String: JSON] = [
            "version": .number(Decimal(Self.version)),
            "type": .string(Self.type(of: notice.event, kind: notice.kind)),
            "timestamp": .string(Self.time(notice.event.timestamp)),
            "data": Self.data(
                eventID: notice.eventID, event: notice.event, chainName: notice.chainName,
                explorerURL: notice.explorerURL, kind: notice.kind),
            "trigger": .object(["id": .string(notice.triggerID), "name": .string(notice.triggerName)]),
            "delivery_id": .number(Decimal(notice.deliveryID)),
        ]
        if notice.isTest { members["test"] = .boolean(true) }
        json = .object(members)
    }

    /// The document as compact UTF-8, members in the order of their names.
    public var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(1536)
        JSONText.write(json, into: &bytes)
        return bytes
    }

    /// The document's type, `erc8004.new_feedback` or `erc8004.new_feedback.retracted`.
    public static func type(of event: Event, kind: DeliveryKind) -> String {
        "erc8004.\(event.type.snakeCase)\(kind == .retraction ? ".retracted" : "")"
    }

    /// Everything about the event itself: what `data` holds.
    public static func data(
        eventID: EventID, event: Event, chainName: String?, explorerURL: String?, kind: DeliveryKind
    ) -> JSON {
        let parameters = cutParameters(of: event)
        var members: [String: JSON] = [
            "event_id": .number(Decimal(eventID.rawValue)),
            "event_type": .string(event.type.rawValue),
            "registry": .string(event.registry.rawValue),
            "chain_id": .number(Decimal(event.chainID.rawValue)),
            "contract_address": .string(event.log.address.checksummed),
            "block_number": .number(Decimal(event.log.blockNumber.rawValue)),
            "block_hash": .string(event.log.blockHash.description),
            "block_timestamp": .string(time(event.timestamp)),
            "transaction_hash": .string(event.log.transactionHash.description),
            "log_index": .number(Decimal(event.log.logIndex)),
            "is_retraction": .boolean(kind == .retraction),
            "parameters": .object(parameters.members),
        ]
        if let sender = event.transactionFrom { members["transaction_from"] = .string(sender.checksummed) }
        if let chainName { members["chain_name"] = .string(chainName) }
        if let explorerURL {
            members["transaction_url"] = .string("\(explorerURL)/tx/\(event.log.transactionHash)")
        }
        if !parameters.cut.isEmpty { members["truncated"] = .array(parameters.cut.map { .string($0) }) }
        return .object(members)
    }

    /// The event's parameters by their snake-case names, and `score` where a feedback has one.
    ///
    /// Integers are decimal strings, addresses carry their checksum, hashes and bytes are lower-case hex.
    public static func parameters(of event: Event) -> JSON { .object(cutParameters(of: event).members) }

    private static func cutParameters(of event: Event) -> (members: [String: JSON], cut: [String]) {
        var members: [String: JSON] = [:]
        var cut: [String] = []
        func add(_ field: Field, _ value: FieldValue) {
            let (json, isCut) = json(of: value)
            members[field.rawValue] = json
            if isCut { cut.append(field.rawValue) }
        }
        for (parameter, value) in zip(event.layout.parameters, event.parameters) { add(parameter.field, value) }
        if let score = event.value(of: .score) { add(.score, score) }
        return (members, cut.sorted())
    }

    private static func json(of value: FieldValue) -> (JSON, isCut: Bool) {
        switch value {
        case .boolean(let flag): return (.boolean(flag), false)
        case .bytes(let bytes) where bytes.count > textMaximum / 2:
            return (.string(FieldValue.bytes(Array(bytes.prefix(textMaximum / 2))).text), true)
        case .text(let text) where text.string.utf8.count > textMaximum:
            return (.string(String(text.string.unicodeScalarPrefix(bytes: textMaximum))), true)
        case .number, .text, .address, .hash, .bytes: return (.string(value.text), false)
        }
    }

    /// RFC 3339; the plain number for a time that no calendar holds.
    private static func time(_ seconds: Int64) -> String { Timestamp.rfc3339(seconds: seconds) ?? String(seconds) }
}

extension EventType {
    /// `new_feedback` for `NewFeedback`, `uri_updated` for `URIUpdated`.
    var snakeCase: String { Self.snakeCases[self] ?? rawValue }

    private static let snakeCases = Dictionary(
        uniqueKeysWithValues: allCases.map { type in
            var name = ""
            var previous: Character?
            for character in type.rawValue {
                // A capital begins a word, unless it goes on with an abbreviation: URIUpdated, EIP712Domain.
                if character.isUppercase, let previous, !previous.isUppercase { name.append("_") }
                name.append(contentsOf: character.lowercased())
                previous = character
            }
            return (type, name)
        }
    ).merging([EventType.uriUpdated: "uri_updated"]) { _, named in named }
}
