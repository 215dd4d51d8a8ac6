import Foundation
import Storage
import TestSupport
import Testing

/// Connections against a server that goes away and comes back.
@Suite("Recovery")
struct RecoveryTests {
    struct Insert: Statement {
        static let sql = "INSERT INTO item (id) VALUES ($1) ON CONFLICT DO NOTHING"
        let id: Int64
        var arguments: [SQLValue] { [.integer(id)] }
    }
    struct Count: Statement {
        static let sql = "SELECT count(*) FROM item"
        func decode(_ row: borrowing RowReader) throws(StorageError) -> Int64 { try row.integer(0) }
    }
    struct KillOthers: Statement {
        static let sql = """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()
            """
    }

    @Test("idle connections that were cut are replaced before anybody notices", .emptyDatabase)
    func idleConnections() async throws {
        let test = TestDatabase.current
        let started = Signal()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<5 {
                group.addTask {
                    try await test.database.withConnection { connection in
                        _ = try await connection.query(Echo<BigInt>(value: .integer(1)))
                        started.fire()
                        try await started.wait(times: 5)
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(test.database.connectionCounts.idle == 5)
        let operatorPool = Database(configuration: test.configuration, logger: .silent)
        #expect(try await operatorPool.execute(KillOthers()) == 5)
        for number in 0..<10 as Range<Int64> {
            #expect(try await test.database.first(Echo<BigInt>(value: .integer(number))) == .some(number))
        }
        // A transaction's first statement is repeated too, writing or not: nothing of it can have been committed.
        try await test.run("CREATE TABLE item (id bigint PRIMARY KEY)")
        for number in 0..<10 as Range<Int64> {
            try await operatorPool.execute(KillOthers())
            try await test.database.transaction { try await $0.execute(Insert(id: number)) }
        }
        #expect(try await test.database.first(Count()) == 10)
        await operatorPool.close()
    }

    @Test("a transaction whose connection is cut fails as unavailable and the next one works", .emptyDatabase)
    func cutTransaction() async throws {
        let test = TestDatabase.current
        try await test.run("CREATE TABLE item (id bigint PRIMARY KEY)")
        let operatorPool = Database(configuration: test.configuration, logger: .silent)
        await #expect {
            try await test.database.transaction { connection in
                try await connection.execute(Insert(id: 1))
                try await operatorPool.execute(KillOthers())
                try await connection.execute(Insert(id: 2))
            }
        } throws: { error in
            guard case StorageError.unavailable = error else { return false }
            return (error as? StorageError)?.isTransient == true
        }
        try await test.database.transaction { try await $0.execute(Insert(id: 3)) }
        #expect(try await test.database.first(Count()) == 1)
        await operatorPool.close()
    }

    @Test("work goes on after the server restarted, and after it was killed", arguments: [true, false])
    func restart(gracefully: Bool) async throws {
        let directory = try TemporaryDirectory()
        var server = try await EmbeddedPostgres.start(dataDirectory: directory.path, logger: .silent)
        var configuration = server.configuration
        configuration.acquireTimeout = .seconds(30)
        let database = Database(configuration: configuration, logger: .silent)
        try await database.withConnection { try await $0.run(script: "CREATE TABLE item (id bigint PRIMARY KEY)") }
        let reconnected = Signal()
        let listening = Task {
            for await notification in database.listen(["channel"]) where notification == .reconnected {
                reconnected.fire()
            }
        }
        try await within(.seconds(20)) { try await reconnected.wait() }

        // A writer that repeats what failed for a passing reason: in the end every row is there, and acknowledged ones
        // never vanish.
        let acknowledged = Shared<[Int64]>([])
        let progress = Signal()
        let writer = Task {
            var id: Int64 = 0
            while !Task.isCancelled {
                do {
                    try await database.execute(Insert(id: id))
                    acknowledged.update { $0.append(id) }
                    progress.fire()
                    id += 1
                } catch let error as StorageError where error.isTransient {}
            }
        }
        try await within(.seconds(20)) { try await progress.wait(times: 50) }
        if gracefully {
            await server.stop()
        } else {
            #expect(kill(server.processIdentifier, SIGKILL) == 0)
            _ = await server.waitUntilExit()
            await server.stop()
        }
        server = try await EmbeddedPostgres.start(dataDirectory: directory.path, logger: .silent)
        let before = progress.count
        try await within(.seconds(30)) {
            try await progress.wait(times: before + 50)
            try await reconnected.wait(times: 2)
        }
        writer.cancel()
        try? await writer.value
        #expect(try await database.first(Count()) ?? 0 >= Int64(acknowledged.value.count))
        listening.cancel()
        await database.close()
        await server.stop()
    }
}
