import Domain
import Ethereum
import Foundation
import HTTPClient
import Logging
import ServiceLifecycle
import Signatures
import Storage
import Templates
import TestSupport

@testable import Dispatchers

/// Rows for a dispatcher to work on, and what a test asks about them.
struct Fixture: Sendable {
    let test: TestDatabase
    let box: SecretBox

    var database: Database { test.database }

    /// Stores a user, an organization and a trigger in the running test's database.
    init() async throws {
        test = TestDatabase.current
        box = try SecretBox(keys: [[UInt8](repeating: 7, count: 32)])
        try await test.run(
            """
            INSERT INTO users (id, username, email, password_hash)
                VALUES ('00000000-0000-0000-0000-000000000001', 'user', 'user@example.com', 'x');
            INSERT INTO organizations (id, name, slug, owner_id) VALUES
                ('\(Sample.organization)', 'Org', 'org', '00000000-0000-0000-0000-000000000001');
            INSERT INTO triggers (id, organization_id, user_id, name, registry) VALUES
                ('00000000-0000-0000-0000-000000000002', '\(Sample.organization)',
                 '00000000-0000-0000-0000-000000000001', 'My trigger', 'identity');
            """)
    }

    /// Stores an action: its id.
    @discardableResult
    func addAction(_ channel: Channel, _ config: String, version: Int = 1) async throws -> Int64 {
        let configuration = try ActionConfiguration(channel: channel, config: Sample.json(config))
        let sealed =
            configuration.secrets.isEmpty
            ? nil : try box.seal(ActionSecrets.encode(configuration.secrets), context: ActionSecrets.context)
        return try await database.first(
            InsertAction(
                channel: channel, target: configuration.target, config: configuration.publicConfig.text,
                secrets: sealed, version: version))!
    }

    /// Stores `count` events, each with a delivery of `action`: the deliveries' ids.
    @discardableResult
    func addDeliveries(
        _ action: Int64, count: Int = 1, from agent: UInt64 = 1, kind: DeliveryKind = .notification
    ) async throws -> [Int64] {
        let logs = try (0..<UInt64(count)).map {
            try Sample.registration(agent: agent + $0, uri: "ipfs://\(agent + $0)")
        }
        return try await database.query(InsertDeliveries(logs: logs, action: action, kind: kind))
    }

    func settings(_ change: (inout DispatcherSettings) -> Void = { _ in }) -> DispatcherSettings {
        var settings = DispatcherSettings(chains: [Sample.chain], telegramToken: TelegramSenderTests.token)
        settings.pollInterval = .milliseconds(50)
        settings.leaseInterval = .milliseconds(100)
        settings.telegramAPIURL = "https://api.telegram.example"
        change(&settings)
        return settings
    }

    func dispatcher(
        _ transport: any Transport, settings: DispatcherSettings? = nil, database: Database? = nil,
        logger: Logger = .silent
    ) -> DispatcherService {
        DispatcherService(
            database: database ?? self.database, transport: transport, secrets: box,
            settings: settings ?? self.settings(),
            logger: logger)
    }

    /// Runs a dispatcher while `body` runs, and shuts it down gracefully afterwards.
    func running(
        _ transport: any Transport, settings: DispatcherSettings? = nil, database: Database? = nil,
        logger: Logger = .silent, _ body: @escaping @Sendable (DispatcherService) async throws -> Void
    ) async throws {
        let service = dispatcher(transport, settings: settings, database: database, logger: logger)
        let group = ServiceGroup(services: [service], logger: .silent)
        try await within(.seconds(60)) {
            try await withThrowingTaskGroup { tasks in
                tasks.addTask { try await group.run() }
                do {
                    try await body(service)
                } catch {
                    await group.triggerGracefulShutdown()
                    throw error
                }
                await group.triggerGracefulShutdown()
                try await tasks.waitForAll()
            }
        }
    }

    // MARK: Questions

    func due() async throws -> [DueRow] { try await database.query(SelectDue()) }
    func finished() async throws -> [FinishedRow] { try await database.query(SelectFinished()) }
    func attempts() async throws -> [AttemptRow] { try await database.query(SelectAttempts()) }

    /// Waits until `condition` holds of the rows, asking again each time a row may have changed.
    func eventually(_ condition: @escaping @Sendable (Fixture) async throws -> Bool) async throws {
        try await within(.seconds(30)) {
            while try await !condition(self) { try await database.execute(Breathe()) }
        }
    }
}

/// Lets the server pass some time, so that waiting tests do not ask without pause.
struct Breathe: Statement {
    static let sql = "SELECT pg_sleep(0.01)"
}

struct DueRow: Sendable {
    let id: Int64
    let state: Int64
    let attempt: Int64
    let leaseID: Int64?
    /// Seconds from now until it is due.
    let dueIn: Double
}

struct SelectDue: Statement {
    static let sql = """
        SELECT id, state, attempt, lease_id, extract(epoch FROM run_at - now())::float8 FROM deliveries ORDER BY id
        """

    func decode(_ row: borrowing RowReader) throws(StorageError) -> DueRow {
        DueRow(
            id: try row.integer(0), state: try row.integer(1), attempt: try row.integer(2),
            leaseID: try row.optionalInteger(3), dueIn: try row.double(4))
    }
}

struct FinishedRow: Sendable {
    let id: Int64
    let outcome: String
    let attempt: Int64
}

struct SelectFinished: Statement {
    static let sql = "SELECT id, outcome, attempt FROM finished_deliveries ORDER BY id"

    func decode(_ row: borrowing RowReader) throws(StorageError) -> FinishedRow {
        FinishedRow(id: try row.integer(0), outcome: try row.text(1), attempt: try row.integer(2))
    }
}

struct AttemptRow: Sendable {
    let deliveryID: Int64
    let number: Int64
    let errorClass: String?
    let status: Int64?
    let body: [UInt8]?
    let headers: String?
    let hasNext: Bool
    let hash: [UInt8]?
}

struct SelectAttempts: Statement {
    static let sql = """
        SELECT delivery_id, number, error_class, status, response_body, response_headers, next_at IS NOT NULL,
            request_sha256
        FROM attempts ORDER BY delivery_id, ended_at
        """

    func decode(_ row: borrowing RowReader) throws(StorageError) -> AttemptRow {
        AttemptRow(
            deliveryID: try row.integer(0), number: try row.integer(1), errorClass: try row.optionalText(2),
            status: try row.optionalInteger(3), body: try row.optionalBytes(4), headers: try row.optionalText(5),
            hasNext: try row.boolean(6), hash: try row.optionalBytes(7))
    }
}

struct InsertAction: Statement {
    static let sql = """
        WITH destination AS (
            INSERT INTO destinations (organization_id, channel, target)
            VALUES ('\(Sample.organization)', $1, $2)
            ON CONFLICT ON CONSTRAINT destinations_target DO UPDATE SET target = excluded.target
            RETURNING id
        ),
        action AS (
            INSERT INTO trigger_actions (trigger_id, action_type, destination_id, version)
            SELECT '00000000-0000-0000-0000-000000000002', $1, id, $5 FROM destination RETURNING id
        )
        INSERT INTO action_versions (action_id, version, trigger_id, trigger_name, config, secrets)
        SELECT id, $5, '00000000-0000-0000-0000-000000000002', 'My trigger', $3, $4 FROM action RETURNING action_id
        """

    let channel: Channel
    let target: String
    let config: String
    let secrets: [UInt8]?
    let version: Int

    var arguments: [SQLValue] {
        [.text(channel.rawValue), .text(target), .json(config), .optional(secrets), .integer(Int64(version))]
    }

    func decode(_ row: borrowing RowReader) throws(StorageError) -> Int64 { try row.integer(0) }
}

struct InsertDeliveries: Statement {
    static let sql = """
        WITH event AS (
            INSERT INTO events (
                chain_id, block_number, block_hash, block_timestamp, transaction_hash, transaction_index, log_index,
                contract_address, registry, event_type, topics, data)
            SELECT 11155111, 1, hash, 1769688000, hash, 0, 0, $4, 'identity', 'Registered', topics, data
            FROM unnest($1::bytea[], $2::bytea[], $3::bytea[]) AS log (hash, topics, data)
            ON CONFLICT ON CONSTRAINT events_position DO UPDATE SET is_canonical = true
            RETURNING id
        )
        INSERT INTO deliveries (
            action_id, action_version, event_id, kind, trigger_id, organization_id, destination_id, channel)
        SELECT action.id, action.version, event.id, $6, action.trigger_id, '\(Sample.organization)',
            action.destination_id, action.action_type
        FROM event, trigger_actions AS action WHERE action.id = $5
        RETURNING id
        """

    let logs: [Log]
    let action: Int64
    let kind: DeliveryKind

    var arguments: [SQLValue] {
        [
            .byteStrings(logs.map(\.blockHash.bytes)), .byteStrings(logs.map { $0.topics.flatMap(\.bytes) }),
            .byteStrings(logs.map(\.data)), .bytes(Sample.owner.bytes), .integer(action),
            .integer(Int64(kind.rawValue)),
        ]
    }

    func decode(_ row: borrowing RowReader) throws(StorageError) -> Int64 { try row.integer(0) }
}
