import Ethereum
import Foundation

/// What a column's bytes mean; nil where the type is another or the bytes are malformed.
extension Field {
    var integer: Int64? {
        switch oid {
        case OID.int8: bytes.count == 8 ? bytes.bigEndian(Int64.self) : nil
        case OID.int4: bytes.count == 4 ? bytes.bigEndian(Int32.self).map(Int64.init) : nil
        case OID.int2: bytes.count == 2 ? bytes.bigEndian(Int16.self).map(Int64.init) : nil
        case OID.xid8: bytes.count == 8 ? bytes.bigEndian(UInt64.self).flatMap { Int64(exactly: $0) } : nil
        case OID.oid: bytes.count == 4 ? bytes.bigEndian(UInt32.self).map(Int64.init) : nil
        default: nil
        }
    }

    var boolean: Bool? { oid == OID.boolean && bytes.count == 1 ? bytes[0] != 0 : nil }

    var double: Double? {
        switch oid {
        case OID.float8: bytes.bigEndian(UInt64.self).map(Double.init(bitPattern:))
        case OID.float4: bytes.bigEndian(UInt32.self).map { Double(Float(bitPattern: $0)) }
        default: nil
        }
    }

    var text: String? {
        if OID.isText(oid) || oid >= OID.firstUserDefined { return String(validating: bytes, as: UTF8.self) }
        guard oid == OID.jsonb, bytes.first == 1 else { return nil }
        return String(validating: bytes.dropFirst(), as: UTF8.self)
    }

    var byteString: [UInt8]? { oid == OID.bytea ? Array(bytes) : nil }

    var uuid: UUID? {
        guard oid == OID.uuid, bytes.count == 16 else { return nil }
        return UUID(uuid: bytes.loadUnaligned(as: uuid_t.self))
    }

    var date: Date? {
        switch oid {
        case OID.timestamptz, OID.timestamp: bytes.bigEndian(Int64.self).map(BinaryFormat.date(microseconds:))
        case OID.date:
            bytes.bigEndian(Int32.self).map { BinaryFormat.date(microseconds: Int64($0) * 86_400_000_000) }
        default: nil
        }
    }

    /// An interval without months; a day counts as 24 hours.
    var duration: Duration? {
        guard oid == OID.interval, bytes.count == 16, let microseconds = bytes.bigEndian(Int64.self),
            let days = bytes.bigEndian(Int32.self, at: 8), bytes.bigEndian(Int32.self, at: 12) == 0
        else { return nil }
        return .microseconds(microseconds) + .seconds(Int64(days) * 86_400)
    }

    var numeric: String? { oid == OID.numeric ? Numeric.text(bytes) : integer.map { String($0) } }

    var uint256: UInt256? {
        guard let (isNegative, magnitude) = whole, !isNegative else { return nil }
        return magnitude
    }

    var int256: Int256? { whole.flatMap { Int256(isNegative: $0.isNegative, magnitude: $0.magnitude) } }

    private var whole: (isNegative: Bool, magnitude: UInt256)? {
        if oid == OID.numeric { return Numeric.whole(bytes) }
        return integer.map { ($0 < 0, UInt256($0.magnitude)) }
    }

    /// The elements of a one-dimensional array, NULL ones as nil.
    func elements<Value>(_ decode: (Field) -> Value?) -> [Value?]? {
        guard let expected = OID.element(ofArray: oid), let dimensions = bytes.bigEndian(Int32.self) else { return nil }
        if dimensions == 0 { return [] }
        guard dimensions == 1, bytes.bigEndian(UInt32.self, at: 8) == expected,
            let count = bytes.bigEndian(Int32.self, at: 12), count >= 0, Int(count) <= bytes.count / 4
        else { return nil }
        var values: [Value?] = []
        values.reserveCapacity(Int(count))
        var offset = 20
        for _ in 0..<count {
            guard let length = bytes.bigEndian(Int32.self, at: offset) else { return nil }
            offset += 4
            if length == -1 {
                values.append(nil)
                continue
            }
            guard length >= 0, Int(length) <= bytes.count - offset else { return nil }
            let element = UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + Int(length))])
            guard let value = decode(Field(oid: expected, bytes: element)) else { return nil }
            values.append(value)
            offset += Int(length)
        }
        return values
    }
}
