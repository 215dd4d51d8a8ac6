extension Connection {
    /// Loads `rows` into `table`, faster than any `INSERT`; all of them or, outside a transaction, none.
    ///
    /// - Parameters:
    ///   - table: the table's name, behind its schema and a point if need be.
    ///   - columns: the columns that each row has a value for, in that order.
    ///   - rows: read lazily, on the connection's own queue. `bytea`, `text`, numbers, `boolean`, `timestamptz`, `uuid`,
    ///     `json`, `jsonb`, `interval` and arrays of them can be copied; enumerations cannot.
    /// - Returns: How many rows were stored.
    @discardableResult
    public func copy<Rows: Sequence<[SQLValue]> & Sendable>(
        into table: String, columns: [String], rows: Rows
    ) async throws -> Int {
        try await copy(into: table, columns: columns, from: rows) { (values: [SQLValue], row: inout CopyRow) in
            for value in values { row.field(value) }
        }
    }

    /// Loads a row for each of `elements` into `table`, as `copy(into:columns:rows:)` does.
    ///
    /// - Parameter write: writes the fields of an element's row; called on the connection's own queue while rows are sent.
    @discardableResult
    public func copy<Elements: Sequence & Sendable>(
        into table: String, columns: [String], from elements: Elements,
        write: @escaping @Sendable (Elements.Element, inout CopyRow) -> Void
    ) async throws -> Int {
        try await cancellable { ticket in
            try await session.copy(
                into: table, columns: columns, from: elements, loan: loan, deadline, ticket, write: write)
        }
    }
}
