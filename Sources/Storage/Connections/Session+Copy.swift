import CPostgres

// Bulk loading with COPY … FROM STDIN in the binary format.
extension Session {
    /// What of an encoded copy is handed to libpq at a time.
    private static let chunk = 1 << 17

    func copy(
        into table: String, columns: [String], rows: some Sequence<[SQLValue]>, loan: UInt64,
        _ deadline: ContinuousClock.Instant, _ ticket: CancelTicket
    ) async throws(StorageError) -> Int {
        try await open(loan: loan, until: deadline)
        return try interruptibly(ticket, losesWork: true) { () throws(StorageError) in
            try copy(into: table, columns: columns, rows: rows, ticket)
        }
    }

    private func copy(
        into table: String, columns: [String], rows: some Sequence<[SQLValue]>, _ ticket: CancelTicket
    ) throws(StorageError) -> Int {
        let target = table.split(separator: ".").map { DatabaseConfiguration.quoted(String($0)) }.joined(separator: ".")
        let names = columns.map(DatabaseConfiguration.quoted).joined(separator: ", ")
        let types = try columnTypes(of: "SELECT \(names) FROM \(target)")
        try beginNow()
        isWorkOut = true
        try startCopy("COPY \(target) (\(names)) FROM STDIN (FORMAT binary)")
        do throws(StorageError) {
            try put(rows, types: types, ticket)
        } catch {
            abortCopy()
            throw error
        }
        return try finish(endCopy(nil)).affected
    }

    private func put(
        _ rows: some Sequence<[SQLValue]>, types: [UInt32], _ ticket: CancelTicket
    ) throws(StorageError) {
        var buffer = Array("PGCOPY\n".utf8) + [0xff, 0x0d, 0x0a, 0]
        buffer.append(bigEndian: Int64(0))  // flags, and the length of an extension that there is not
        buffer.reserveCapacity(Self.chunk + 4096)
        for row in rows {
            guard row.count == types.count else {
                throw .invalidArgument(
                    position: row.count + 1, reason: "the copy has \(types.count) columns, not \(row.count)")
            }
            buffer.append(bigEndian: Int16(truncatingIfNeeded: types.count))
            for (index, value) in row.enumerated() {
                switch BinaryFormat.appendField(value, as: types[index], to: &buffer) {
                case .encoded: break
                case .refused(let reason): throw .invalidArgument(position: index + 1, reason: reason)
                case .unsupported:
                    throw .invalidArgument(position: index + 1, reason: "the column's type takes no such value")
                }
            }
            guard buffer.count >= Self.chunk else { continue }
            guard !ticket.isCancelled else { throw .cancelled }
            try putChunk(buffer)
            buffer.removeAll(keepingCapacity: true)
        }
        buffer.append(bigEndian: Int16(-1))
        try putChunk(buffer)
    }

    /// Ends a copy whose rows cannot be encoded: the server drops what it got.
    private func abortCopy() {
        guard isConnected else { return }
        do throws(StorageError) { _ = try finish(endCopy("a row was refused")) } catch {}
    }

    /// Puts the server into the state in which it takes rows.
    private func startCopy(_ command: String) throws(StorageError) {
        let isReady = try finish(raw.map { PQsendQuery($0, command) } ?? 0).isCopy
        guard isReady else { throw .queryFailed(sqlState: "08P01", message: "the server does not take rows") }
    }

    /// Hands rows over and waits until the socket has taken them, so that memory stays bounded.
    private func putChunk(_ bytes: [UInt8]) throws(StorageError) {
        let taken = bytes.withUnsafeBytes { buffer in
            raw.map { PQputCopyData($0, buffer.bindMemory(to: CChar.self).baseAddress, Int32(buffer.count)) } ?? -1
        }
        try guarded { () throws(StorageError) in
            guard taken == 1 else { throw broken }
            try link?.flush(until: deadline)
        }
    }

    /// Ends the rows, with the reason why they are void if they are.
    private func endCopy(_ reason: String?) -> Int32 { raw.map { PQputCopyEnd($0, reason) } ?? 0 }
}
