import Dispatch
import Foundation
import Glibc
public import Logging
import Synchronization

/// A private PostgreSQL server that lives and ends with this process.
///
/// The cluster lies under the data directory and is made at first start; it listens on a Unix socket in a directory
/// that only its own user can enter. It stops when this process ends, killed or not. As root it runs as the user
/// `postgres`, and where that user cannot enter the data directory the cluster lies in `/var/lib/tocsin`, recorded in
/// the data directory's `postgres.location`.
public final class EmbeddedPostgres: Sendable {
    /// How to connect: to the database `tocsin`, as its owner.
    public let configuration: DatabaseConfiguration
    /// The cluster's own directory; the server's log is `server.log` there.
    public let directory: String

    let server: ServerProcess
    private let lock: Mutex<OwnerLock?>
    private let logger: Logger

    /// What tests change.
    package struct Options: Sendable {
        /// Whether commits survive a crash of the machine.
        package var isDurable = true
        /// Whether the data directory is removed when the server stops.
        package var isTemporary = false
        /// Where the cluster goes if the server's user cannot enter the data directory.
        package var fallbackBase = "/var/lib/tocsin"
        /// The most connections that the server takes.
        package var maximumConnections = 100

        /// As in production.
        package init() {}
    }

    private init(
        configuration: DatabaseConfiguration, directory: String, server: ServerProcess, lock: consuming OwnerLock,
        logger: Logger
    ) {
        self.configuration = configuration
        self.directory = directory
        self.server = server
        self.lock = Mutex(lock)
        self.logger = logger
    }

    /// Starts the cluster of `dataDirectory`, after making it if there is none and stopping what a crash left running.
    ///
    /// - Throws: `StorageError.embedded`, which says what to do.
    public static func start(dataDirectory: String, logger: Logger) async throws -> EmbeddedPostgres {
        try await start(dataDirectory: dataDirectory, options: Options(), logger: logger)
    }

    /// As `start(dataDirectory:logger:)`, with `options`.
    package static func start(
        dataDirectory: String, options: Options, logger: Logger
    ) async throws -> EmbeddedPostgres {
        // Everything up to the running server blocks: on the file system, on child processes, on the socket.
        let queue = DispatchQueue(label: "tocsin.storage.embedded")
        let outcome = await withCheckedContinuation { continuation in
            queue.async {
                continuation.resume(
                    returning: Result { () throws(StorageError) in
                        try launch(dataDirectory: dataDirectory, options: options, logger: logger)
                    })
            }
        }
        return try outcome.get()
    }

    private static func launch(
        dataDirectory: String, options: Options, logger: Logger
    ) throws(StorageError) -> EmbeddedPostgres {
        let user = try ServerUser.current()
        try ClusterLocation.makeDirectory(dataDirectory, mode: user.isOther ? 0o755 : 0o700)
        guard let resolved = realpath(dataDirectory, nil) else {
            throw .embedded(.inaccessible(path: dataDirectory, reason: String(cString: strerror(errno))))
        }
        let directory = String(cString: resolved)
        free(resolved)
        let lock = try OwnerLock(directory: directory)
        let location = try ClusterLocation.find(
            dataDirectory: directory, user: user, fallbackBase: options.fallbackBase, logger: logger)
        let cluster = Cluster(location: location, user: user, options: options, logger: logger)
        let binaries = try cluster.prepare()
        let sockets = try location.makeSocketDirectory(user)
        let server = try cluster.startServer(binaries, sockets: sockets, removing: directory)
        var configuration = DatabaseConfiguration(host: sockets, database: "tocsin", user: "tocsin")
        configuration.connectTimeout = .seconds(5)
        do throws(StorageError) {
            try server.waitUntilReady(configuration.with(database: "postgres"), log: location.log)
            try cluster.makeDatabase(configuration)
        } catch {
            server.abandon()
            throw error
        }
        logger.notice("embedded PostgreSQL started", metadata: ["directory": "\(location.root)"])
        return EmbeddedPostgres(
            configuration: configuration, directory: location.root, server: server, lock: lock, logger: logger)
    }

    /// The process id of the server.
    package var processIdentifier: Int32 { server.child.identifier }

    /// Waits until the server has ended, by `stop` or by itself.
    ///
    /// - Returns: its exit status; 0 after `stop`.
    public func waitUntilExit() async -> Int32 { await server.child.waitUntilExit() ?? 0 }

    /// Stops the server, cutting off connections that are left, and gives up the data directory.
    public func stop() async {
        await server.stop()
        lock.withLock { $0 = nil }
        logger.notice("embedded PostgreSQL stopped")
    }
}
