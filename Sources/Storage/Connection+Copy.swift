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
        try await cancellable { ticket in
            try await session.copy(into: table, columns: columns, rows: rows, loan: loan, deadline, ticket)
        }
    }

    /// Loads a row for each of `elements` into `table`, as `copy(into:columns:rows:)` does.
    ///
    /// - Parameter row: the values of an element's row; called on the connection's own queue while rows are sent.
    @discardableResult
    public func copy<Elements: Sequence & Sendable>(
        into table: String, columns: [String], from elements: Elements,
        row: @escaping @Sendable (Elements.Element) -> [SQLValue]
    ) async throws -> Int {
        try await copy(into: table, columns: columns, rows: MappedRows(elements: elements, row: row))
    }
}

/// The rows of elements, made one by one.
private struct MappedRows<Elements: Sequence & Sendable>: Sequence, Sendable {
    struct Iterator: IteratorProtocol {
        var elements: Elements.Iterator
        let row: @Sendable (Elements.Element) -> [SQLValue]

        mutating func next() -> [SQLValue]? { elements.next().map(row) }
    }

    let elements: Elements
    let row: @Sendable (Elements.Element) -> [SQLValue]

    func makeIterator() -> Iterator { Iterator(elements: elements.makeIterator(), row: row) }
}
