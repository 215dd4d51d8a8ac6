public import Ethereum
public import Foundation

/// A bound value.
///
/// PostgreSQL decides each parameter's type from the statement, and the value is written for that type: `.integer` goes
/// to `smallint` as well as to `numeric`. What does not fit throws `StorageError.invalidArgument`, as does text that
/// holds U+0000, which PostgreSQL cannot store. The plural cases are arrays, for `unnest` and `= ANY`.
public enum SQLValue: Sendable {
    case null
    case boolean(Bool)
    case integer(Int64)
    case double(Double)
    case text(String)
    case bytes([UInt8])
    case uuid(UUID)
    /// Kept to the microsecond.
    case timestamp(Date)
    /// An `interval`, kept to the microsecond.
    case duration(Duration)
    /// Decimal digits with an optional sign and fraction, at most 1,000 characters.
    case numeric(String)
    /// A JSON text for `json` or `jsonb`.
    case json(String)

    case booleans([Bool])
    case integers([Int64])
    case optionalIntegers([Int64?])
    case doubles([Double])
    case texts([String])
    case optionalTexts([String?])
    case byteStrings([[UInt8]])
    case optionalByteStrings([[UInt8]?])
    case uuids([UUID])
    case optionalUUIDs([UUID?])
    case timestamps([Date?])
    case durations([Duration?])
    case numerics([String?])
    case jsons([String?])

    /// `value` for a `numeric` column.
    public static func uint256(_ value: UInt256) -> SQLValue { .numeric(value.description) }
    /// `value` for a `numeric` column.
    public static func int256(_ value: Int256) -> SQLValue { .numeric(value.description) }
    /// The 32 bytes of `value`.
    public static func hash(_ value: Hash) -> SQLValue { .bytes(value.bytes) }
    /// The 20 bytes of `value`.
    public static func address(_ value: Address) -> SQLValue { .bytes(value.bytes) }

    /// `value`, or NULL.
    public static func optional(_ value: Int64?) -> SQLValue { value.map(SQLValue.integer) ?? .null }
    /// `value`, or NULL.
    public static func optional(_ value: String?) -> SQLValue { value.map(SQLValue.text) ?? .null }
    /// `value`, or NULL.
    public static func optional(_ value: [UInt8]?) -> SQLValue { value.map(SQLValue.bytes) ?? .null }
    /// `value`, or NULL.
    public static func optional(_ value: UUID?) -> SQLValue { value.map(SQLValue.uuid) ?? .null }
    /// `value`, or NULL.
    public static func optional(_ value: Date?) -> SQLValue { value.map(SQLValue.timestamp) ?? .null }
    /// `value`, or NULL.
    public static func optional(_ value: Bool?) -> SQLValue { value.map(SQLValue.boolean) ?? .null }
}

extension SQLValue {
    /// The elements of an array; nil for a single value.
    var elements: [SQLValue]? {
        switch self {
        case .null, .boolean, .integer, .double, .text, .bytes, .uuid, .timestamp, .duration, .numeric, .json: nil
        case .booleans(let values): values.map(SQLValue.boolean)
        case .integers(let values): values.map(SQLValue.integer)
        case .optionalIntegers(let values): values.map { $0.map(SQLValue.integer) ?? .null }
        case .doubles(let values): values.map(SQLValue.double)
        case .texts(let values): values.map(SQLValue.text)
        case .optionalTexts(let values): values.map { $0.map(SQLValue.text) ?? .null }
        case .byteStrings(let values): values.map(SQLValue.bytes)
        case .optionalByteStrings(let values): values.map { $0.map(SQLValue.bytes) ?? .null }
        case .uuids(let values): values.map(SQLValue.uuid)
        case .optionalUUIDs(let values): values.map { $0.map(SQLValue.uuid) ?? .null }
        case .timestamps(let values): values.map { $0.map(SQLValue.timestamp) ?? .null }
        case .durations(let values): values.map { $0.map(SQLValue.duration) ?? .null }
        case .numerics(let values): values.map { $0.map(SQLValue.numeric) ?? .null }
        case .jsons(let values): values.map { $0.map(SQLValue.json) ?? .null }
        }
    }
}
