extension Connection {
    /// Loads `rows` into `table`, faster than any `INSERT`; all of them or, outside a transaction, none.
    ///
    /// - Parameters:
    ///   - table: the table's name, behind its schema and a point if need be.
    ///   - columns: the columns that each row has a value for, in that order.
    ///   - rows: `bytea`, `text`, numbers, `boolean`, `timestamptz`, `uuid`,
    ///     `json`, `jsonb`, `interval` and arrays of them can be copied; enumerations cannot.
    /// - Returns: How many rows were stored.
    @discardableResult
    public func copy(into table: String, columns: [String], rows: [[SQLValue]]) async throws -> Int {
        try await copy(into: table, columns: columns, count: rows.count) { place, row in
            for value in rows[place] { row.field(value) }
        }
    }

    /// Loads `count` rows into `table`, as `copy(into:columns:rows:)` does.
    ///
    /// - Parameter write: writes the fields of the row at a place, 0 the first; called on the connection's own queue while
    ///   rows are sent.
    @discardableResult
    public func copy(
        into table: String, columns: [String], count: Int, write: @escaping @Sendable (Int, inout CopyRow) -> Void
    ) async throws -> Int {
        try await cancellable { ticket in
            try await session.copy(
                into: table, columns: columns, count: count, loan: loan, deadline, ticket, write: write)
        }
    }
}
