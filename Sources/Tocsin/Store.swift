import Logging
import Storage

/// The PostgreSQL that the settings choose, running and with its schema up to date.
struct Store {
    /// The private cluster; nil where a server was named.
    let cluster: EmbeddedPostgres?
    /// For the listener, the engine and the dispatchers.
    let working: Database
    /// For the API: requests never take the connections that the feed needs.
    let serving: Database

    /// Starts or reaches the server and migrates it.
    ///
    /// - Throws: `StorageError`, which says what to do.
    static func open(_ settings: Settings, logger: Logger) async throws -> Store {
        let cluster: EmbeddedPostgres?
        var configuration: DatabaseConfiguration
        switch settings.database {
        case .embedded:
            let started = try await EmbeddedPostgres.start(dataDirectory: settings.dataDirectory, logger: logger)
            cluster = started
            configuration = started.configuration
        case .server(let text):
            cluster = nil
            configuration = try DatabaseConfiguration(connectionString: text)
        }
        configuration.maximumConnections = max(2, settings.maximumConnections / 2)
        configuration.applicationName = "tocsin"
        let working = Database(configuration: configuration, logger: logger)
        configuration.applicationName = "tocsin-api"
        let serving = Database(configuration: configuration, logger: logger)
        let store = Store(cluster: cluster, working: working, serving: serving)
        do {
            let applied = try await Migrator(logger: logger).run(on: working)
            if !applied.isEmpty {
                logger.notice("schema migrated", metadata: ["versions": "\(applied)"])
            }
            return store
        } catch {
            await store.close()
            throw error
        }
    }

    /// Closes the connections, then stops the private cluster.
    func close() async {
        await serving.close()
        await working.close()
        await cluster?.stop()
    }
}
