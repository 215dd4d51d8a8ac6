import Storage
import TestSupport
import Testing

@Suite("The pool", .emptyDatabase)
struct PoolTests {
    private func make(_ connections: Int, timeout: Duration = .seconds(10)) async throws -> TestDatabase {
        try await TestDatabase.make(migrated: false) {
            $0.maximumConnections = connections
            $0.acquireTimeout = timeout
        }
    }

    /// Keeps a connection from `started` until `finish` fires.
    private func hold(_ database: Database, _ started: Signal, until finish: Signal) -> Task<Void, any Error> {
        Task {
            try await database.withConnection { _ in
                started.fire()
                try await finish.wait()
            }
        }
    }

    @Test("never lends more connections than it may have")
    func maximum() async throws {
        let test = try await make(3)
        let usage = Shared((running: 0, peak: 0))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<60 {
                group.addTask {
                    try await test.database.withConnection { connection in
                        usage.update { $0 = ($0.running + 1, max($0.peak, $0.running + 1)) }
                        _ = try await connection.query(Echo<BigInt>(value: .integer(1)))
                        usage.update { $0.running -= 1 }
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect((1...3).contains(usage.value.peak))
        #expect(test.database.connectionCounts.busy == 0)
        try await test.drop()
    }

    @Test("serves in the order of asking")
    func fairness() async throws {
        let test = try await make(1)
        let (held, finish) = (Signal(), Signal())
        let holder = hold(test.database, held, until: finish)
        try await held.wait()
        let order = Shared<[Int]>([])
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<20 {
                group.addTask {
                    try await test.database.withConnection { _ in order.update { $0.append(number) } }
                }
                // The next one asks only after this one queues.
                try await within(.seconds(5)) {
                    while test.database.connectionCounts.waiting <= number { await Task.yield() }
                }
            }
            finish.fire()
            try await group.waitForAll()
        }
        #expect(order.value == Array(0..<20))
        try await holder.value
        try await test.drop()
    }

    @Test("gives up waiting after the limit, and goes on serving")
    func acquireTimeout() async throws {
        let test = try await make(1, timeout: .milliseconds(50))
        let (held, finish) = (Signal(), Signal())
        let holder = hold(test.database, held, until: finish)
        try await held.wait()
        for _ in 0..<3 {
            await #expect(throws: StorageError.poolExhausted(waited: .milliseconds(50))) {
                try await test.database.query(Echo<BigInt>(value: .integer(1)))
            }
        }
        finish.fire()
        try await holder.value
        #expect(try await test.database.first(Echo<BigInt>(value: .integer(1))) == .some(1))
        try await test.drop()
    }

    @Test("forgets who was cancelled while waiting")
    func cancelledWaiter() async throws {
        let test = try await make(1)
        let (held, finish) = (Signal(), Signal())
        let holder = hold(test.database, held, until: finish)
        try await held.wait()
        let waiter = Task { try await test.database.query(Echo<BigInt>(value: .integer(1))) }
        try await within(.seconds(5)) { while test.database.connectionCounts.waiting == 0 { await Task.yield() } }
        waiter.cancel()
        await #expect(throws: StorageError.cancelled) { try await waiter.value }
        #expect(test.database.connectionCounts.waiting == 0)
        finish.fire()
        try await holder.value
        #expect(test.database.connectionCounts.busy == 0)
        try await test.drop()
    }

    @Test("closes after the last borrower, refuses new ones and ends its connections")
    func close() async throws {
        let test = try await make(2)
        let (held, finish) = (Signal(), Signal())
        let holder = hold(test.database, held, until: finish)
        try await held.wait()
        let closing = Task { await test.database.close() }
        try await within(.seconds(5)) {
            while true {
                do { _ = try await test.database.query(Echo<BigInt>(value: .integer(1))) } catch StorageError.closed {
                    break
                }
            }
        }
        finish.fire()
        try await holder.value
        try await within(.seconds(5)) { await closing.value }
        await #expect(throws: StorageError.closed) { try await test.database.query(Echo<BigInt>(value: .integer(1))) }
        try await test.drop()
    }

    @Test("ends what a borrower left at the server")
    func leftovers() async throws {
        struct TakeLock: Statement {
            static let sql = "SELECT pg_advisory_lock(77)"
        }
        struct Held: Statement {
            static let sql = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 77"
            func decode(_ row: borrowing RowReader) throws(StorageError) -> Int64 { try row.integer(0) }
        }
        let database = TestDatabase.current.database
        try await database.withConnection { connection in
            try await connection.execute(TakeLock())
            #expect(try await connection.first(Held()) == 1)
            try await connection.run(script: "BEGIN; CREATE TABLE half (x int)")
        }
        #expect(try await database.first(Held()) == 0)
        await #expect(throws: StorageError.self) { try await TestDatabase.current.run("SELECT * FROM half") }
    }

    @Test("shows neither host nor password in any text")
    func secrets() async throws {
        let url = "postgres://alice:s3cr3t@db.example.org:5433/prices?sslmode=disable"
        let configuration = try DatabaseConfiguration(connectionString: url)
        var dumped = ""
        dump(configuration, to: &dumped)
        let texts = ["\(configuration)", String(reflecting: configuration), dumped]
        for text in texts {
            for secret in ["s3cr3t", "alice", "example", "5433", "prices"] { #expect(!text.contains(secret)) }
        }
        for malformed in ["postgres://alice:s3cr3t@[bad", "password=s3cr3t nonsense", "nonsense s3cr3t", "a\0b"] {
            do {
                _ = try DatabaseConfiguration(connectionString: malformed)
                Issue.record("accepted")
            } catch {
                #expect(!"\(error)".contains("s3cr3t"))
                guard case .invalidConfiguration = error else { throw error }
            }
        }
    }

    @Test("says at once what no waiting mends")
    func hopeless() async throws {
        let missing = TestDatabase.current.configuration.with(database: "no_such_database")
        let database = Database(configuration: missing, logger: .silent)
        await #expect(
            throws: StorageError.invalidConfiguration(reason: "FATAL:  database \"no_such_database\" does not exist")
        ) {
            try await within(.seconds(5)) { try await database.query(Echo<BigInt>(value: .integer(1))) }
        }
        await database.close()
    }

    @Test("waits for a server that is not there, up to the limit")
    func unreachable() async throws {
        var configuration = DatabaseConfiguration(host: "/nonexistent", database: "x", user: "x", password: "s3cr3t")
        configuration.acquireTimeout = .milliseconds(200)
        let database = Database(configuration: configuration, logger: .silent)
        await #expect {
            try await within(.seconds(5)) { try await database.query(Echo<BigInt>(value: .integer(1))) }
        } throws: { error in
            guard case StorageError.unavailable(let reason) = error else { return false }
            return reason == "No such file or directory"
        }
        await database.close()
    }
}
