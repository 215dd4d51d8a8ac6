import Storage
import TestSupport
import Testing

@Suite("Cancellation", .emptyDatabase)
struct CancellationTests {
    struct Sleep: Statement {
        static let sql = "SELECT pg_sleep($1)"
        let seconds: Double
        var arguments: [SQLValue] { [.double(seconds)] }
    }
    struct BackendID: Statement {
        static let sql = "SELECT pg_backend_pid()"
        func decode(_ row: borrowing RowReader) throws(StorageError) -> Int64 { try row.integer(0) }
    }
    /// How many backends of this database run a sleep now.
    struct Sleepers: Statement {
        static let sql = """
            SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND state = 'active' AND query LIKE 'SELECT pg_sleep%'
            """
        func decode(_ row: borrowing RowReader) throws(StorageError) -> Int64 { try row.integer(0) }
    }

    @Test("of a task ends its statement at the server at once")
    func cancelRunning() async throws {
        let database = TestDatabase.current.database
        let task = Task { try await database.execute(Sleep(seconds: 60)) }
        try await within(.seconds(10)) {
            while try await database.first(Sleepers()) == 0 {}
            task.cancel()
            await #expect(throws: StorageError.cancelled) { try await task.value }
        }
        #expect(try await database.first(Sleepers()) == 0)
    }

    @Test("before the start runs nothing")
    func cancelledBefore() async throws {
        let test = TestDatabase.current
        try await test.run("CREATE TABLE trace (x int)")
        struct Trace: Statement {
            static let sql = "INSERT INTO trace VALUES (1)"
        }
        struct Count: Statement {
            static let sql = "SELECT count(*) FROM trace"
            func decode(_ row: borrowing RowReader) throws(StorageError) -> Int64 { try row.integer(0) }
        }
        let gate = Signal()
        let task = Task {
            try? await gate.wait()
            try await test.database.execute(Trace())
        }
        task.cancel()
        await #expect(throws: StorageError.cancelled) { try await task.value }
        #expect(try await test.database.first(Count()) == 0)
    }

    @Test(
        "at any moment never hits the connection's next statement",
        arguments: [UInt64.random(in: 0 ... .max)])
    func lateCancel(seed: UInt64) async throws {
        // One connection, so that the next statement runs where the cancelled one did.
        let test = try await TestDatabase.make(migrated: false) { $0.maximumConnections = 1 }
        var random = SeededGenerator(seed: seed)
        let before = try await test.database.first(BackendID())
        for round in 0..<150 {
            let pause = Int.random(in: 0...1500, using: &random)
            let task = Task { try await test.database.execute(Sleep(seconds: 0.0005)) }
            let clock = ContinuousClock()
            let due = clock.now + .microseconds(pause)
            while clock.now < due { await Task.yield() }
            task.cancel()
            let next = try await test.database.first(Echo<BigInt>(value: .integer(Int64(round))))
            #expect(next == .some(Int64(round)), "seed \(seed), round \(round)")
            do { _ = try await task.value } catch { #expect(error as? StorageError == .cancelled, "seed \(seed)") }
        }
        #expect(try await test.database.first(BackendID()) == before, "the connection was kept, seed \(seed)")
        try await test.drop()
    }

    @Test("by the server's statement timeout is told apart")
    func statementTimeout() async throws {
        let test = try await TestDatabase.make(migrated: false) { $0.statementTimeout = .milliseconds(100) }
        try await within(.seconds(10)) {
            await #expect(throws: StorageError.timedOut) { try await test.database.execute(Sleep(seconds: 60)) }
        }
        #expect(try await test.database.first(Echo<BigInt>(value: .integer(1))) == .some(1))
        try await test.drop()
    }

    @Test("of a copy leaves nothing behind")
    func cancelCopy() async throws {
        let test = TestDatabase.current
        try await test.run("CREATE TABLE target (x bigint)")
        let started = Signal()
        let task = Task {
            try await test.database.withConnection { connection in
                try await connection.copy(into: "target", columns: ["x"], count: .max) { number, row in
                    if number == 100_000 { started.fire() }
                    row.integer(Int64(number))
                }
            }
        }
        try await within(.seconds(10)) { try await started.wait() }
        task.cancel()
        await #expect(throws: StorageError.cancelled) { try await task.value }
        struct Count: Statement {
            static let sql = "SELECT count(*) FROM target"
            func decode(_ row: borrowing RowReader) throws(StorageError) -> Int64 { try row.integer(0) }
        }
        #expect(try await test.database.first(Count()) == 0)
    }
}
