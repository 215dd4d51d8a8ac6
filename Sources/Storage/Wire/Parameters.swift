/// The arguments of one execution in the form that libpq takes: one buffer, and where each value lies in it.
struct Parameters {
    private var bytes: [UInt8] = []
    private var offsets: [Int?] = []
    private var lengths: [Int32] = []
    private var formats: [Int32] = []

    /// Writes `values` for parameters of the types `oids`.
    ///
    /// - Throws: `StorageError.invalidArgument` for a wrong number of values or one that its parameter cannot take.
    init(_ values: [SQLValue], as oids: [UInt32]) throws(StorageError) {
        guard values.count == oids.count else {
            throw .invalidArgument(
                position: values.count + 1, reason: "the statement takes \(oids.count) arguments, not \(values.count)")
        }
        for (index, value) in values.enumerated() {
            if let reason = append(value, as: oids[index]) {
                throw .invalidArgument(position: index + 1, reason: reason)
            }
        }
    }

    /// Appends one value; the reason if it is refused.
    private mutating func append(_ value: SQLValue, as oid: UInt32) -> String? {
        if case .null = value {
            offsets.append(nil)
            lengths.append(0)
            formats.append(1)
            return nil
        }
        let start = bytes.count
        switch BinaryFormat.append(value, as: oid, to: &bytes) {
        case .encoded: formats.append(1)
        case .refused(let reason): return reason
        case .unsupported:
            guard let text = TextFormat.text(value) else { return "the parameter's type takes no such value" }
            guard !text.utf8.contains(0) else { return SQLValue.nulReason }
            bytes.append(contentsOf: text.utf8)
            formats.append(0)
        }
        offsets.append(start)
        lengths.append(Int32(clamping: bytes.count - start))
        bytes.append(0)  // libpq reads textual values up to a zero byte
        return nil
    }

    /// Calls `body` with the number of values and pointers to their places, lengths and formats.
    func withPointers<Result>(
        _ body: (
            Int32, UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<Int32>?, UnsafePointer<Int32>?
        ) -> Result
    ) -> Result {
        bytes.withUnsafeBytes { buffer in
            let base = buffer.bindMemory(to: CChar.self).baseAddress
            let pointers = offsets.map { offset in offset.flatMap { offset in base.map { $0 + offset } } }
            return pointers.withUnsafeBufferPointer { places in
                lengths.withUnsafeBufferPointer { lengths in
                    formats.withUnsafeBufferPointer { formats in
                        body(Int32(offsets.count), places.baseAddress, lengths.baseAddress, formats.baseAddress)
                    }
                }
            }
        }
    }
}
