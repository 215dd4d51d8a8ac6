import Conditions
import Domain
import Ethereum
import Foundation
import TestSupport

@testable import TriggerEngine

/// Random triggers and events over small sets of values, so that many of them meet.
struct RandomWorld {
    var random: SeededGenerator
    static let chains = [1, 10, 8453].compactMap { ChainID(rawValue: $0) }
    static let addresses = (0..<5).map { index in
        Address(bytes: [UInt8](repeating: 0, count: 19) + [UInt8(index)]) ?? .zero
    }
    static let hashes = (0..<4).map { index in
        Hash(bytes: [UInt8](repeating: 0xa0 + UInt8(index), count: 32)) ?? .zero
    }
    static let texts = ["", "a", "A", "ab", "Ab", "quality", "Quality", "caf\u{e9}", "cafe\u{301}", "x\u{0}y"]
    static let byteStrings: [[UInt8]] = [[], [0], [0xca, 0xfe], [0xca, 0xfe, 0xba, 0xbe], [0xba, 0xbe]]
    static let numbers = [
        "0", "1", "2", "3", "42", "100", "255", "18446744073709551616",
        "115792089237316195423570985008687907853269984665640564039457584007913129639935",
    ]

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    // MARK: Events

    mutating func event() -> Event {
        let layout = random.pick(EventLayouts.all)
        let parameters = layout.parameters.map { value(of: $0.field) }
        let log = Log(
            address: random.pick(Self.addresses), topics: Topics(), data: [], blockNumber: 100,
            blockHash: random.pick(Self.hashes), transactionHash: random.pick(Self.hashes), transactionIndex: 0,
            logIndex: UInt32(random.below(3)))
        return Event(
            chainID: random.pick(Self.chains),
            registry: layout.type.registry ?? random.pick(Registry.allCases), log: log,
            timestamp: Int64(random.below(5)), transactionFrom: random.chance(50) ? random.pick(Self.addresses) : nil,
            layout: layout, parameters: parameters)
    }

    private mutating func value(of field: Field) -> FieldValue {
        switch field.type {
        case .number:
            if field == .valueDecimals { return .number(Number(UInt64(random.below(20)))) }
            if field == .value, random.chance(30) { return .number(Number(Int64(-random.below(4)))) }
            return .number(Number(decimal: random.pick(Self.numbers)) ?? .zero)
        case .text: return .text(Text(random.pick(Self.texts)))
        case .address: return .address(random.pick(Self.addresses))
        case .hash: return .hash(random.pick(Self.hashes))
        case .bytes: return .bytes(random.pick(Self.byteStrings))
        case .boolean: return .boolean(random.chance(50))
        }
    }

    // MARK: Triggers

    /// A trigger whose conditions compile, with their sources.
    mutating func trigger() -> (CompiledTrigger, [ConditionSource]) {
        while true {
            let registry = random.chance(50) ? random.pick(Registry.allCases) : nil
            let sources = (0..<random.below(4)).map { _ in
                random.chance(25)
                    ? ConditionSource(type: "group", field: "", operator: "", value: nil, config: tree(depth: 3))
                    : leafSource()
            }
            guard let conditions = try? ConditionSet(compiling: sources, registry: registry) else { continue }
            let trigger = CompiledTrigger(
                id: uuid(), organizationID: uuid(),
                chainID: random.chance(50) ? random.pick(Self.chains) : nil, registry: registry,
                finality: random.chance(80) ? .latest : random.pick(Finality.allCases),
                mode: random.chance(90) ? .live : .shadow, enabledAt: 0, conditions: conditions,
                actions: [TriggerAction(id: 1, destinationID: 1, version: 1, channel: .rest)])
            return (trigger, sources)
        }
    }

    private mutating func uuid() -> UUID {
        let (high, low) = (random.next(), random.next())
        return withUnsafeBytes(of: (high, low)) { UUID(uuid: $0.loadUnaligned(as: uuid_t.self)) }
    }

    private mutating func tree(depth: Int) -> JSON {
        if depth == 0 || random.chance(40) { return leaf() }
        if random.chance(25) { return .object(["not": tree(depth: depth - 1)]) }
        let members = (0...random.below(3)).map { _ in tree(depth: depth - 1) }
        return .object([random.chance(50) ? "all" : "any": .array(members)])
    }

    private mutating func leafSource() -> ConditionSource {
        let leaf = leaf()
        return ConditionSource(
            type: "event", field: leaf["field"]?.string ?? "", operator: leaf["operator"]?.string ?? "",
            value: leaf["value"], config: leaf["config"])
    }

    private mutating func leaf() -> JSON {
        if random.chance(30) { return eventTypeLeaf() }
        let field = random.chance(30) ? Field.agentID : random.pick(Field.allCases.filter { $0 != .registry })
        guard field != .eventType else { return eventTypeLeaf() }
        let name: String =
            random.chance(50) ? "equals" : random.pick(Self.operators[field.type] ?? ["exists"])
        var leaf: [String: JSON] = ["field": .string(field.rawValue), "operator": .string(name)]
        switch name {
        case "exists", "not_exists": break
        case "in", "not_in": leaf["value"] = .array((0...random.below(3)).map { _ in operand(field, name) })
        case "between": leaf["value"] = .array([operand(field, name), operand(field, name)])
        default: leaf["value"] = operand(field, name)
        }
        if random.chance(20) { leaf["config"] = .object(["case_sensitive": .boolean(random.chance(50))]) }
        return .object(leaf)
    }

    private mutating func eventTypeLeaf() -> JSON {
        let names = EventType.allCases.map(\.rawValue) + ["AgentMinted", "AgentBurned", "AgentBurned"]
        let isList = random.chance(30)
        let value: JSON =
            isList
            ? .array((0...random.below(3)).map { _ in .string(random.pick(names)) }) : .string(random.pick(names))
        let name = isList ? random.pick(["in", "not_in"]) : random.pick(["equals", "equals", "equals", "not_equals"])
        return .object(["field": "event_type", "operator": .string(name), "value": value])
    }

    private mutating func operand(_ field: Field, _ name: String) -> JSON {
        switch field.type {
        case .number:
            if field == .score { return .string(random.pick(["0", "0.5", "1", "4.2", "100", "-1"])) }
            if field == .chainID { return .string(random.pick(Self.chains).description) }
            return random.chance(20) ? .number(Decimal(random.below(4))) : .string(random.pick(Self.numbers))
        case .text:
            if name == "matches" { return .string(random.pick(["^a", "b$", "^[a-q]+", "x", "^quality$"])) }
            return .string(random.pick(Self.texts))
        case .address: return .string(random.pick(Self.addresses).hex)
        case .hash: return .string(random.pick(Self.hashes).description)
        case .bytes: return .string(Hex.encode(random.pick(Self.byteStrings)))
        case .boolean: return .boolean(random.chance(50))
        }
    }

    private static let operators: [FieldType: [String]] = [
        .number: ["not_equals", "gt", "gte", "lt", "lte", "between", "in", "not_in", "exists", "not_exists"],
        .text: [
            "not_equals", "in", "not_in", "contains", "not_contains", "starts_with", "ends_with", "matches", "exists",
            "not_exists",
        ],
        .address: ["not_equals", "in", "not_in", "exists", "not_exists"],
        .hash: ["not_equals", "in", "not_in", "exists", "not_exists"],
        .bytes: ["not_equals", "in", "not_in", "contains", "not_contains", "starts_with", "ends_with", "exists"],
        .boolean: ["not_equals", "exists", "not_exists"],
    ]
}
