import CPostgres
import Synchronization

// Single statements, prepared once in the life of the link.
extension Session {
    /// Runs `statement` and decodes its rows.
    func rows<S: Statement>(_ statement: S, ticket: CancelTicket) throws(StorageError) -> [S.Row] {
        try run(statement, ticket: ticket) { result throws(StorageError) in try rows(of: statement, in: result) }
    }

    /// Decodes the rows of `result`.
    func rows<S: Statement>(
        of statement: S, in result: borrowing QueryResult
    ) throws(StorageError) -> [S.Row] {
        var rows: [S.Row] = []
        rows.reserveCapacity(Int(result.rowCount))
        for row in 0..<result.rowCount {
            rows.append(try statement.decode(RowReader(result: result.raw, row: row)))
        }
        return rows
    }

    /// Runs `statement` for its effect: how many rows it touched.
    func execute<S: Statement>(_ statement: S, ticket: CancelTicket) throws(StorageError) -> Int {
        try run(statement, ticket: ticket) { result throws(StorageError) in result.affected }
    }

    private func run<S: Statement, Output>(
        _ statement: S, ticket: CancelTicket,
        _ read: (borrowing QueryResult) throws(StorageError) -> Output
    ) throws(StorageError) -> Output {
        try interruptibly(ticket, losesWork: !S.sql.isReadOnly) { () throws(StorageError) in
            let begin = pendingBegin
            do throws(StorageError) {
                let result = try send(statement)
                return try read(result)
            } catch {
                // The schema changed under the prepared statement, or another session of a proxy answers. Trying again
                // needs that nothing else happened in the transaction.
                guard isStale(error) else { throw error }
                if begin != nil { rollback() }
                forgetStatements()
                guard isConnected, !isInTransaction else { throw error }
                pendingBegin = begin
                let result = try send(statement)
                return try read(result)
            }
        }
    }

    private func send<S: Statement>(_ statement: S) throws(StorageError) -> QueryResult {
        let prepared = try prepare(S.self)
        if prepared.takesLocks { mayHoldLocks.store(true, ordering: .relaxed) }
        let parameters = try Parameters(statement.arguments, as: prepared.parameterTypes)
        isWorkOut = true
        let result: QueryResult
        if let begin = pendingBegin {
            pendingBegin = nil
            result = try checked(
                guarded { () throws(StorageError) in try self.begin(with: begin, prepared.name, parameters) })
        } else {
            result = try finish(put(prepared.name, parameters))
        }
        guard !result.isCopy else {
            close()  // the server waits for rows that nobody will send
            throw .queryFailed(sqlState: "0A000", message: "COPY runs through copy(into:columns:rows:)")
        }
        return result
    }

    /// Gives a prepared statement to libpq; 1 if it took it.
    func put(_ name: String, _ parameters: borrowing Parameters) -> Int32 {
        parameters.withPointers { count, places, lengths, formats in
            raw.map { PQsendQueryPrepared($0, name, count, places, lengths, formats, 1) } ?? 0
        }
    }

    /// Sends `command`, which begins a transaction, and a statement in one round trip: the statement's result.
    private func begin(
        with command: String, _ name: String, _ parameters: borrowing Parameters
    ) throws(StorageError) -> QueryResult {
        guard let raw, PQenterPipelineMode(raw) == 1, PQsendQueryParams(raw, command, 0, nil, nil, nil, nil, 1) == 1,
            put(name, parameters) == 1, PQpipelineSync(raw) == 1
        else { throw broken }
        guard let begun = try link?.result(until: deadline), let result = try link?.result(until: deadline) else {
            throw broken
        }
        try endPipeline()
        if let error = begun.error { throw error }
        return result
    }

    /// Whether a failure means that the prepared statement is no longer what the server has under its name.
    func isStale(_ error: StorageError) -> Bool {
        guard case .queryFailed(let sqlState, let message) = error else { return false }
        return StorageError.isStale(sqlState: sqlState, message: message)
    }

    /// Has every statement parsed anew, under a new name.
    func forgetStatements() {
        prepared = [:]
        do throws(StorageError) {
            if isConnected, !isInTransaction { _ = try command("DEALLOCATE ALL") }
        } catch {}
    }

    /// What the server knows of `type`'s text, which it parses at first use.
    func prepare<S: Statement>(_ type: S.Type) throws(StorageError) -> Prepared {
        if let known = prepared[ObjectIdentifier(type)] { return known }
        preparedCount += 1
        let name = "s\(preparedCount)"
        guard !S.sql.utf8.contains(0) else { throw .queryFailed(sqlState: "42601", message: "the text holds U+0000") }
        let statement = try describe(name, S.sql)
        prepared[ObjectIdentifier(type)] = statement
        return statement
    }

    private func describe(_ name: String, _ sql: String) throws(StorageError) -> Prepared {
        _ = try finish(raw.map { PQsendPrepare($0, name, sql, 0, nil) } ?? 0)
        let description = try finish(raw.map { PQsendDescribePrepared($0, name) } ?? 0)
        return Prepared(
            name: name, parameterTypes: description.parameterTypes, columnTypes: description.columnTypes,
            takesLocks: sql.contains("pg_advisory_lock") || sql.contains("pg_try_advisory_lock"))
    }

    /// The types of the columns that `sql` selects, asked for once in the life of the link.
    func columnTypes(of sql: String) throws(StorageError) -> [UInt32] {
        if let known = knownColumnTypes[sql] { return known }
        let types = try describe("", sql).columnTypes
        knownColumnTypes[sql] = types
        return types
    }

    /// Runs text without arguments, several commands if need be, in one transaction unless it says otherwise.
    func script(_ text: String, ticket: CancelTicket) throws(StorageError) {
        try interruptibly(ticket, losesWork: true) { () throws(StorageError) in
            try beginNow()
            isWorkOut = true
            _ = try command(text)
        }
    }

    /// Runs text without arguments and without regard to cancellation: the name of the last command that was done.
    func command(_ text: String) throws(StorageError) -> String {
        guard !text.utf8.contains(0) else { throw .queryFailed(sqlState: "42601", message: "the text holds U+0000") }
        return try finish(raw.map { PQsendQuery($0, text) } ?? 0).command
    }
}

extension String {
    /// Whether the statement begins as one that changes nothing; only such a one may be lost without a trace.
    var isReadOnly: Bool {
        let word = drop { $0.isWhitespace }.prefix { $0.isLetter }.uppercased()
        return word == "SELECT" || word == "SHOW" || word == "VALUES" || word == "TABLE"
    }
}
