import Domain
import Foundation
import Storage
import TestSupport
import Testing

@testable import TriggerEngine

@Suite("Finality marks", .freshDatabase)
struct FinalityTests {
    @Test("let triggers see events once they are safe, or finalized")
    func marks() async throws {
        let world = try await World.make()
        let latest = try await world.trigger()
        let safe = try await world.trigger(finality: .safe)
        let finalized = try await world.trigger(finality: .finalized)
        try await withEngine { _ in
            let events = try await world.append([
                .transfer(1, height: 100), .transfer(2, height: 101), .transfer(3, height: 101, index: 1),
            ]).map(\.rawValue)
            try await world.settled()
            func seen(_ trigger: UUID) async throws -> [Int64] {
                try await world.deliveries().filter { $0.trigger == trigger }.map(\.event)
            }
            #expect(try await seen(latest) == events)
            #expect(try await seen(safe).isEmpty)
            #expect(try await seen(finalized).isEmpty)
            try await world.mark(.safe, 100)
            try await world.settled()
            #expect(try await seen(safe) == [events[0]])
            #expect(try await seen(finalized).isEmpty)
            try await world.mark(.finalized, 100)
            try await world.mark(.safe, 105)
            try await world.settled()
            #expect(try await seen(safe) == events)
            #expect(try await seen(finalized) == [events[0]])
            try await world.mark(.finalized, 104)
            try await world.settled()
            #expect(try await seen(finalized) == events)
            #expect(try await seen(latest) == events)
        }
    }

    @Test("pass over what was orphaned before")
    func orphaned() async throws {
        let world = try await World.make()
        try await world.trigger(finality: .safe)
        let events = try await world.append([.transfer(1), .transfer(2, index: 1)])
        try await world.retract([events[0]])
        try await world.mark(.safe, 100)
        try await withEngine { _ in
            try await world.settled()
            #expect(try await world.deliveries().map(\.event) == [events[1].rawValue])
        }
    }

    @Test("are kept over restarts, and by engines without such triggers")
    func restarts() async throws {
        let world = try await World.make()
        try await world.append([.transfer(1)])
        try await world.mark(.finalized, 100)
        try await withEngine { _ in try await world.settled() }
        try await world.trigger(finality: .finalized)
        try await withEngine { _ in
            let events = try await world.append([.transfer(2, height: 101)])
            try await world.mark(.finalized, 101)
            try await world.settled()
            // The mark over the first event passed before the trigger was there.
            #expect(try await world.deliveries().map(\.event) == events.map(\.rawValue))
        }
    }

    @Test("over more events than one step takes miss none and repeat none")
    func manyEvents() async throws {
        let world = try await World.make()
        try await world.trigger(finality: .finalized)
        // 1200 events on three heights: a height has more than a step.
        var logs: [Log] = []
        for number in 0..<1200 {
            logs.append(
                .transfer(
                    UInt64(number), height: BlockNumber(rawValue: Int64(100 + number / 600)) ?? 0, index: UInt32(number)
                ))
        }
        try await world.append(logs)
        try await world.mark(.finalized, 200)
        try await withEngine { _ in
            try await world.settled()
            let events = try await world.deliveries().map(\.event)
            #expect(events.count == 1200 && Set(events).count == 1200)
        }
    }

    @Test("that fall with a reorganisation do not tell an event twice")
    func falling() async throws {
        let world = try await World.make()
        let trigger = try await world.trigger(finality: .safe)
        try await withEngine { _ in
            let events = try await world.append([.transfer(1), .transfer(2, height: 102)])
            try await world.mark(.safe, 102)
            try await world.settled()
            #expect(try await world.deliveries().count == 2)
            try await world.run(
                """
                WITH gone AS (DELETE FROM deliveries RETURNING *)
                INSERT INTO finished_deliveries (
                    id, action_id, action_version, event_id, kind, trigger_id, organization_id, destination_id,
                    channel, outcome, attempt, created_at)
                SELECT id, action_id, action_version, event_id, kind, trigger_id, organization_id, destination_id,
                    channel, 'delivered', 1, created_at FROM gone;
                UPDATE chains SET safe_number = 99;
                """)
            try await world.retract([events[1]])
            // As low as an event that was told already and stays.
            let replaced = try await world.append([
                .transfer(3, height: 100, index: 9), .transfer(2, height: 102, fork: 1),
            ])
            try await world.settled()
            // A notice about the orphaned event; the new ones are not safe yet.
            #expect(try await world.deliveries().map { [$0.event, $0.kind] } == [[events[1].rawValue, 1]])
            try await world.mark(.safe, 102)
            try await world.settled()
            let told = try await world.deliveries().filter { $0.kind == 0 && $0.trigger == trigger }
            #expect(told.map(\.event) == replaced.map(\.rawValue))
        }
    }
}
