import Domain
import Ethereum
import Foundation
import Storage
import TestSupport

/// A database with a user, an organization and a destination, and hands to play the API, the listener and the
/// dispatcher with.
struct World: Sendable {
    let database: Database
    let organization = UUID()
    private let user = UUID()
    static let chain: Int64 = 1

    /// The world of the running test's database.
    static func make() async throws -> World {
        let world = World(database: TestDatabase.current.database)
        try await TestDatabase.current.run(
            """
            CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN NOTIFY test_cursor; RETURN NULL; END $$;
            CREATE TRIGGER tell AFTER UPDATE ON engine_cursors FOR EACH ROW EXECUTE FUNCTION tell();
            INSERT INTO users (id, username, email, password_hash)
            VALUES ('\(world.user)', 'alice', 'alice@example.org', '-');
            INSERT INTO organizations (id, name, slug, owner_id) VALUES ('\(world.organization)', 'A', 'a', '\(world.user)');
            INSERT INTO destinations (organization_id, channel, target)
            VALUES ('\(world.organization)', 'rest', 'https://example.org/hook');
            """)
        try await world.addChain(Self.chain)
        return world
    }

    func addChain(_ chain: Int64) async throws {
        try await run("INSERT INTO chains (chain_id) VALUES (\(chain))")
    }

    func run(_ script: String) async throws { try await TestDatabase.current.run(script) }

    // MARK: The API's part

    /// A trigger with one action, committed when this returns.
    @discardableResult
    func trigger(
        _ conditions: [(field: String, operator: String, value: String?)] = [], registry: String = "any",
        chain: Int64? = nil, finality: Finality = .latest, mode: TriggerMode = .live, enabled: Bool = true,
        retractions: Bool = true, actions: Int = 1, type: String = "event", before commit: String = ""
    ) async throws -> UUID {
        let id = UUID()
        var script = """
            BEGIN;
            INSERT INTO triggers (
                id, organization_id, user_id, name, chain_id, registry, finality, mode, enabled, notify_retractions)
            VALUES ('\(id)', '\(organization)', '\(user)', 't', \(chain.map(String.init) ?? "NULL"), '\(registry)',
                '\(finality.rawValue)', '\(mode.rawValue)', \(enabled), \(retractions));
            """
        for condition in conditions {
            let value = condition.value.map { "'\($0)'" } ?? "NULL"
            script += """
                INSERT INTO trigger_conditions (trigger_id, condition_type, field, operator, value)
                VALUES ('\(id)', '\(type)', '\(condition.field)', '\(condition.operator)', \(value));
                """
        }
        for _ in 0..<actions { script += Self.insertAction(of: id) }
        try await run(script + commit + "COMMIT;")
        database.notify("tocsin_triggers")
        return id
    }

    static func insertAction(of trigger: UUID) -> String {
        """
        INSERT INTO trigger_actions (trigger_id, action_type, destination_id)
        VALUES ('\(trigger)', 'rest', (SELECT min(id) FROM destinations));
        """
    }

    // MARK: The listener's part

    /// Appends logs to a chain's feed in one transaction, as the listener does: the events' ids.
    @discardableResult
    func append(_ logs: [Log], registry: Registry = .identity, chain: Int64 = World.chain) async throws -> [EventID] {
        let ids = try await database.transaction { connection in
            let sequence = try await connection.first(LockFeed(chain: chain)) ?? 0
            var ids: [EventID] = []
            for (offset, log) in logs.enumerated() {
                guard
                    let id = try await connection.first(
                        AppendEvent(log: log, chain: chain, registry: registry, sequence: sequence + Int64(offset) + 1))
                else { continue }
                ids.append(id)
            }
            try await connection.execute(MoveFeed(chain: chain, sequence: sequence + Int64(logs.count)))
            return ids
        }
        database.notify("tocsin_feed")
        return ids
    }

    func retract(_ events: [EventID], chain: Int64 = World.chain) async throws {
        let ids = events.map { String($0.rawValue) }.joined(separator: ",")
        try await run(
            """
            BEGIN;
            SELECT FROM chains WHERE chain_id = \(chain) FOR UPDATE;
            UPDATE events SET is_canonical = false WHERE id IN (\(ids));
            INSERT INTO feed (chain_id, sequence, kind, event_id, block_number)
            SELECT \(chain), (SELECT feed_sequence FROM chains WHERE chain_id = \(chain)) + row_number() OVER (),
                1, id, block_number FROM events WHERE id IN (\(ids));
            UPDATE chains SET feed_sequence = feed_sequence + \(events.count) WHERE chain_id = \(chain);
            COMMIT;
            """)
        database.notify("tocsin_feed")
    }

    func mark(_ finality: Finality, _ height: Int64, chain: Int64 = World.chain) async throws {
        let kind = finality == .safe ? 2 : 3
        try await run(
            """
            BEGIN;
            UPDATE chains SET feed_sequence = feed_sequence + 1,
                \(finality.rawValue)_number = \(height) WHERE chain_id = \(chain);
            INSERT INTO feed (chain_id, sequence, kind, block_number)
            SELECT chain_id, feed_sequence, \(kind), \(height) FROM chains WHERE chain_id = \(chain);
            COMMIT;
            """)
        database.notify("tocsin_feed")
    }

    // MARK: Looking

    /// Waits until every chain's feed is evaluated to its end.
    func settled(within limit: Duration = .seconds(20)) async throws {
        let stream = database.listen(["test_cursor"])
        let database = database
        try await within(limit) {
            if try await database.first(IsSettled()) == true { return }
            for await _ in stream where try await database.first(IsSettled()) == true { return }
        }
    }

    func deliveries() async throws -> [DeliveryRow] { try await database.query(SelectDeliveries()) }
    func finished() async throws -> [DeliveryRow] { try await database.query(SelectFinished()) }
}

/// A log of `Transfer(from, to, tokenId)`.
extension Log {
    static func transfer(
        _ agent: UInt64, to receiver: Address = .sample(2), height: BlockNumber = 100, index: UInt32 = 0,
        fork: UInt8 = 0
    ) -> Log {
        let topic0 = EventLayouts.all.first { $0.type == .transfer }?.topic0 ?? .zero
        let words = [topic0, Address.sample(1).word, receiver.word, UInt256(agent).word]
        var block = [UInt8](repeating: fork, count: 24)
        withUnsafeBytes(of: height.rawValue.bigEndian) { block.append(contentsOf: $0) }
        return Log(
            address: .sample(9), topics: Topics(words) ?? Topics(), data: [], blockNumber: height,
            blockHash: Hash(bytes: block) ?? .zero, transactionHash: .zero, transactionIndex: 0, logIndex: index)
    }
}

extension Address {
    static func sample(_ number: UInt8) -> Address {
        Address(bytes: [UInt8](repeating: 0, count: 19) + [number]) ?? .zero
    }
}

struct DeliveryRow: Sendable, Hashable {
    let trigger: UUID
    let action: Int64
    let version: Int64
    let event: Int64
    let kind: Int64
    let outcome: String?
}

struct SelectDeliveries: Statement {
    static let sql = """
        SELECT trigger_id, action_id, action_version, event_id, kind, NULL::text FROM deliveries ORDER BY id
        """
    func decode(_ row: borrowing RowReader) throws(StorageError) -> DeliveryRow { try DeliveryRow(row) }
}

struct SelectFinished: Statement {
    static let sql = """
        SELECT trigger_id, action_id, action_version, event_id, kind, outcome FROM finished_deliveries ORDER BY id
        """
    func decode(_ row: borrowing RowReader) throws(StorageError) -> DeliveryRow { try DeliveryRow(row) }
}

extension DeliveryRow {
    init(_ row: borrowing RowReader) throws(StorageError) {
        self.init(
            trigger: try row.uuid(0), action: try row.integer(1), version: try row.integer(2),
            event: try row.integer(3), kind: try row.integer(4), outcome: try row.optionalText(5))
    }
}

private struct IsSettled: Statement {
    static let sql = """
        SELECT NOT EXISTS (
            SELECT FROM chains LEFT JOIN engine_cursors AS cursor USING (chain_id)
            WHERE feed_sequence > 0 AND cursor.sequence IS DISTINCT FROM feed_sequence)
        """
    func decode(_ row: borrowing RowReader) throws(StorageError) -> Bool { try row.boolean(0) }
}

private struct LockFeed: Statement {
    static let sql = "SELECT feed_sequence FROM chains WHERE chain_id = $1 FOR UPDATE"
    let chain: Int64
    var arguments: [SQLValue] { [.integer(chain)] }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> Int64 { try row.integer(0) }
}

private struct MoveFeed: Statement {
    static let sql = "UPDATE chains SET feed_sequence = $2 WHERE chain_id = $1"
    let chain: Int64
    let sequence: Int64
    var arguments: [SQLValue] { [.integer(chain), .integer(sequence)] }
}

private struct AppendEvent: Statement {
    static let sql = """
        WITH event AS (
            INSERT INTO events (
                chain_id, block_number, block_hash, block_timestamp, transaction_hash, transaction_index, log_index,
                contract_address, registry, event_type, topics, data)
            VALUES ($1, $2, $3, 0, $4, 0, $5, $6, $7, $8, $9, $10) RETURNING id, block_number
        ), row AS (
            INSERT INTO feed (chain_id, sequence, kind, event_id, block_number)
            SELECT $1, $11, 0, id, block_number FROM event
        )
        SELECT id FROM event
        """
    let log: Log
    let chain: Int64
    let registry: Registry
    let sequence: Int64
    var arguments: [SQLValue] {
        var type: String?
        if case .event(let layout, _) = EventDecoder.decode(log) { type = layout.type.rawValue }
        return [
            .integer(chain), .integer(log.blockNumber.rawValue), .bytes(log.blockHash.bytes),
            .bytes(log.transactionHash.bytes), .integer(Int64(log.logIndex)), .bytes(log.address.bytes),
            .text(registry.rawValue), .optional(type), .bytes(log.topics.flatMap(\.bytes)), .bytes(log.data),
            .integer(sequence),
        ]
    }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> EventID { EventID(rawValue: try row.integer(0)) }
}
