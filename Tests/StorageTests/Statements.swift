import Foundation
import Storage

/// One value there and back: bound to a parameter of type `Kind.name`, read by the test.
protocol ColumnKind: Sendable {
    associatedtype Value: Sendable
    static var name: String { get }
    static func read(_ row: borrowing RowReader) throws(StorageError) -> Value
}

struct Echo<Kind: ColumnKind>: Statement {
    static var sql: String { "SELECT $1::\(Kind.name)" }
    let value: SQLValue
    var arguments: [SQLValue] { [value] }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> Kind.Value { try Kind.read(row) }
}

/// What the server itself writes for a value, as the judge of our encoding.
struct ServerText<Kind: ColumnKind>: Statement {
    static var sql: String { "SELECT $1::\(Kind.name)::text" }
    let value: SQLValue
    var arguments: [SQLValue] { [value] }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> String? { try row.optionalText(0) }
}

/// What our decoding makes of a literal that the server parsed.
struct Parsed<Kind: ColumnKind>: Statement {
    static var sql: String { "SELECT $1::text::\(Kind.name)" }
    let text: String
    var arguments: [SQLValue] { [.text(text)] }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> Kind.Value { try Kind.read(row) }
}

enum BigInt: ColumnKind {
    static let name = "bigint"
    static func read(_ row: borrowing RowReader) throws(StorageError) -> Int64? { try row.optionalInteger(0) }
}
enum Integer: ColumnKind {
    static let name = "integer"
    static func read(_ row: borrowing RowReader) throws(StorageError) -> Int64? { try row.optionalInteger(0) }
}
enum SmallInt: ColumnKind {
    static let name = "smallint"
    static func read(_ row: borrowing RowReader) throws(StorageError) -> Int64? { try row.optionalInteger(0) }
}
enum Boolean: ColumnKind {
    static let name = "boolean"
    static func read(_ row: borrowing RowReader) throws(StorageError) -> Bool? { try row.optionalBoolean(0) }
}
enum DoublePrecision: ColumnKind {
    static let name = "double precision"
    static func read(_ row: borrowing RowReader) throws(StorageError) -> Double? { try row.optionalDouble(0) }
}
enum PlainText: ColumnKind {
    static let name = "text"
    static func read(_ row: borrowing RowReader) throws(StorageError) -> String? { try row.optionalText(0) }
}
enum Bytea: ColumnKind {
    static let name = "bytea"
    static func read(_ row: borrowing RowReader) throws(StorageError) -> [UInt8]? { try row.optionalBytes(0) }
}
enum Unique: ColumnKind {
    static let name = "uuid"
    static func read(_ row: borrowing RowReader) throws(StorageError) -> UUID? { try row.optionalUUID(0) }
}
enum Moment: ColumnKind {
    static let name = "timestamptz"
    static func read(_ row: borrowing RowReader) throws(StorageError) -> Date? { try row.optionalDate(0) }
}
enum Span: ColumnKind {
    static let name = "interval"
    static func read(_ row: borrowing RowReader) throws(StorageError) -> Duration? { try row.optionalDuration(0) }
}
enum Decimal: ColumnKind {
    static let name = "numeric"
    static func read(_ row: borrowing RowReader) throws(StorageError) -> String? { try row.optionalNumeric(0) }
}
enum JSONB: ColumnKind {
    static let name = "jsonb"
    static func read(_ row: borrowing RowReader) throws(StorageError) -> String? { try row.optionalText(0) }
}
enum JSON: ColumnKind {
    static let name = "json"
    static func read(_ row: borrowing RowReader) throws(StorageError) -> String? { try row.optionalText(0) }
}
enum TextArray: ColumnKind {
    static let name = "text[]"
    static func read(_ row: borrowing RowReader) throws(StorageError) -> [String?] { try row.optionalTexts(0) }
}
enum BigIntArray: ColumnKind {
    static let name = "bigint[]"
    static func read(_ row: borrowing RowReader) throws(StorageError) -> [Int64] { try row.integers(0) }
}
