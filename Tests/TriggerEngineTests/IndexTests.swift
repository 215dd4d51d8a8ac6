import Conditions
import Domain
import Ethereum
import Foundation
import TestSupport
import Testing

@testable import TriggerEngine

@Suite("The index")
struct IndexTests {
    /// Triggers come, change and go while events are looked up, and each answer is compared with the oracle's.
    @Test("finds what plain evaluation finds", arguments: 0..<10)
    func oracle(_ round: Int) { compare(seed: .random(in: 0 ... .max)) }

    @Test("finds what plain evaluation finds, where it once did not", arguments: [5_733_613_750_210_036_929])
    func oracleAgain(_ seed: UInt64) { compare(seed: seed) }

    private func compare(seed: UInt64) {
        var world = RandomWorld(seed: seed)
        var index = TriggerIndex()
        var stored: [UUID: (CompiledTrigger, [ConditionSource])] = [:]
        var cases = 0
        var found = 0
        for _ in 0..<120 {
            for _ in 0..<3 {
                let (trigger, sources) = world.trigger()
                stored[trigger.id] = (trigger, sources)
                index.insert(trigger)
            }
            let ids = stored.keys.sorted { $0.uuidString < $1.uuidString }
            if world.random.chance(40) {
                let gone = world.random.pick(ids)
                stored[gone] = nil
                index.remove(gone)
            }
            if world.random.chance(40) {
                let (new, sources) = world.trigger()
                let changed = new.with(id: world.random.pick(ids))
                stored[changed.id] = (changed, sources)
                index.insert(changed)
            }
            for _ in 0..<2 {
                let event = world.event()
                for finality in Finality.allCases {
                    let expected = stored.values.filter { trigger, sources in
                        trigger.finality == finality
                            && (trigger.chainID == nil || trigger.chainID == event.chainID)
                            && (trigger.registry == nil || trigger.registry == event.registry)
                            && Oracle.holds(sources, event)
                    }.map(\.0.id)
                    let actual = index.matches(event, finality: finality).map(\.triggerID)
                    let differing = Set(actual).symmetricDifference(expected)
                    #expect(
                        actual.count == expected.count && differing.isEmpty,
                        "seed \(seed), \(event), \(differing.compactMap { stored[$0]?.1 })")
                    cases += stored.count
                    found += expected.count
                }
            }
            #expect(index.count == stored.count)
        }
        print("index seed \(seed), \(cases) cases, \(found) matches")
        #expect(cases > 40_000 && found > 1000)
        for id in stored.keys { index.remove(id) }
        #expect(index.count == 0 && Finality.allCases.allSatisfy { !index.hasTriggers($0) })
    }

    @Test("finds a trigger with keys of several fields once")
    func once() throws {
        let conditions = try ConditionSet(
            compiling: [
                ConditionSource(
                    type: "group", field: "", operator: "", value: nil,
                    config: .object([
                        "any": .array([
                            .object(["field": "agent_id", "operator": "equals", "value": "1"]),
                            .object(["field": "from", "operator": "equals", "value": .string(Address.zero.hex)]),
                        ])
                    ]))
            ], registry: nil)
        var index = TriggerIndex()
        index.insert(.sample(conditions: conditions))
        var world = RandomWorld(seed: 1)
        var matched = 0
        for _ in 0..<5000 {
            let event = world.event()
            let holds =
                event.value(of: .agentID) == .number(Number(1)) || event.value(of: .from) == .address(.zero)
            #expect(index.matches(event).count == (holds ? 1 : 0))
            matched += holds ? 1 : 0
        }
        #expect(matched > 100)
    }

    @Test("finds a trigger that says the same twice once")
    func same() throws {
        let leaf = JSON.object(["field": "agent_id", "operator": "equals", "value": "1"])
        let conditions = try ConditionSet(
            compiling: [
                ConditionSource(
                    type: "group", field: "", operator: "", value: nil, config: .object(["any": .array([leaf, leaf])]))
            ], registry: nil)
        var index = TriggerIndex()
        let trigger = CompiledTrigger.sample(conditions: conditions)
        index.insert(trigger)
        index.insert(.sample(conditions: conditions))
        let event = try #require(
            Event(
                decoding: .transfer(1), chainID: RandomWorld.chains[0], registry: .identity, timestamp: 0,
                transactionFrom: nil))
        #expect(index.matches(event).count == 2)
        index.remove(trigger.id)
        #expect(index.matches(event).count == 1)
    }

    @Test("a table keeps what a dictionary keeps")
    func table() {
        let seed = UInt64.random(in: 0 ... .max)
        print("seed \(seed)")
        var random = SeededGenerator(seed: seed)
        var table = KeyTable()
        var expected: [UInt64: UInt32] = [:]
        for _ in 0..<30_000 {
            // Few low bits, so that keys crowd together.
            let key = UInt64(random.below(400)) | UInt64(random.below(8)) << 40
            if random.chance(45) {
                table.remove(key)
                expected[key] = nil
            } else {
                let value = UInt32(random.below(1000))
                table.set(key, to: value)
                expected[key] = value
            }
            let probe = UInt64(random.below(400)) | UInt64(random.below(8)) << 40
            #expect(table.find(probe) == expected[probe], "seed \(seed)")
        }
        #expect(table.count == expected.count)
    }
}

extension CompiledTrigger {
    static func sample(conditions: ConditionSet, finality: Finality = .latest) -> CompiledTrigger {
        CompiledTrigger(
            id: UUID(), organizationID: UUID(), chainID: nil, registry: nil, finality: finality, mode: .live,
            enabledAt: 0, conditions: conditions,
            actions: [TriggerAction(id: 1, destinationID: 1, version: 1, channel: .rest)])
    }

    func with(id: UUID) -> CompiledTrigger {
        CompiledTrigger(
            id: id, organizationID: organizationID, chainID: chainID, registry: registry, finality: finality,
            mode: mode, enabledAt: enabledAt, conditions: conditions, actions: actions)
    }
}
