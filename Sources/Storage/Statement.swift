/// An SQL statement as a type: its text, its arguments and its rows in one place.
///
/// Each connection prepares a type's text once. Values are always bound, never spliced into the text.
public protocol Statement: Sendable {
    /// What one row becomes; `Void` where the statement returns none.
    associatedtype Row: Sendable = Void
    /// One SQL command, with `$1`… for the arguments.
    static var sql: String { get }
    /// A value for each of `$1`…, in order.
    var arguments: [SQLValue] { get }
    /// The row that `row` holds.
    func decode(_ row: borrowing RowReader) throws(StorageError) -> Row
}

extension Statement {
    /// No arguments.
    public var arguments: [SQLValue] { [] }
}

extension Statement where Row == Void {
    /// Nothing; what the row holds is not looked at.
    public func decode(_ row: borrowing RowReader) throws(StorageError) {}
}
