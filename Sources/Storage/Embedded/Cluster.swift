import Foundation
import Glibc
import Logging

/// The files of the private cluster, and how its server is run on them; everything here blocks.
struct Cluster {
    let location: ClusterLocation
    let user: ServerUser
    let options: EmbeddedPostgres.Options
    let logger: Logger

    /// Makes the cluster if there is none and clears what a crash left: the programs that fit it.
    func prepare() throws(StorageError) -> ServerBinaries {
        let versionFile = "\(location.data)/PG_VERSION"
        if let text = try? String(contentsOfFile: versionFile, encoding: .utf8) {
            let version = Int(text.trimmingCharacters(in: .whitespacesAndNewlines))
            try Orphans(dataDirectory: location.data).stop(logger: logger)
            return try ServerBinaries.find(version: version)
        }
        let binaries = try ServerBinaries.find()
        try initialize(binaries)
        return binaries
    }

    /// Runs `initdb` beside the final place and renames the result, so that half a cluster is never taken for one.
    private func initialize(_ binaries: ServerBinaries) throws(StorageError) {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: location.root)) ?? []
        where name.hasPrefix(Self.draftPrefix) {
            try? FileManager.default.removeItem(atPath: "\(location.root)/\(name)")
        }
        // A name of its own: the initdb of a killed predecessor may still be at work.
        let draft = "\(location.root)/\(Self.draftPrefix)\(getpid())-\(UInt32.random(in: .min ... .max))"
        var arguments = [
            binaries.path("initdb"), "--pgdata=\(draft)", "--username=tocsin", "--encoding=UTF8", "--locale=C",
            "--auth=trust", "--no-instructions",
        ]
        if !options.isDurable { arguments.append("--no-sync") }
        let answer = try ChildProcess.run(user.prefix + arguments)
        guard answer.status == 0 else {
            throw .embedded(.failed(program: "initdb", output: answer.output.lastLines))
        }
        guard rename(draft, location.data) == 0 else {
            throw .embedded(.inaccessible(path: location.data, reason: String(cString: strerror(errno))))
        }
    }

    private static let draftPrefix = "data.new"

    /// Starts the server with its guard.
    func startServer(
        _ binaries: ServerBinaries, sockets: String, removing directory: String
    ) throws(StorageError) -> ServerProcess {
        rotateLog()
        let log = open(location.log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard log >= 0, !user.isOther || fchown(log, user.identifier, user.group) == 0 else {
            throw .embedded(.inaccessible(path: location.log, reason: String(cString: strerror(errno))))
        }
        defer { close(log) }
        let command = [binaries.path("postgres"), "-D", location.data] + settings(sockets).flatMap { ["-c", $0] }
        return try ServerProcess.start(
            command, prefix: user.prefix, log: log, temporaryDirectory: options.isTemporary ? directory : nil)
    }

    private func settings(_ sockets: String) -> [String] {
        let durable = options.isDurable ? "on" : "off"
        return [
            "listen_addresses=", "unix_socket_directories=\(sockets)", "unix_socket_permissions=0700", "port=5432",
            "max_connections=\(options.maximumConnections)", "shared_buffers=128MB", "fsync=\(durable)",
            "synchronous_commit=\(durable)", "full_page_writes=\(durable)", "max_wal_size=1GB",
            // Short statements gain nothing from compiled plans, and compiling costs tens of milliseconds.
            "jit=off", "log_timezone=UTC", "timezone=UTC", "logging_collector=off",
        ]
    }

    /// Keeps the last log beside a new one once it has grown past 10 MiB.
    private func rotateLog() {
        let size = (try? FileManager.default.attributesOfItem(atPath: location.log))?[.size] as? Int ?? 0
        if size > 10 << 20 { rename(location.log, "\(location.log).1") }
    }

    /// Makes the database that `configuration` names, if it is not there yet.
    func makeDatabase(_ configuration: DatabaseConfiguration) throws(StorageError) {
        let deadline = ContinuousClock.now + .seconds(60)
        let link = try Link.connect(configuration.with(database: "postgres"))
        let found = try link.run("SELECT 1 FROM pg_database WHERE datname = 'tocsin'", until: deadline)
        if found.rowCount == 0 { _ = try link.run("CREATE DATABASE tocsin", until: deadline) }
    }
}

extension String {
    /// The last lines of a program's output, where it says what failed.
    var lastLines: String { split(separator: "\n").suffix(5).joined(separator: "\n") }
}
