import Logging
public import Storage

/// A database of one test's own, on the shared server.
public struct TestDatabase: Sendable {
    /// The pool, of 8 connections unless asked otherwise.
    public let database: Database
    /// How further pools reach the same database.
    public let configuration: DatabaseConfiguration
    private let name: String

    /// The database of the running test, which has the trait `.freshDatabase`.
    public static var current: TestDatabase {
        guard let current = scoped else { preconditionFailure("the test lacks the trait .freshDatabase") }
        return current
    }

    @TaskLocal static var scoped: TestDatabase?

    /// Makes a database, with the schema of the built-in migrations or empty; call `drop` when done.
    ///
    /// - Parameter configure: changes the pool's settings before it is made.
    public static func make(
        migrated: Bool = true, configure: (inout DatabaseConfiguration) -> Void = { _ in }
    ) async throws -> TestDatabase {
        let name = try await TestCluster.shared.makeDatabase(migrated: migrated)
        var configuration = try await TestCluster.shared.configuration()
            .with(database: name, user: TestCluster.owner)
        configuration.maximumConnections = 8
        configure(&configuration)
        return TestDatabase(
            database: Database(configuration: configuration, logger: .silent), configuration: configuration, name: name)
    }

    /// Closes the pool and removes the database, whoever else is connected to it.
    public func drop() async throws {
        await database.close()
        try await TestCluster.shared.drop(name)
    }

    /// Runs SQL commands without arguments, for a test's own tables and rows.
    public func run(_ script: String) async throws {
        try await database.withConnection { try await $0.run(script: script) }
    }
}
