import Foundation
import TestSupport
import Testing

@testable import Storage

@Suite("The embedded cluster")
struct EmbeddedPostgresTests {
    struct Settings: Statement {
        static let sql = """
            SELECT current_setting('listen_addresses'), current_setting('fsync'), current_setting('synchronous_commit'),
                current_setting('server_encoding'), current_database(), session_user
            """
        func decode(_ row: borrowing RowReader) throws(StorageError) -> [String] {
            [try row.text(0), try row.text(1), try row.text(2), try row.text(3), try row.text(4), try row.text(5)]
        }
    }
    struct Rows: Statement {
        static let sql = "SELECT x FROM kept"
        func decode(_ row: borrowing RowReader) throws(StorageError) -> Int64 { try row.integer(0) }
    }

    private func write(_ server: EmbeddedPostgres) async throws {
        let database = Database(configuration: server.configuration, logger: .silent)
        try await database.withConnection {
            try await $0.run(script: "CREATE TABLE kept (x bigint); INSERT INTO kept VALUES (42)")
        }
        await database.close()
    }

    private func read(_ server: EmbeddedPostgres) async throws -> [Int64] {
        let database = Database(configuration: server.configuration, logger: .silent)
        let rows = try await database.query(Rows())
        await database.close()
        return rows
    }

    private func hasEnded(_ process: Int32) -> Bool {
        // A process that nobody reaped is a directory without a program.
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/exe")) == nil
    }

    @Test("starts durable, on a socket alone, keeps its data and belongs to one owner at a time")
    func lifeCycle() async throws {
        let directory = try TemporaryDirectory()
        let server = try await EmbeddedPostgres.start(dataDirectory: directory.path, logger: .silent)
        let database = Database(configuration: server.configuration, logger: .silent)
        #expect(try await database.query(Settings()) == [["", "on", "on", "UTF8", "tocsin", "tocsin"]])
        await database.close()
        try await write(server)

        let inUse = EmbeddedProblem.inUse(directory: directory.path, process: ProcessInfo.processInfo.processIdentifier)
        await #expect(throws: StorageError.embedded(inUse)) {
            try await EmbeddedPostgres.start(dataDirectory: directory.path, logger: .silent)
        }
        await server.stop()
        #expect(hasEnded(server.processIdentifier))

        let again = try await EmbeddedPostgres.start(dataDirectory: directory.path, logger: .silent)
        #expect(try await read(again) == [42])
        await again.stop()
    }

    @Test("recovers after its server was killed")
    func killed() async throws {
        let directory = try TemporaryDirectory()
        let server = try await EmbeddedPostgres.start(dataDirectory: directory.path, logger: .silent)
        try await write(server)
        #expect(kill(server.processIdentifier, SIGKILL) == 0)
        #expect(await server.waitUntilExit() == 128 + SIGKILL)
        await server.stop()
        let again = try await EmbeddedPostgres.start(dataDirectory: directory.path, logger: .silent)
        #expect(try await read(again) == [42])
        await again.stop()
    }

    @Test("ends when its owner is gone without a word")
    func abandoned() async throws {
        let directory = try TemporaryDirectory()
        var server: EmbeddedPostgres? = try await EmbeddedPostgres.start(
            dataDirectory: directory.path, logger: .silent)
        let child = try #require(server).server.child
        try await write(try #require(server))
        // Dropping it closes the leash, as the death of this process would.
        server = nil
        #expect(try await within(.seconds(30)) { await child.waitUntilExit() } == 0)
        let again = try await EmbeddedPostgres.start(dataDirectory: directory.path, logger: .silent)
        #expect(try await read(again) == [42])
        await again.stop()
    }

    @Test("stops a server that was left behind together with its guard")
    func orphan() async throws {
        let directory = try TemporaryDirectory()
        let user = try ServerUser.current()
        let first = try await EmbeddedPostgres.start(dataDirectory: directory.path, logger: .silent)
        try await write(first)
        await first.stop()
        // A server on the same files that no guard watches.
        let location = ClusterLocation(root: "\(directory.path)/postgres")
        let binaries = try ServerBinaries.find()
        let sockets = try TemporaryDirectory()
        try ClusterLocation.makePrivate(sockets.path, user)
        let null = open("/dev/null", O_RDWR)
        let orphan = try ChildProcess.start(
            user.prefix + [
                binaries.path("postgres"), "-D", location.data, "-c", "listen_addresses=", "-c",
                "unix_socket_directories=\(sockets.path)",
            ], descriptors: [null, null, null])
        let configuration = DatabaseConfiguration(host: sockets.path, database: "tocsin", user: "tocsin")
        let database = Database(configuration: configuration, logger: .silent)
        try await within(.seconds(20)) { while (try? await database.query(Rows())) == nil {} }

        let again = try await EmbeddedPostgres.start(dataDirectory: directory.path, logger: .silent)
        #expect(!orphan.isRunning || hasEnded(orphan.identifier))
        #expect(try await read(again) == [42])
        await again.stop()
        await database.close()
        close(null)
    }

    @Test("does not mind that another program got the old server's process id")
    func recycledProcess() async throws {
        let directory = try TemporaryDirectory()
        let server = try await EmbeddedPostgres.start(dataDirectory: directory.path, logger: .silent)
        try await write(server)
        let data = "\(server.directory)/data"
        let file = "\(data)/postmaster.pid"
        let text = try String(contentsOfFile: file, encoding: .utf8)
        await server.stop()
        let rest = text.split(separator: "\n", maxSplits: 1)[1]
        try "\(ProcessInfo.processInfo.processIdentifier)\n\(rest)".write(
            toFile: file, atomically: true, encoding: .utf8)
        let again = try await EmbeddedPostgres.start(dataDirectory: directory.path, logger: .silent)
        #expect(try await read(again) == [42])
        await again.stop()
    }

    @Test("lives elsewhere where the server's user cannot enter the data directory", .enabled(if: geteuid() == 0))
    func unreachableDirectory() async throws {
        let parent = try TemporaryDirectory()
        let base = try TemporaryDirectory()
        #expect(chmod(parent.path, 0o700) == 0)
        let directory = "\(parent.path)/data"
        var options = EmbeddedPostgres.Options()
        options.fallbackBase = "\(base.path)/clusters"
        #expect(chmod(base.path, 0o755) == 0)
        let server = try await EmbeddedPostgres.start(dataDirectory: directory, options: options, logger: .silent)
        #expect(server.directory.hasPrefix(options.fallbackBase))
        try await write(server)
        await server.stop()

        let again = try await EmbeddedPostgres.start(dataDirectory: directory, options: options, logger: .silent)
        #expect(again.directory == server.directory)
        #expect(try await read(again) == [42])
        await again.stop()

        try FileManager.default.removeItem(atPath: server.directory)
        let pointer = "\(directory)/postgres.location"
        let gone = StorageError.embedded(.clusterGone(path: server.directory, pointer: pointer))
        await #expect(throws: gone) {
            try await EmbeddedPostgres.start(dataDirectory: directory, options: options, logger: .silent)
        }
    }

    @Test("puts its socket into /tmp where the path is too long for one")
    func longPath() async throws {
        let directory = try TemporaryDirectory(suffix: String(repeating: "-long", count: 20))
        var sockets = ""
        for _ in 0..<2 {
            let server = try await EmbeddedPostgres.start(dataDirectory: directory.path, logger: .silent)
            let host = try #require(server.configuration.parameters["host"])
            #expect(host.hasPrefix("/tmp/tocsin-") && host != sockets)
            #expect(sockets.isEmpty || !FileManager.default.fileExists(atPath: sockets), "the old one is removed")
            let mode = try FileManager.default.attributesOfItem(atPath: host)[.posixPermissions] as? Int
            #expect(mode == 0o700)
            sockets = host
            let database = Database(configuration: server.configuration, logger: .silent)
            #expect(try await database.first(Echo<BigInt>(value: .integer(1))) == .some(1))
            await database.close()
            await server.stop()
        }
        try? FileManager.default.removeItem(atPath: sockets)
    }

    @Test("makes its cluster anew after a first start that was broken off")
    func halfMade() async throws {
        let directory = try TemporaryDirectory()
        let draft = "\(directory.path)/postgres/data.new"
        try FileManager.default.createDirectory(atPath: "\(draft)/base", withIntermediateDirectories: true)
        try Data("15\n".utf8).write(to: URL(fileURLWithPath: "\(draft)/PG_VERSION"))
        let server = try await EmbeddedPostgres.start(dataDirectory: directory.path, logger: .silent)
        try await write(server)
        await server.stop()
        #expect(!FileManager.default.fileExists(atPath: draft))
    }

    @Test("says why the server did not start")
    func broken() async throws {
        let directory = try TemporaryDirectory()
        let server = try await EmbeddedPostgres.start(dataDirectory: directory.path, logger: .silent)
        await server.stop()
        let file = "\(server.directory)/data/postgresql.conf"
        try "nonsense = 1".write(toFile: file, atomically: true, encoding: .utf8)
        _ = try ChildProcess.run(["/bin/chmod", "644", file])
        await #expect {
            try await EmbeddedPostgres.start(dataDirectory: directory.path, logger: .silent)
        } throws: { error in
            guard case StorageError.embedded(.failed("postgres", let output)) = error else { return false }
            return output.contains("nonsense")
        }
    }

    @Test("takes the newest binaries that fit, and says which are missing")
    func binaries() throws {
        func installed(_ versions: Int...) -> [ServerBinaries] {
            versions.map { ServerBinaries(directory: "/\($0)", majorVersion: $0) }
        }
        #expect(try ServerBinaries.choose(from: installed(13, 17, 15), version: nil).majorVersion == 17)
        #expect(try ServerBinaries.choose(from: installed(13, 17, 15), version: 15).majorVersion == 15)
        #expect(throws: StorageError.embedded(.binariesMissing)) { try ServerBinaries.choose(from: [], version: nil) }
        #expect(throws: StorageError.embedded(.binariesMissing)) { try ServerBinaries.choose(from: [], version: 15) }
        #expect(throws: StorageError.embedded(.tooOld(version: 14))) {
            try ServerBinaries.choose(from: installed(13, 14), version: nil)
        }
        #expect(throws: StorageError.embedded(.versionMissing(15))) {
            try ServerBinaries.choose(from: installed(14, 16), version: 15)
        }
        #expect(ServerBinaries.majorVersion("postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)") == 15)
        #expect(ServerBinaries.majorVersion("postgres (PostgreSQL) 18beta1") == 18)
        #expect(ServerBinaries.majorVersion("nothing") == nil)
    }
}
