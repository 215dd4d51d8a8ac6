import Storage
import TestSupport
import Testing

@Suite("Life locks", .emptyDatabase)
struct LifeLockTests {
    struct Living: Statement {
        static let sql = "SELECT count(*) FROM (\(LifeLock.livingHolders)) AS living (holder) WHERE holder = $1"
        let holder: String
        var arguments: [SQLValue] { [.text(holder)] }
        func decode(_ row: borrowing RowReader) throws(StorageError) -> Int64 { try row.integer(0) }
    }
    struct CutHolders: Statement {
        // Locks of this database alone: the server is shared with the other tests.
        static let sql = """
            SELECT pg_terminate_backend(lock.pid) FROM pg_locks AS lock JOIN pg_database ON pg_database.oid = lock.database
            WHERE lock.locktype = 'advisory' AND lock.pid <> pg_backend_pid() AND datname = current_database()
            """
    }

    @Test("show who lives, come back after the connection broke, and go with their process")
    func livesAndDies() async throws {
        let database = TestDatabase.current.database
        var random = SystemRandomNumberGenerator()
        let lock = LifeLock(using: &random)
        #expect(try await database.first(Living(holder: lock.holder)) == 0)
        let keeper = Task { await lock.keep(on: database, clock: ContinuousClock(), interval: .milliseconds(50)) }
        try await within(.seconds(20)) {
            while try await database.first(Living(holder: lock.holder)) != 1 {}
            // The lock of a cut connection is gone for a moment; the count of cuts shows that there was one to cut.
            #expect(try await database.execute(CutHolders()) == 1)
            while try await database.first(Living(holder: lock.holder)) != 0 {}
            while try await database.first(Living(holder: lock.holder)) != 1 {}
            keeper.cancel()
            await keeper.value
            while try await database.first(Living(holder: lock.holder)) != 0 {}
        }
    }
}
