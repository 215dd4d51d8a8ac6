import Storage
import TestSupport
import Testing

@Suite("Statements", .emptyDatabase)
struct StatementTests {
    struct Answer: Statement {
        static let sql = "SELECT $1::bigint + 1"
        let value: Int64
        var arguments: [SQLValue] { [.integer(value)] }
        func decode(_ row: borrowing RowReader) throws(StorageError) -> Int64 { try row.integer(0) }
    }

    @Test("return decoded rows")
    func rows() async throws {
        #expect(try await TestDatabase.current.database.query(Answer(value: 41)) == [42])
    }
}
