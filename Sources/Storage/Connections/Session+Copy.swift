import CPostgres

// Bulk loading with COPY … FROM STDIN in the binary format.
extension Session {
    /// What of an encoded copy is handed to libpq at a time.
    private static let chunk = 1 << 17

    func copy(
        into table: String, columns: [String], count: Int, loan: UInt64,
        _ deadline: ContinuousClock.Instant, _ ticket: CancelTicket, write: (Int, inout CopyRow) -> Void
    ) async throws(StorageError) -> Int {
        try await open(loan: loan, until: deadline)
        return try interruptibly(ticket, losesWork: true) { () throws(StorageError) in
            try copy(into: table, columns: columns, count: count, ticket, write: write)
        }
    }

    private func copy(
        into table: String, columns: [String], count: Int, _ ticket: CancelTicket,
        write: (Int, inout CopyRow) -> Void
    ) throws(StorageError) -> Int {
        let target = table.split(separator: ".").map { DatabaseConfiguration.quoted(String($0)) }.joined(separator: ".")
        let names = columns.map(DatabaseConfiguration.quoted).joined(separator: ", ")
        let types = try columnTypes(of: "SELECT \(names) FROM \(target)")
        try beginNow()
        isWorkOut = true
        try startCopy("COPY \(target) (\(names)) FROM STDIN (FORMAT binary)")
        do throws(StorageError) {
            try put(count, types: types, ticket, write: write)
        } catch {
            abortCopy()
            throw error
        }
        return try finish(endCopy(nil)).affected
    }

    private func put(
        _ count: Int, types: [UInt32], _ ticket: CancelTicket, write: (Int, inout CopyRow) -> Void
    ) throws(StorageError) {
        var head = Array("PGCOPY\n".utf8) + [0xff, 0x0d, 0x0a, 0]
        head.append(bigEndian: Int64(0))  // flags, and the length of an extension that there is not
        var row = CopyRow(types: types, head: head, capacity: Self.chunk + 4096)
        for place in 0..<count {
            row.beginRow()
            write(place, &row)
            try row.endRow()
            guard row.buffer.count >= Self.chunk else { continue }
            guard !ticket.isCancelled else { throw .cancelled }
            try putChunk(row.buffer)
            row.buffer.removeAll(keepingCapacity: true)
        }
        row.buffer.append(bigEndian: Int16(-1))
        try putChunk(row.buffer)
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
