import CPostgres

/// One row of a result, read by column number from 0.
///
/// Valid inside `Statement.decode` only. Every method throws `StorageError.decoding` where the column is missing, is of
/// another type, or is NULL and the method is not an `optional…` one.
public struct RowReader: ~Copyable {
    private let result: OpaquePointer
    private let row: Int32

    /// A view of the row `row` of `result`, which must outlive it.
    init(result: OpaquePointer, row: Int32) {
        self.result = result
        self.row = row
    }

    /// How many columns the row has.
    public var columnCount: Int { Int(PQnfields(result)) }

    /// Whether the column is NULL.
    public func isNull(_ column: Int) -> Bool { PQgetisnull(result, row, Int32(clamping: column)) != 0 }

    /// The column's bytes; nil for NULL.
    func field(_ column: Int, _ expected: String) throws(StorageError) -> Field? {
        guard column >= 0, column < columnCount else { throw failure(column, expected) }
        let number = Int32(column)
        guard PQgetisnull(result, row, number) == 0 else { return nil }
        let start = UnsafeRawPointer(PQgetvalue(result, row, number))
        let bytes = UnsafeRawBufferPointer(start: start, count: Int(PQgetlength(result, row, number)))
        return Field(oid: PQftype(result, number), bytes: bytes)
    }

    /// Decodes one column with `decode`, which answers nil for what it does not understand.
    func optional<Value>(
        _ column: Int, _ expected: String, _ decode: (Field) -> Value?
    ) throws(StorageError) -> Value? {
        guard let field = try field(column, expected) else { return nil }
        guard let value = decode(field) else { throw failure(column, expected) }
        return value
    }

    /// As `optional`, with NULL refused.
    func required<Value>(
        _ column: Int, _ expected: String, _ decode: (Field) -> Value?
    ) throws(StorageError) -> Value {
        guard let value = try optional(column, expected, decode) else { throw failure(column, expected) }
        return value
    }

    /// The error that a column is not what was expected of it.
    ///
    /// For checks of a statement's own, an identifier's range for one.
    public func failure(_ column: Int, _ expected: String) -> StorageError {
        let name = PQfname(result, Int32(clamping: column)).map { " (\(String(cString: $0)))" } ?? ""
        return .decoding(column: "\(column)\(name)", expected: expected)
    }
}

/// A column's value in binary form, and its type.
struct Field {
    let oid: UInt32
    let bytes: UnsafeRawBufferPointer
}
