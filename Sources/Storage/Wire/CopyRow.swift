public import Domain
public import Ethereum

/// The fields of one row of a copy, written one after the other in the order of the columns.
///
/// What does not fit its column fails the whole copy with `StorageError.invalidArgument`.
public struct CopyRow {
    private let types: [UInt32]
    /// The encoded rows that were not sent yet.
    var buffer: [UInt8]
    private var column = 0
    private var failure: StorageError?

    init(types: [UInt32], head: [UInt8], capacity: Int) {
        self.types = types
        buffer = head
        buffer.reserveCapacity(capacity)
    }

    /// Writes `value` into a `bigint`, `integer` or `smallint`.
    public mutating func integer(_ value: Int64) {
        switch type {
        case OID.int8:
            buffer.append(bigEndian: Int32(8))
            buffer.append(bigEndian: value)
            column += 1
        default: field(.integer(value))
        }
    }

    /// Writes `value` into any column that takes it.
    public mutating func field(_ value: SQLValue) {
        defer { column += 1 }
        guard failure == nil, column < types.count else { return }
        switch BinaryFormat.appendField(value, as: types[column], to: &buffer) {
        case .encoded: break
        case .refused(let reason): fail(reason)
        case .unsupported: fail("the column's type takes no such value")
        }
    }

    /// Writes NULL.
    public mutating func null() { field(.null) }

    /// Writes text into a `text`.
    public mutating func text(_ value: String?) {
        guard let value else { return null() }
        guard OID.isText(type) else { return field(.text(value)) }
        let utf8 = value.utf8
        guard !utf8.contains(0) else {
            fail(SQLValue.nulReason)
            return
        }
        buffer.append(bigEndian: Int32(truncatingIfNeeded: utf8.count))
        buffer.append(contentsOf: utf8)
        column += 1
    }

    /// Writes `value` into a `bytea`.
    public mutating func bytes(_ value: [UInt8]) {
        guard beginBytes(value.count) else { return }
        buffer.append(contentsOf: value)
    }

    /// Writes the 32 bytes of `value` into a `bytea`.
    public mutating func hash(_ value: Hash) {
        guard beginBytes(32) else { return }
        buffer.append(value)
    }

    /// Writes the bytes of all `values`, one after the other, into a `bytea`.
    public mutating func hashes(_ values: Topics) {
        guard beginBytes(32 * values.count) else { return }
        for value in values { buffer.append(value) }
    }

    /// Writes the 20 bytes of `value` into a `bytea`.
    public mutating func address(_ value: Address?) {
        guard let value else { return null() }
        guard beginBytes(20) else { return }
        buffer.append(value)
    }

    /// Writes `value` into a `numeric`.
    public mutating func uint256(_ value: UInt256?) {
        guard let value else { return null() }
        guard let small = value.uint64, type == OID.numeric else { return field(.numeric(value.description)) }
        Numeric.appendField(small, to: &buffer)
        column += 1
    }

    // MARK: The session's side

    mutating func beginRow() {
        buffer.append(bigEndian: Int16(truncatingIfNeeded: types.count))
        column = 0
    }

    func endRow() throws(StorageError) {
        if let failure { throw failure }
        guard column == types.count else {
            throw .invalidArgument(
                position: column + 1, reason: "the copy has \(types.count) columns, not \(column)")
        }
    }

    // MARK: Details

    private var type: UInt32 { column < types.count ? types[column] : 0 }

    private mutating func fail(_ reason: String) {
        if failure == nil { failure = .invalidArgument(position: column + 1, reason: reason) }
    }

    /// Begins a field of `count` bytes; false where the column takes none.
    private mutating func beginBytes(_ count: Int) -> Bool {
        guard type == OID.bytea, let length = Int32(exactly: count) else {
            fail("the column's type takes no such value")
            column += 1
            return false
        }
        buffer.append(bigEndian: length)
        column += 1
        return true
    }
}
