import Storage
import TestSupport
import Testing

@Suite("Pipelines", .emptyDatabase)
struct PipelineTests {
    let test = TestDatabase.current

    struct Insert: Statement {
        static let sql = "INSERT INTO item (id) VALUES ($1) RETURNING id"
        let id: Int64
        var arguments: [SQLValue] { [.integer(id)] }
        func decode(_ row: borrowing RowReader) throws(StorageError) -> Int64 { try row.integer(0) }
    }
    struct All: Statement {
        static let sql = "SELECT id FROM item ORDER BY id"
        func decode(_ row: borrowing RowReader) throws(StorageError) -> Int64 { try row.integer(0) }
    }
    struct Undecodable: Statement {
        static let sql = "SELECT 'x'::text"
        func decode(_ row: borrowing RowReader) throws(StorageError) -> Int64 { try row.integer(0) }
    }

    @Test("return the rows of each statement in order")
    func rows() async throws {
        try await test.run("CREATE TABLE item (id bigint CONSTRAINT item_key PRIMARY KEY)")
        try await test.database.withConnection { connection in
            let (first, second, all, text) = try await connection.pipeline(
                Insert(id: 2), Insert(id: 1), All(), Echo<PlainText>(value: .text("x")))
            #expect(first == [2])
            #expect(second == [1])
            #expect(all == [1, 2])
            #expect(text == ["x"])
        }
    }

    @Test("are all or nothing, and leave the connection usable")
    func atomic() async throws {
        try await test.run("CREATE TABLE item (id bigint CONSTRAINT item_key PRIMARY KEY)")
        try await test.database.withConnection { connection in
            await #expect(throws: StorageError.uniqueViolation(constraint: "item_key")) {
                _ = try await connection.pipeline(Insert(id: 1), Insert(id: 1), All())
            }
            await #expect(throws: StorageError.self) { _ = try await connection.pipeline(All(), Undecodable(), All()) }
            let (pipelined, queried) = (try await connection.pipeline(All()), try await connection.query(All()))
            #expect(pipelined == [])
            #expect(queried == [])
        }
    }

    @Test("run inside a transaction")
    func inTransaction() async throws {
        try await test.run("CREATE TABLE item (id bigint CONSTRAINT item_key PRIMARY KEY)")
        await #expect(throws: StorageError.cancelled) {
            try await test.database.withConnection { connection in
                try await connection.transaction { connection in
                    _ = try await connection.pipeline(Insert(id: 1), Insert(id: 2))
                }
                try await connection.transaction { connection in
                    _ = try await connection.pipeline(Insert(id: 3), Insert(id: 4))
                    throw StorageError.cancelled
                }
            }
        }
        #expect(try await test.database.query(All()) == [1, 2])
    }
}
