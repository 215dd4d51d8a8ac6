import Foundation

/// PostgreSQL's binary form of values, for parameters and `COPY`.
enum BinaryFormat {
    enum Outcome: Equatable {
        case encoded
        /// The value has no binary form for this type; nothing was appended.
        case unsupported
        /// The value cannot be stored in this type; nothing that was appended may be used.
        case refused(String)
    }

    /// Seconds from 2000-01-01, PostgreSQL's epoch, to 2001-01-01, Foundation's.
    private static let epochOffset: Double = 366 * 86_400

    /// Appends `value` as the type `oid` wants it.
    static func append(_ value: SQLValue, as oid: UInt32, to bytes: inout [UInt8]) -> Outcome {
        switch value {
        case .boolean(let flag) where oid == OID.boolean: bytes.append(flag ? 1 : 0)
        case .integer(let integer): return append(integer, as: oid, to: &bytes)
        case .double(let double) where oid == OID.float8: bytes.append(bigEndian: double.bitPattern)
        case .double(let double) where oid == OID.float4: bytes.append(bigEndian: Float(double).bitPattern)
        case .text(let text) where OID.isText(oid):
            return append(text, to: &bytes)
        case .json(let text) where oid == OID.json: return append(text, to: &bytes)
        case .json(let text) where oid == OID.jsonb:
            bytes.append(1)  // the version of jsonb's form
            return append(text, to: &bytes)
        case .bytes(let value) where oid == OID.bytea: bytes.append(contentsOf: value)
        case .uuid(let uuid) where oid == OID.uuid: withUnsafeBytes(of: uuid.uuid) { bytes.append(contentsOf: $0) }
        case .timestamp(let date) where oid == OID.timestamptz || oid == OID.timestamp:
            guard let microseconds = microseconds(of: date) else { return .refused("the time is out of range") }
            bytes.append(bigEndian: microseconds)
        case .duration(let duration) where oid == OID.interval:
            guard let microseconds = microseconds(of: duration) else { return .refused("the duration is out of range") }
            bytes.append(bigEndian: microseconds)
            bytes.append(bigEndian: Int32(0))  // days
            bytes.append(bigEndian: Int32(0))  // months
        case .numeric(let text) where oid == OID.numeric:
            guard Numeric.append(text, to: &bytes) else { return .refused("not a decimal number") }
        default:
            guard let element = OID.element(ofArray: oid), let elements = value.elements else { return .unsupported }
            return append(elements, of: element, to: &bytes)
        }
        return .encoded
    }

    private static func append(_ integer: Int64, as oid: UInt32, to bytes: inout [UInt8]) -> Outcome {
        switch oid {
        case OID.int8: bytes.append(bigEndian: integer)
        case OID.int4:
            guard let small = Int32(exactly: integer) else { return .refused("the number does not fit integer") }
            bytes.append(bigEndian: small)
        case OID.int2:
            guard let small = Int16(exactly: integer) else { return .refused("the number does not fit smallint") }
            bytes.append(bigEndian: small)
        case OID.numeric: _ = Numeric.append(String(integer), to: &bytes)
        case OID.float8: bytes.append(bigEndian: Double(integer).bitPattern)
        default: return .unsupported
        }
        return .encoded
    }

    private static func append(_ text: String, to bytes: inout [UInt8]) -> Outcome {
        let start = bytes.count
        bytes.append(contentsOf: text.utf8)
        return bytes[start...].contains(0) ? .refused(SQLValue.nulReason) : .encoded
    }

    /// Appends a one-dimensional array: its head, then each element behind its length.
    private static func append(_ elements: [SQLValue], of oid: UInt32, to bytes: inout [UInt8]) -> Outcome {
        guard let count = Int32(exactly: elements.count) else { return .refused("the array is too long") }
        let start = bytes.count
        bytes.append(bigEndian: Int32(count == 0 ? 0 : 1))  // dimensions
        bytes.append(bigEndian: Int32(1))  // NULLs are possible
        bytes.append(bigEndian: oid)
        guard count > 0 else { return .encoded }
        bytes.append(bigEndian: count)
        bytes.append(bigEndian: Int32(1))  // the first index
        for element in elements {
            let outcome = appendField(element, as: oid, to: &bytes)
            if outcome == .unsupported { bytes.removeSubrange(start...) }
            guard outcome == .encoded else { return outcome }
        }
        return .encoded
    }

    /// Appends `value` behind its length; NULL has the length -1.
    static func appendField(_ value: SQLValue, as oid: UInt32, to bytes: inout [UInt8]) -> Outcome {
        if case .null = value {
            bytes.append(bigEndian: Int32(-1))
            return .encoded
        }
        let start = bytes.count
        bytes.append(bigEndian: Int32(0))
        let outcome = append(value, as: oid, to: &bytes)
        guard outcome == .encoded else {
            bytes.removeSubrange(start...)
            return outcome
        }
        guard let length = Int32(exactly: bytes.count - start - 4) else { return .refused("the value is too long") }
        bytes.replace(at: start, bigEndian: length)
        return .encoded
    }

    /// Microseconds since 2000-01-01; nil outside what PostgreSQL stores, 4713 BC to 294276 AD.
    static func microseconds(of date: Date) -> Int64? {
        let seconds = date.timeIntervalSinceReferenceDate + epochOffset
        guard seconds > -211_813_488_000, seconds < 9_223_371_331_200 else { return nil }
        return Int64((seconds * 1_000_000).rounded())
    }

    /// The moment `microseconds` after 2000-01-01.
    static func date(microseconds: Int64) -> Date {
        let (seconds, rest) = microseconds.quotientAndRemainder(dividingBy: 1_000_000)
        return Date(timeIntervalSinceReferenceDate: Double(seconds) - epochOffset + Double(rest) / 1_000_000)
    }

    /// Whole microseconds in `duration`, rounded towards zero; nil where they exceed 64 bits.
    static func microseconds(of duration: Duration) -> Int64? {
        let (seconds, attoseconds) = duration.components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        let (sum, carry) = whole.addingReportingOverflow(attoseconds / 1_000_000_000_000)
        return overflow || carry ? nil : sum
    }
}

extension SQLValue {
    static let nulReason = "the text holds U+0000, which PostgreSQL cannot store"
}
