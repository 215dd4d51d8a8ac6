import Storage
import TestSupport
import Testing

@Suite("Transactions", .emptyDatabase)
struct TransactionTests {
    let test = TestDatabase.current
    let database = TestDatabase.current.database

    struct Insert: Statement {
        static let sql = "INSERT INTO item (id, parent, name) VALUES ($1, $2, $3)"
        let id: Int64
        var parent: Int64?
        var name: String? = "x"
        var arguments: [SQLValue] { [.integer(id), .optional(parent), .optional(name)] }
    }
    struct Count: Statement {
        static let sql = "SELECT count(*) FROM item"
        func decode(_ row: borrowing RowReader) throws(StorageError) -> Int64 { try row.integer(0) }
    }
    struct Add: Statement {
        static let sql = "UPDATE item SET amount = amount + 1 WHERE id = $1"
        let id: Int64
        var arguments: [SQLValue] { [.integer(id)] }
    }
    struct Total: Statement {
        static let sql = "SELECT sum(amount)::bigint FROM item"
        func decode(_ row: borrowing RowReader) throws(StorageError) -> Int64 { try row.integer(0) }
    }
    struct Failure: Error {}

    private func makeTable() async throws {
        try await test.run(
            """
            CREATE TABLE item (
                id bigint CONSTRAINT item_key PRIMARY KEY, parent bigint CONSTRAINT item_parent REFERENCES item,
                name text NOT NULL CONSTRAINT item_name CHECK (name <> 'secret value'), amount int NOT NULL DEFAULT 0)
            """)
    }

    @Test("commit what returns, roll back what throws")
    func commitAndRollback() async throws {
        try await makeTable()
        let answer = try await database.transaction { connection in
            try await connection.execute(Insert(id: 1))
            try await connection.execute(Insert(id: 2))
            return "done"
        }
        #expect(answer == "done")
        await #expect(throws: Failure.self) {
            try await database.transaction { connection in
                try await connection.execute(Insert(id: 3))
                throw Failure()
            }
        }
        #expect(try await database.first(Count()) == 2)
    }

    @Test("roll back when the task is cancelled, even if the body does not notice")
    func cancelled() async throws {
        try await makeTable()
        let inside = Signal()
        let database = database
        let task = Task {
            try await database.transaction { connection in
                try await connection.execute(Insert(id: 1))
                inside.fire()
                try? await Signal().wait()
            }
        }
        try await within(.seconds(10)) { try await inside.wait() }
        task.cancel()
        await #expect(throws: StorageError.cancelled) { try await task.value }
        #expect(try await database.first(Count()) == 0)
    }

    @Test("violations name their constraint and show no value")
    func violations() async throws {
        try await makeTable()
        try await database.execute(Insert(id: 1))
        await #expect(throws: StorageError.uniqueViolation(constraint: "item_key")) {
            try await database.execute(Insert(id: 1))
        }
        await #expect(throws: StorageError.foreignKeyViolation(constraint: "item_parent")) {
            try await database.execute(Insert(id: 2, parent: 99))
        }
        await #expect(throws: StorageError.checkViolation(constraint: "item_name")) {
            try await database.execute(Insert(id: 2, name: "secret value"))
        }
        await #expect(throws: StorageError.notNullViolation(column: "name")) {
            try await database.execute(Insert(id: 2, name: nil))
        }
        struct Cast: Statement {
            static let sql = "SELECT $1::text::bigint"
            var arguments: [SQLValue] { [.text("secret value")] }
        }
        let refused = StorageError.queryFailed(sqlState: "22P02", message: "a value was refused (data exception)")
        await #expect(throws: refused) { try await database.execute(Cast()) }
    }

    @Test("do not claim to have committed after a swallowed failure")
    func swallowedFailure() async throws {
        try await makeTable()
        await #expect(throws: StorageError.transactionAborted) {
            try await database.transaction { connection in
                try await connection.execute(Insert(id: 1))
                _ = try? await connection.execute(Insert(id: 1))
            }
        }
        #expect(try await database.first(Count()) == 0)
    }

    @Test("report an unknown outcome when the connection breaks during the commit")
    func unknownCommit() async throws {
        try await makeTable()
        try await test.run(
            """
            CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
            CREATE CONSTRAINT TRIGGER die AFTER INSERT ON item DEFERRABLE INITIALLY DEFERRED
                FOR EACH ROW WHEN (NEW.id = 13) EXECUTE FUNCTION die();
            """)
        await #expect(throws: StorageError.commitUnknown) {
            try await database.transaction { try await $0.execute(Insert(id: 13)) }
        }
        // Alone, a statement is its own transaction and as unknown.
        await #expect(throws: StorageError.commitUnknown) { try await database.execute(Insert(id: 13)) }
        #expect(StorageError.commitUnknown.isTransient)
        try await database.execute(Insert(id: 1))
        #expect(try await database.first(Count()) == 1)
    }

    @Test("cannot be opened inside each other")
    func nested() async throws {
        let open = StorageError.queryFailed(sqlState: "25001", message: "a transaction is open already")
        await #expect(throws: open) {
            try await database.transaction { connection in try await connection.transaction { _ in } }
        }
    }

    @Test("refuse writes when read-only")
    func readOnly() async throws {
        try await makeTable()
        await #expect {
            try await database.transaction(readOnly: true) { try await $0.execute(Insert(id: 1)) }
        } throws: { error in
            if case StorageError.queryFailed("25006", _) = error { true } else { false }
        }
    }

    @Test("keep their connection to themselves: a handle is void afterwards")
    func staleHandle() async throws {
        let handle = try await database.transaction { $0 }
        await #expect(throws: StorageError.connectionReleased) {
            try await handle.query(Echo<BigInt>(value: .integer(1)))
        }
    }

    @Test("serialise, and say when they cannot")
    func serialization() async throws {
        try await makeTable()
        try await database.execute(Insert(id: 1))
        let (bothRead, firstDone) = (Signal(), Signal())
        let database = database
        @Sendable func add(waitFor signal: Signal?) async throws {
            try await database.transaction(.serializable) { connection in
                _ = try await connection.first(Total())
                bothRead.fire()
                try await bothRead.wait(times: 2)
                if let signal { try await signal.wait() }
                try await connection.execute(Add(id: 1))
            }
        }
        try await within(.seconds(20)) {
            let second = Task { try await add(waitFor: firstDone) }
            try await add(waitFor: nil)
            firstDone.fire()
            await #expect(throws: StorageError.serializationFailure) { try await second.value }
        }
        #expect(StorageError.serializationFailure.isTransient)
        #expect(try await database.first(Total()) == 1)
    }

    @Test("are told of the deadlock that PostgreSQL broke")
    func deadlock() async throws {
        try await makeTable()
        for id in [1, 2] as [Int64] { try await database.execute(Insert(id: id)) }
        let bothHold = Signal()
        let database = database
        @Sendable func touch(_ first: Int64, _ second: Int64) async -> StorageError? {
            do {
                try await database.transaction { connection in
                    try await connection.execute(Add(id: first))
                    bothHold.fire()
                    try await bothHold.wait(times: 2)
                    try await connection.execute(Add(id: second))
                }
                return nil
            } catch { return error as? StorageError }
        }
        let outcomes = try await within(.seconds(20)) {
            async let other = touch(2, 1)
            return [await touch(1, 2), await other]
        }
        #expect(outcomes.filter { $0 == .deadlock }.count == 1)
        #expect(outcomes.filter { $0 == nil }.count == 1)
        #expect(try await database.first(Total()) == 2)
    }

    @Test("survive a change of the schema under their prepared statements")
    func changedSchema() async throws {
        try await makeTable()
        struct Everything: Statement {
            static let sql = "SELECT * FROM item"
            func decode(_ row: borrowing RowReader) throws(StorageError) -> Int { row.columnCount }
        }
        try await database.execute(Insert(id: 1))
        #expect(try await database.query(Everything()) == [4])
        try await test.run("ALTER TABLE item ADD COLUMN extra text")
        #expect(try await database.query(Everything()) == [5])
        // Also as the first statement of a transaction, which then begins again.
        try await test.run("ALTER TABLE item ADD COLUMN another text")
        #expect(try await database.transaction { try await $0.query(Everything()) } == [6])
        try await test.run("ALTER TABLE item DROP COLUMN another")
        // Later in a transaction only the caller can begin again.
        await #expect {
            try await database.transaction { connection in
                try await connection.execute(Insert(id: 2))
                return try await connection.query(Everything())
            }
        } throws: { error in
            (error as? StorageError)?.isTransient == true
        }
        #expect(try await database.transaction { try await $0.query(Everything()) } == [5])
    }

    @Test("without a statement never reach the server")
    func empty() async throws {
        #expect(try await database.transaction { _ in 1 } == 1)
        await #expect(throws: Failure.self) { try await database.transaction { _ in throw Failure() } }
        let level = try await database.transaction(.repeatableRead, readOnly: true) { connection in
            try await connection.first(CurrentLevel())
        }
        #expect(level == "repeatable read, on")
        #expect(try await database.first(CurrentLevel()) == "read committed, off")
    }

    struct CurrentLevel: Statement {
        static let sql = """
            SELECT current_setting('transaction_isolation') || ', ' || current_setting('transaction_read_only')
            """
        func decode(_ row: borrowing RowReader) throws(StorageError) -> String { try row.text(0) }
    }

    @Test("share a connection safely between tasks")
    func sharedConnection() async throws {
        try await makeTable()
        try await database.transaction { connection in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for id in 0..<50 as Range<Int64> { group.addTask { try await connection.execute(Insert(id: id)) } }
                try await group.waitForAll()
            }
        }
        #expect(try await database.first(Count()) == 50)
    }

    @Test("can keep state of their caller's own")
    func callersState() async throws {
        actor Caller {
            var seen: [Int64] = []
            func run(_ database: Database) async throws -> [Int64] {
                try await database.transaction { connection in
                    seen.append(try await connection.first(Echo<BigInt>(value: .integer(7)))?.flatMap { $0 } ?? 0)
                }
                return seen
            }
        }
        #expect(try await Caller().run(database) == [7])
    }
}
