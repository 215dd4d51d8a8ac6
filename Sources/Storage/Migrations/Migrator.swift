public import Logging

/// Brings a database's schema up to date.
///
/// An advisory lock makes concurrent runs wait for each other. A step is one transaction and is recorded in
/// `schema_migrations` with a checksum; a recorded step whose text has changed since is refused.
public struct Migrator: Sendable {
    private let migrations: [Migration]
    private let logger: Logger

    /// A migrator for the steps `migrations`, those that the program was built with unless told otherwise.
    public init(migrations: [Migration] = Migration.embedded, logger: Logger) {
        self.migrations = migrations
        self.logger = logger
    }

    /// Applies the steps that `database` has not had yet, in order.
    ///
    /// - Returns: The versions that were applied now.
    /// - Throws: `StorageError.migration` where the database and the known steps disagree or a step fails; what was
    ///   applied before stays.
    @discardableResult
    public func run(on database: Database) async throws -> [Int] {
        for (index, migration) in migrations.enumerated() where migration.version != index + 1 {
            throw StorageError.migration(.numbering(expected: index + 1, found: migration.version))
        }
        // A step may take long, so it runs without the limits of the pool's statements.
        var configuration = database.configuration
        configuration.statementTimeout = .zero
        configuration.idleInTransactionTimeout = .zero
        configuration.maximumConnections = 1
        let own = Database(configuration: configuration, logger: logger)
        do {
            let applied = try await own.withConnection { try await run(over: $0) }
            await own.close()
            return applied
        } catch {
            await own.close()
            throw error
        }
    }

    private nonisolated(nonsending) func run(over connection: Connection) async throws -> [Int] {
        try await connection.execute(LockMigrations())
        try await connection.run(script: Self.table)
        let recorded = try await connection.query(RecordedMigrations())
        let checksums = try await connection.query(Checksums(scripts: migrations.map { Array($0.script.utf8) }))
        guard checksums.count == migrations.count else {
            throw StorageError.decoding(column: "sha256", expected: "a checksum for each step")
        }
        try check(recorded, checksums)
        var applied: [Int] = []
        for (migration, checksum) in zip(migrations, checksums).dropFirst(recorded.count) {
            try await apply(migration, checksum, over: connection)
            applied.append(migration.version)
            logger.notice(
                "schema migrated", metadata: ["migration.version": "\(migration.version)", "name": "\(migration.name)"])
        }
        return applied
    }

    private func check(_ recorded: [RecordedMigrations.Row], _ checksums: [[UInt8]]) throws(StorageError) {
        for (index, row) in recorded.enumerated() {
            guard index < migrations.count else { throw .migration(.newerDatabase(version: row.version)) }
            guard row.version == migrations[index].version else {
                throw .migration(.unknown(version: row.version, name: row.name))
            }
            guard row.checksum == checksums[index] else {
                throw .migration(.changed(version: row.version, name: row.name))
            }
        }
    }

    private nonisolated(nonsending) func apply(
        _ migration: Migration, _ checksum: [UInt8], over connection: Connection
    ) async throws {
        do {
            try await connection.transaction { connection in
                try await connection.run(script: migration.script)
                try await connection.execute(RecordMigration(migration: migration, checksum: checksum))
            }
        } catch StorageError.queryFailed(let sqlState, let message) {
            let reason = "\(message) (\(sqlState))"
            throw StorageError.migration(.failed(version: migration.version, name: migration.name, reason: reason))
        }
    }

    private static let table = """
        CREATE TABLE IF NOT EXISTS schema_migrations (
            version    integer PRIMARY KEY,
            name       text NOT NULL,
            checksum   bytea NOT NULL,
            applied_at timestamptz NOT NULL DEFAULT now()
        )
        """
}

/// Waits until no other migrator works on this database; the lock ends with the connection's loan.
private struct LockMigrations: Statement {
    // "tocsin" in ASCII: no other program on a shared server uses the number by chance.
    static let sql = "SELECT pg_advisory_lock(x'746f6373696e'::bigint)"
}

/// The steps that the database has had.
private struct RecordedMigrations: Statement {
    struct Row: Sendable {
        let version: Int
        let name: String
        let checksum: [UInt8]
    }

    static let sql = "SELECT version, name, checksum FROM schema_migrations ORDER BY version"

    func decode(_ row: borrowing RowReader) throws(StorageError) -> Row {
        Row(version: Int(try row.integer(0)), name: try row.text(1), checksum: try row.bytes(2))
    }
}

/// The SHA-256 of each script, computed by the server so that Storage needs no cryptography of its own.
private struct Checksums: Statement {
    static let sql = "SELECT sha256(script) FROM unnest($1::bytea[]) WITH ORDINALITY AS s (script, n) ORDER BY n"
    let scripts: [[UInt8]]
    var arguments: [SQLValue] { [.byteStrings(scripts)] }

    func decode(_ row: borrowing RowReader) throws(StorageError) -> [UInt8] { try row.bytes(0) }
}

/// Records an applied step.
private struct RecordMigration: Statement {
    static let sql = "INSERT INTO schema_migrations (version, name, checksum) VALUES ($1, $2, $3)"
    let migration: Migration
    let checksum: [UInt8]
    var arguments: [SQLValue] { [.integer(Int64(migration.version)), .text(migration.name), .bytes(checksum)] }
}
