import Domain
import Ethereum
import Foundation
import Logging
import Storage
import TestSupport
import Testing

@testable import TriggerEngine

/// Runs `body` beside an engine, which is stopped afterwards.
func withEngine<R: Sendable>(
    _ settings: EngineSettings = EngineSettings(), on database: Database = TestDatabase.current.database,
    _ body: @escaping @Sendable (Engine) async throws -> R
) async throws -> R {
    let engine = Engine(database: database, logger: .silent, settings: settings)
    return try await withThrowingTaskGroup(of: R?.self) { group in
        group.addTask {
            try await engine.run()
            return nil
        }
        group.addTask { try await body(engine) }
        defer { group.cancelAll() }
        while let result = try await group.next() {
            if let result { return result }
        }
        throw CancellationError()
    }
}

@Suite("The engine", .freshDatabase)
struct EngineTests {
    @Test("stores one delivery for each action of each matching trigger")
    func deliveries() async throws {
        let world = try await World.make()
        let everything = try await world.trigger(actions: 2)
        let agent = try await world.trigger([("agent_id", "equals", "\"7\"")])
        try await world.trigger([("agent_id", "equals", "\"8\"")], registry: "identity")
        try await world.trigger(registry: "reputation")
        try await world.trigger(chain: 2)
        try await world.trigger(mode: .shadow)
        try await world.trigger(enabled: false)
        try await world.trigger(actions: 0)
        try await withEngine { _ in
            let events = try await world.append([.transfer(7), .transfer(9, index: 1)])
            try await world.settled()
            let deliveries = try await world.deliveries()
            #expect(deliveries.count == 5)
            #expect(deliveries.count { $0.trigger == everything } == 4)
            #expect(deliveries.filter { $0.trigger == agent }.map(\.event) == [events[0].rawValue])
            #expect(deliveries.allSatisfy { $0.kind == 0 && $0.version == 1 })
            #expect(Set(deliveries.map { [$0.action, $0.event] }).count == 5)
        }
    }

    @Test("applies changes of triggers without a restart")
    func changes() async throws {
        let world = try await World.make()
        try await withEngine { engine in
            try await world.append([.transfer(7)])
            try await world.settled()
            #expect(try await world.deliveries().isEmpty)

            let trigger = try await world.trigger([("agent_id", "equals", "\"7\"")])
            try await world.append([.transfer(7, height: 101)])
            try await world.settled()
            #expect(try await world.deliveries().count == 1)

            try await world.run("UPDATE trigger_conditions SET value = '\"8\"' WHERE trigger_id = '\(trigger)'")
            try await world.append([.transfer(7, height: 102), .transfer(8, height: 102, index: 1)])
            try await world.settled()
            #expect(try await world.deliveries().count == 2)

            try await world.run("UPDATE trigger_actions SET version = 5 WHERE trigger_id = '\(trigger)'")
            try await world.append([.transfer(8, height: 103)])
            try await world.settled()
            #expect(try await world.deliveries().map(\.version) == [1, 1, 5])

            try await world.run(World.insertAction(of: trigger))
            try await world.append([.transfer(8, height: 104)])
            try await world.settled()
            #expect(try await world.deliveries().count == 5)

            try await world.run("DELETE FROM triggers WHERE id = '\(trigger)'")
            try await world.append([.transfer(8, height: 105)])
            try await world.settled()
            #expect(try await world.deliveries().count == 5)
            #expect(engine.triggerCounts == (0, 0))
        }
    }

    @Test("a trigger sees nothing while it is disabled, nor what happened then")
    func enabling() async throws {
        let world = try await World.make()
        let trigger = try await world.trigger()
        try await withEngine { _ in
            try await world.append([.transfer(1)])
            try await world.settled()
            try await world.run("UPDATE triggers SET enabled = false WHERE id = '\(trigger)'")
            let missed = try await world.append([.transfer(2, height: 101)])
            try await world.settled()
            try await world.run("UPDATE triggers SET enabled = true WHERE id = '\(trigger)'")
            try await world.append([.transfer(3, height: 102)])
            try await world.settled()
            let deliveries = try await world.deliveries()
            #expect(deliveries.count == 2 && !deliveries.contains { $0.event == missed[0].rawValue })
        }
    }

    @Test("a trigger enabled while no engine ran does not see the backlog from long before")
    func backlog() async throws {
        let world = try await World.make()
        let trigger = try await world.trigger(enabled: false)
        let old = try await world.append([.transfer(1)])
        try await world.run("UPDATE feed SET created_at = now() - interval '2 minutes'")
        try await world.run("UPDATE triggers SET enabled = true WHERE id = '\(trigger)'")
        try await world.append([.transfer(2, height: 101)])
        try await withEngine { _ in
            try await world.settled()
            let deliveries = try await world.deliveries()
            #expect(deliveries.count == 1 && deliveries.first?.event != old[0].rawValue)
        }
    }

    @Test("quarantines a trigger that does not compile and goes on; repairing it frees it")
    func poison() async throws {
        let world = try await World.make()
        let poison = try await world.trigger([("agent_id", "equals", "\"seven\"")])
        try await world.trigger([("agent_id", "equals", "\"7\"")], type: "sorcery")
        let good = try await world.trigger([("agent_id", "equals", "\"7\"")])
        try await withEngine { engine in
            try await world.append([.transfer(7)])
            try await world.settled()
            #expect(try await world.deliveries().map(\.trigger) == [good])
            #expect(engine.triggerCounts == (1, 2))
            try await world.run("UPDATE trigger_conditions SET value = '7' WHERE trigger_id = '\(poison)'")
            try await world.append([.transfer(7, height: 101)])
            try await world.settled()
            #expect(try await world.deliveries().count == 3)
            #expect(engine.triggerCounts == (2, 1))
        }
    }

    @Test("passes over a log that no longer decodes")
    func undecodable() async throws {
        let world = try await World.make()
        try await world.trigger()
        try await withEngine { _ in
            var broken = Log.transfer(7)
            broken.topics = Topics(broken.topics.dropLast()) ?? Topics()
            try await world.append([broken, .transfer(8, index: 1)])
            try await world.settled()
            #expect(try await world.deliveries().count == 1)
        }
    }

    @Test("one chain's trouble does not stop another")
    func isolation() async throws {
        let world = try await World.make()
        try await world.addChain(2)
        try await world.trigger()
        try await world.run(
            """
            CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
            CREATE TRIGGER fail BEFORE UPDATE ON engine_cursors FOR EACH ROW WHEN (NEW.chain_id = 1)
            EXECUTE FUNCTION fail();
            """)
        try await withEngine { _ in
            try await world.append([.transfer(1)])
            let events = try await world.append([.transfer(2)], chain: 2)
            let stream = world.database.listen(["tocsin_deliveries"])
            _ = try await within(.seconds(10)) {
                for await _ in stream where try await !world.deliveries().isEmpty { return }
            }
            #expect(try await world.deliveries().map(\.event) == events.map(\.rawValue))
            // Once the trouble is over, the chain goes on where it stood.
            try await world.run("DROP TRIGGER fail ON engine_cursors")
            try await world.settled()
            #expect(try await world.deliveries().count == 2)
        }
    }

    @Test("an event with more matches than one statement stores gets them all")
    func fanOut() async throws {
        let world = try await World.make()
        try await world.run(
            """
            INSERT INTO triggers (organization_id, user_id, name, registry)
            SELECT (SELECT id FROM organizations), (SELECT id FROM users), 't', 'any' FROM generate_series(1, 12000);
            INSERT INTO trigger_actions (trigger_id, action_type, destination_id)
            SELECT id, 'rest', (SELECT id FROM destinations) FROM triggers;
            """)
        try await withEngine { engine in
            try await world.append([.transfer(1), .transfer(2, index: 1), .transfer(3, index: 2)])
            try await world.settled(within: .seconds(60))
            #expect(try await world.deliveries().count == 36_000)
            #expect(engine.triggerCounts == (12_000, 0))
        }
    }

    @Test("loads thousands of changes of one transaction")
    func manyChanges() async throws {
        let world = try await World.make()
        try await withEngine { engine in
            try await world.append([.transfer(1)])
            try await world.settled()
            try await world.run(
                """
                INSERT INTO triggers (organization_id, user_id, name, registry)
                SELECT (SELECT id FROM organizations), (SELECT id FROM users), 't', 'any' FROM generate_series(1, 2500);
                INSERT INTO trigger_actions (trigger_id, action_type, destination_id)
                SELECT id, 'rest', (SELECT id FROM destinations) FROM triggers;
                """)
            try await world.append([.transfer(2, height: 101)])
            try await world.settled()
            #expect(try await world.deliveries().count == 2500)
            #expect(engine.triggerCounts == (2500, 0))
        }
    }
}
