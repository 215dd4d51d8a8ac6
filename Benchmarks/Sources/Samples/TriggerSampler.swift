public import Conditions
public import Domain
public import Foundation
public import TriggerEngine

/// Makes triggers as users have them.
///
/// Of ten, seven need an agent or an account, two a tag together with a score, and one is broad: a chain and an event
/// type with a comparison that no equality helps to find.
public struct TriggerSampler: Sendable {
    private var random: Seeded

    /// A sampler whose triggers follow from `seed`.
    public init(seed: UInt64 = World.seed + 1) { random = Seeded(seed) }

    /// A trigger with one action.
    public mutating func trigger() -> CompiledTrigger {
        let wish = wish()
        guard let conditions = try? ConditionSet(compiling: wish.conditions, registry: wish.registry) else {
            preconditionFailure("sampled conditions compile")
        }
        let action = TriggerAction(
            id: Int64.random(in: 1...Int64.max, using: &random),
            destinationID: Int64.random(in: 1...9999, using: &random),
            version: 1, channel: .rest)
        return CompiledTrigger(
            id: uuid(random.next(), random.next()),
            organizationID: uuid(0, UInt64.random(in: 0..<10_000, using: &random)), chainID: wish.chain,
            registry: wish.registry, finality: .latest, mode: .live, enabledAt: 0, conditions: conditions,
            actions: [action])
    }

    private struct Wish {
        var chain: ChainID?
        var registry: Registry?
        var conditions: [ConditionSource]
    }

    private mutating func wish() -> Wish {
        let chain = World.chain(number(World.chains))
        let anywhere = number(2) == 0 ? nil : chain
        switch number(100) {
        case 0..<30:
            return Wish(
                chain: anywhere, conditions: [Self.event("agent_id", "equals", .string("\(number(World.agents))"))])
        case 30..<50:
            return Wish(
                chain: chain, registry: .reputation,
                conditions: [
                    Self.event("agent_id", "equals", .string("\(number(World.agents))")),
                    Self.event("event_type", "equals", .string("NewFeedback")),
                    Self.event("score", "lt", .number(Decimal(20 + number(60)))),
                ])
        case 50..<60:
            return Wish(
                chain: anywhere, registry: .identity,
                conditions: [Self.event("owner", "equals", .string(World.account(number(World.accounts)).description))])
        case 60..<70:
            return Wish(
                chain: anywhere, registry: .reputation,
                conditions: [
                    Self.event("client_address", "equals", .string(World.account(number(World.accounts)).description))
                ])
        case 70..<80:
            return Wish(
                chain: chain, registry: .reputation,
                conditions: [
                    Self.event("tag1", "equals", .string(World.tag(number(World.tags)))),
                    Self.event("score", "lt", .number(Decimal(5 + number(40)))),
                ])
        case 80..<90:
            let tags = (0..<3).map { _ in JSON.string(World.tag(number(World.tags))) }
            return Wish(
                chain: chain, registry: .reputation,
                conditions: [
                    Self.event("tag1", "in", .array(tags)),
                    Self.event("score", "gte", .number(Decimal(60 + number(40)))),
                ])
        default: return broad(chain)
        }
    }

    private mutating func broad(_ chain: ChainID) -> Wish {
        switch number(4) {
        case 0:
            Wish(
                chain: chain, registry: .reputation,
                conditions: [
                    Self.event("event_type", "equals", .string("NewFeedback")),
                    Self.event("score", "lt", .number(Decimal(number(50) + 1) / 100)),
                ])
        case 1:
            Wish(
                chain: chain, registry: .reputation,
                conditions: [
                    Self.event("event_type", "equals", .string("NewFeedback")),
                    Self.event("score", "gt", .number(Decimal(9_950 + number(50)) / 100)),
                ])
        case 2:
            Wish(
                chain: chain, registry: .identity,
                conditions: [
                    Self.event("event_type", "equals", .string("Registered")),
                    Self.event("agent_uri", "contains", .string("/\(1000 + number(9000)).json")),
                ])
        default:
            Wish(
                chain: chain, registry: .validation,
                conditions: [
                    Self.event("event_type", "equals", .string("ValidationResponse")),
                    Self.event("response", "lt", .number(Decimal(1 + number(3)))),
                ])
        }
    }

    private mutating func number(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &random) }

    private static func event(_ field: String, _ comparison: String, _ value: JSON) -> ConditionSource {
        ConditionSource(type: "event", field: field, operator: comparison, value: value, config: nil)
    }

    private func uuid(_ high: UInt64, _ low: UInt64) -> UUID {
        var bytes = (high.bigEndian, low.bigEndian)
        return withUnsafeBytes(of: &bytes) { UUID(uuid: $0.load(as: uuid_t.self)) }
    }
}
