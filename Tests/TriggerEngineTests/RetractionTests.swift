import Domain
import Foundation
import Storage
import TestSupport
import Testing

@testable import TriggerEngine

@Suite("Retractions", .freshDatabase)
struct RetractionTests {
    private static let finish = """
        WITH gone AS (DELETE FROM deliveries WHERE kind = 0 RETURNING *)
        INSERT INTO finished_deliveries (
            id, action_id, action_version, event_id, kind, trigger_id, organization_id, destination_id, channel,
            outcome, attempt, created_at)
        SELECT id, action_id, action_version, event_id, kind, trigger_id, organization_id, destination_id, channel,
            '#', 1, created_at FROM gone;
        """

    /// What the dispatcher did before the block was orphaned, and what must follow.
    @Test(
        "take back what may have been said, and nothing else",
        arguments: [
            ("SELECT 1", notices: 0, finished: ["cancelled"]),
            ("UPDATE deliveries SET state = 2", notices: 0, finished: ["cancelled"]),
            ("UPDATE deliveries SET attempt = 1", notices: 1, finished: ["cancelled"]),
            (
                """
                INSERT INTO attempts (delivery_id, number, started_at, ended_at)
                SELECT id, 1, now(), now() FROM deliveries
                """, notices: 1, finished: ["cancelled"]
            ),
            (
                "UPDATE deliveries SET state = 1, attempt = 1, lease_id = 1, lease_until = now()", notices: 1,
                finished: []
            ),
            (finish.replacing("#", with: "delivered"), notices: 1, finished: ["delivered"]),
            (finish.replacing("#", with: "failed"), notices: 1, finished: ["failed"]),
        ] as [(String, notices: Int, finished: [String])])
    func outcomes(_ before: String, _ notices: Int, _ finished: [String]) async throws {
        let world = try await World.make()
        let trigger = try await world.trigger()
        try await withEngine { _ in
            let events = try await world.append([.transfer(1)])
            try await world.settled()
            try await world.run(before)
            // The notice says what was said then, to whom it was said, whatever the action became since.
            try await world.run("UPDATE trigger_actions SET version = 9")
            try await world.retract(events)
            try await world.settled()
            let deliveries = try await world.deliveries()
            let told = deliveries.filter { $0.kind == 1 }
            #expect(told.count == notices)
            #expect(told.allSatisfy { $0.trigger == trigger && $0.version == 1 && $0.event == events[0].rawValue })
            #expect(try await world.finished().compactMap(\.outcome) == finished)
            #expect(deliveries.count == notices + (finished.isEmpty ? 1 : 0))
        }
    }

    @Test("say nothing for triggers that do not want it, or are gone; a disabled one still learns the truth")
    func wishes() async throws {
        let world = try await World.make()
        try await world.trigger(retractions: false)
        let disabled = try await world.trigger()
        let deleted = try await world.trigger()
        try await withEngine { _ in
            let events = try await world.append([.transfer(1)])
            try await world.settled()
            try await world.run("UPDATE deliveries SET attempt = 1")
            try await world.run("UPDATE triggers SET enabled = false WHERE id = '\(disabled)'")
            try await world.run("DELETE FROM triggers WHERE id = '\(deleted)'")
            try await world.retract(events)
            try await world.settled()
            #expect(try await world.deliveries().map(\.trigger) == [disabled])
            #expect(try await world.finished().count == 3)
        }
    }

    @Test("in one batch with their events leave nothing to send")
    func sameBatch() async throws {
        let world = try await World.make()
        try await world.trigger()
        let events = try await world.append([.transfer(1), .transfer(2, index: 1)])
        try await world.retract([events[0]])
        let replaced = try await world.append([.transfer(1, fork: 1)])
        try await withEngine { _ in
            try await world.settled()
            #expect(try await world.deliveries().map(\.event) == [events[1].rawValue, replaced[0].rawValue])
            #expect(try await world.finished().map(\.event) == [events[0].rawValue])
        }
    }

    @Test("of an event that comes back let it be told again")
    func comeback() async throws {
        let world = try await World.make()
        try await world.trigger()
        try await withEngine { _ in
            let events = try await world.append([.transfer(1)])
            try await world.settled()
            try await world.run(Self.finish.replacing("#", with: "delivered"))
            try await world.retract(events)
            try await world.settled()
            try await world.run(
                """
                UPDATE events SET is_canonical = true;
                INSERT INTO feed (chain_id, sequence, kind, event_id, block_number)
                SELECT 1, 3, 0, id, block_number FROM events;
                UPDATE chains SET feed_sequence = 3;
                NOTIFY tocsin_feed;
                """)
            try await world.settled()
            #expect(try await world.deliveries().map(\.kind).sorted() == [0, 1])
        }
    }
}
