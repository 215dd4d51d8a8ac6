/// A value of an ``ABIType``.
public enum ABIValue: Hashable, Sendable {
    case uint(UInt256)
    case int(Int256)
    case address(Address)
    case bool(Bool)
    /// `bytes1` … `bytes32`.
    case fixedBytes([UInt8])
    case bytes([UInt8])
    case string(String)
    /// The elements of an array, fixed or not.
    case array([ABIValue])
    case tuple([ABIValue])

    /// The unsigned integer `value`.
    public static func uint(_ value: UInt64) -> ABIValue { .uint(UInt256(value)) }

    /// The `bytes32` that `word` is.
    public static func word(_ word: Hash) -> ABIValue { .fixedBytes(word.bytes) }

    /// The unsigned integer; nil for a value of another kind.
    public var uint: UInt256? { if case .uint(let value) = self { value } else { nil } }
    /// The signed integer; nil for a value of another kind.
    public var int: Int256? { if case .int(let value) = self { value } else { nil } }
    /// The address; nil for a value of another kind.
    public var address: Address? { if case .address(let value) = self { value } else { nil } }
    /// The flag; nil for a value of another kind.
    public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    /// The text; nil for a value of another kind.
    public var string: String? { if case .string(let value) = self { value } else { nil } }
    /// The bytes, fixed or not; nil for a value of another kind.
    public var bytes: [UInt8]? {
        switch self {
        case .bytes(let value), .fixedBytes(let value): value
        default: nil
        }
    }
    /// The elements of an array or components of a tuple; nil for a value of another kind.
    public var elements: [ABIValue]? {
        switch self {
        case .array(let values), .tuple(let values): values
        default: nil
        }
    }
}

extension ABIValue: CustomStringConvertible {
    /// Integers in decimal, addresses with their checksum, bytes in hexadecimal, text as it is.
    public var description: String {
        switch self {
        case .uint(let value): value.description
        case .int(let value): value.description
        case .address(let value): value.description
        case .bool(let value): value.description
        case .fixedBytes(let value), .bytes(let value): Hex.encode(value)
        case .string(let value): value
        case .array(let values): "[\(values.map(\.description).joined(separator: ", "))]"
        case .tuple(let values): "(\(values.map(\.description).joined(separator: ", ")))"
        }
    }
}
