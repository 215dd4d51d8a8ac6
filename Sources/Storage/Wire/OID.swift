/// The numbers of PostgreSQL's own types, fixed in its catalogue.
///
/// - SeeAlso: PostgreSQL, `pg_type.dat`.
enum OID {
    static let boolean: UInt32 = 16
    static let bytea: UInt32 = 17
    static let char: UInt32 = 18
    static let name: UInt32 = 19
    static let int8: UInt32 = 20
    static let int2: UInt32 = 21
    static let int4: UInt32 = 23
    static let text: UInt32 = 25
    static let oid: UInt32 = 26
    static let json: UInt32 = 114
    static let float4: UInt32 = 700
    static let float8: UInt32 = 701
    static let unknown: UInt32 = 705
    static let bpchar: UInt32 = 1042
    static let varchar: UInt32 = 1043
    static let date: UInt32 = 1082
    static let timestamp: UInt32 = 1114
    static let timestamptz: UInt32 = 1184
    static let interval: UInt32 = 1186
    static let numeric: UInt32 = 1700
    static let uuid: UInt32 = 2950
    static let jsonb: UInt32 = 3802
    static let xid8: UInt32 = 5069
    /// The first number that types made by users get; enumerations among them are sent as text.
    static let firstUserDefined: UInt32 = 16384

    /// The element type of the array type `oid`; nil for every other type.
    static func element(ofArray oid: UInt32) -> UInt32? {
        switch oid {
        case 1000: boolean
        case 1001: bytea
        case 1003: name
        case 1005: int2
        case 1007: int4
        case 1009: text
        case 1014: bpchar
        case 1015: varchar
        case 1016: int8
        case 1021: float4
        case 1022: float8
        case 1028: self.oid
        case 1115: timestamp
        case 1182: date
        case 1185: timestamptz
        case 1187: interval
        case 1231: numeric
        case 199: json
        case 2951: uuid
        case 3807: jsonb
        default: nil
        }
    }

    /// Whether the binary form of the type is its UTF-8 text.
    static func isText(_ oid: UInt32) -> Bool {
        switch oid {
        case text, varchar, bpchar, name, unknown, json, char: true
        default: false
        }
    }
}
