import Foundation
public import Logging
public import Storage

/// The PostgreSQL server of this test process: started when first asked for, gone with the process.
///
/// Durability is off: a test's data need not outlive a power cut.
public actor TestCluster {
    /// The one server that all tests of the process share.
    public static let shared = TestCluster()

    /// The role that owns the tests' databases, without privileges, as operators grant it.
    static let owner = "plain"
    /// The database that fresh ones are copied from.
    private static let template = "migrated"
    private var starting: Task<EmbeddedPostgres, any Error>?
    private var count = 0

    /// How to reach the server; the database is `postgres`.
    public func configuration() async throws -> DatabaseConfiguration {
        var configuration = try await server().configuration.with(database: "postgres")
        configuration.maximumConnections = 4
        configuration.applicationName = "tests"
        return configuration
    }

    /// Makes an empty or migrated database with a name of its own: its name.
    func makeDatabase(migrated: Bool) async throws -> String {
        let configuration = try await configuration()
        count += 1
        let name = "test_\(count)"
        let source = migrated ? Self.template : "template0"
        try await Self.administrate(configuration, "CREATE DATABASE \(name) OWNER \(Self.owner) TEMPLATE \(source)")
        return name
    }

    /// Removes the database `name` and cuts its connections.
    func drop(_ name: String) async throws {
        try await Self.administrate(try await configuration(), "DROP DATABASE IF EXISTS \(name) WITH (FORCE)")
    }

    private func server() async throws -> EmbeddedPostgres {
        if let starting { return try await starting.value }
        let task = Task { try await Self.start() }
        starting = task
        return try await task.value
    }

    private static func start() async throws -> EmbeddedPostgres {
        var options = EmbeddedPostgres.Options()
        options.isDurable = false
        options.isTemporary = true
        options.maximumConnections = 500
        let directory =
            "/tmp/tocsin-tests-\(ProcessInfo.processInfo.processIdentifier)-\(UInt32.random(in: 0 ... .max))"
        let server = try await EmbeddedPostgres.start(dataDirectory: directory, options: options, logger: .silent)
        let configuration = server.configuration.with(database: "postgres")
        try await administrate(configuration, "CREATE ROLE \(owner) LOGIN")
        try await administrate(configuration, "CREATE DATABASE \(template) OWNER \(owner) TEMPLATE template0")
        let database = Database(
            configuration: configuration.with(database: template, user: owner), logger: .silent)
        try await Migrator(logger: .silent).run(on: database)
        await database.close()
        return server
    }

    private static func administrate(_ configuration: DatabaseConfiguration, _ script: String) async throws {
        var patient = configuration
        patient.maximumConnections = 1
        patient.statementTimeout = .seconds(60)
        let database = Database(configuration: patient, logger: .silent)
        do {
            try await database.withConnection { try await $0.run(script: script) }
            await database.close()
        } catch {
            await database.close()
            throw error
        }
    }
}

extension Logger {
    /// A logger that drops everything.
    public static var silent: Logger { Logger(label: "tests", factory: { _ in SwiftLogNoOpLogHandler() }) }
}
