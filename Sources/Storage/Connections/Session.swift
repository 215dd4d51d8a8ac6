import CPostgres
import Dispatch
import Logging
import Synchronization

/// One place of the pool: a connection that is opened when first needed and again after it broke.
///
/// Its executor is a queue of its own, so libpq may block there. A statement is a synchronous step, so concurrent
/// callers never interleave on the wire.
actor Session {
    nonisolated let executor: QueueExecutor
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// The number of the current loan from the pool; what an earlier borrower still holds is refused by it.
    private nonisolated let currentLoan = Atomic<UInt64>(1)

    private let configuration: DatabaseConfiguration
    private let health: ServerHealth
    private(set) var link: Link?
    private var cancelKey: CancelKey?
    private var prepared: [ObjectIdentifier: Prepared] = [:]
    private var preparedCount = 0
    private var knownColumnTypes: [String: [UInt32]] = [:]
    /// Whether a statement of this loan took an advisory lock that outlives transactions.
    var mayHoldLocks = false
    /// The loan that the link was last looked at for.
    private var checkedLoan: UInt64 = 0

    /// A statement that the server has parsed.
    struct Prepared {
        let name: String
        let parameterTypes: [UInt32]
        let columnTypes: [UInt32]
        /// Whether it takes advisory locks that outlive the transaction.
        let takesLocks: Bool
    }

    init(configuration: DatabaseConfiguration, health: ServerHealth, number: Int) {
        self.configuration = configuration
        self.health = health
        executor = QueueExecutor(label: "tocsin.storage.connection.\(number)")
    }

    isolated deinit { link = nil }

    // MARK: Opening

    nonisolated var loan: UInt64 { currentLoan.load(ordering: .acquiring) }

    /// Makes handles of the current loan useless.
    nonisolated func endLoan() { currentLoan.wrappingAdd(1, ordering: .releasing) }

    /// Refuses a borrower whose loan is over; makes sure, once for each loan, that the link works.
    ///
    /// - Parameter deadline: until when a server that cannot be reached is tried again.
    /// - Returns: Whether this is the loan's first step.
    @discardableResult
    func open(loan: UInt64, until deadline: ContinuousClock.Instant) async throws(StorageError) -> Bool {
        guard loan == self.loan else { throw .connectionReleased }
        guard checkedLoan != loan else { return false }
        if link?.isAlive() == true {
            checkedLoan = loan
            return true
        }
        close()
        var backoff = Backoff()
        while true {
            do throws(StorageError) {
                let link = try Link.connect(configuration)
                guard let key = CancelKey(connection: link.raw) else { throw .unavailable(reason: "out of memory") }
                self.link = consume link
                cancelKey = key
                checkedLoan = loan
                health.reached()
                return true
            } catch {
                let pause = backoff.next()
                guard error.isTransient, ContinuousClock.now + pause < deadline else {
                    health.failed(error)
                    throw error
                }
                health.failed(error)
                do { try await Task.sleep(for: pause) } catch { throw StorageError.cancelled }
            }
        }
    }

    /// Opens a new link within the same loan.
    func reopen(loan: UInt64, until deadline: ContinuousClock.Instant) async throws(StorageError) {
        close()
        checkedLoan = 0
        try await open(loan: loan, until: deadline)
    }

    /// Ends the link; the next loan opens another.
    func close() {
        link = nil
        cancelKey = nil
        prepared = [:]
        knownColumnTypes = [:]
    }

    // MARK: Statements

    /// Runs `statement` and decodes its rows.
    func rows<S: Statement>(_ statement: S, ticket: CancelTicket) throws(StorageError) -> [S.Row] {
        try run(statement, ticket: ticket) { result throws(StorageError) in try rows(of: statement, in: result) }
    }

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
            do throws(StorageError) {
                let result = try send(statement)
                return try read(result)
            } catch {
                // The schema changed under the prepared statement, or another session of a proxy answers.
                guard isStale(error) else { throw error }
                forgetStatements()
                guard isConnected, !isInTransaction else { throw error }
                let result = try send(statement)
                return try read(result)
            }
        }
    }

    private func send<S: Statement>(_ statement: S) throws(StorageError) -> QueryResult {
        let prepared = try prepare(S.self)
        if prepared.takesLocks { mayHoldLocks = true }
        let parameters = try Parameters(statement.arguments, as: prepared.parameterTypes)
        let sent = parameters.withPointers { count, places, lengths, formats in
            link?.sendPrepared(prepared.name, count, places, lengths, formats) ?? 0
        }
        let result = try finish(sent)
        guard !result.isCopy else {
            close()  // the server waits for rows that nobody will send
            throw .queryFailed(sqlState: "0A000", message: "COPY runs through copy(into:columns:rows:)")
        }
        return result
    }

    /// Whether a failure means that the prepared statement is no longer what the server has under its name.
    func isStale(_ error: StorageError) -> Bool {
        guard case .queryFailed(let sqlState, let message) = error else { return false }
        return sqlState == "26000" || sqlState == "0A000" && message.contains("cached plan")
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
        try interruptibly(ticket, losesWork: true) { () throws(StorageError) in _ = try command(text) }
    }

    /// Runs text without arguments and without regard to cancellation: the name of the last command that was done.
    func command(_ text: String) throws(StorageError) -> String {
        guard !text.utf8.contains(0) else { throw .queryFailed(sqlState: "42601", message: "the text holds U+0000") }
        return try finish(raw.map { PQsendQuery($0, text) } ?? 0).command
    }

    // MARK: Details

    var raw: OpaquePointer? { link?.raw }
    var isConnected: Bool { link != nil }
    /// Whether a transaction is open.
    var isInTransaction: Bool { raw.map { PQtransactionStatus($0) != PQTRANS_IDLE } ?? false }

    /// Runs `work` so that the ticket can cancel it at the server.
    func interruptibly<Output>(
        _ ticket: CancelTicket, losesWork: @autoclosure () -> Bool, _ work: () throws(StorageError) -> Output
    ) throws(StorageError) -> Output {
        guard let cancelKey else { throw .unavailable(reason: "the connection broke") }
        let autocommits = !isInTransaction
        guard ticket.begin(cancelKey) else { throw .cancelled }
        let outcome = Result(catching: work)
        if !ticket.finish() { close() }
        switch outcome {
        case .success(let output): return output
        case .failure(.timedOut) where ticket.isCancelled:
            throw .cancelled
        case .failure(.unavailable(let reason)):
            throw autocommits && losesWork() ? .commitUnknown : .unavailable(reason: reason)
        case .failure(let error): throw error
        }
    }

    /// The result of what was just sent; a failed send or a broken or silent server costs the link.
    func finish(_ sent: Int32) throws(StorageError) -> QueryResult {
        try checked(
            guarded { () throws(StorageError) in
                guard sent == 1, let result = try link?.result(until: deadline) else { throw broken }
                return result
            })
    }

    var broken: StorageError { .unavailable(reason: "the connection broke") }

    /// Runs a step on the wire; where it fails the link is out of step with the server and given up.
    func guarded<Output: ~Copyable>(_ step: () throws(StorageError) -> Output) throws(StorageError) -> Output {
        do throws(StorageError) { return try step() } catch {
            close()
            throw error
        }
    }

    /// `result`, unless it stands for an error.
    private func checked(_ result: consuming QueryResult) throws(StorageError) -> QueryResult {
        guard let error = result.error else { return result }
        if raw.map({ PQstatus($0) != CONNECTION_OK }) ?? true {
            close()
            throw .unavailable(reason: "the server ended the connection")
        }
        throw error
    }

    /// When a server that does not answer is given up: some time after it should have cancelled the statement itself.
    var deadline: ContinuousClock.Instant? {
        configuration.statementTimeout > .zero ? .now + configuration.statementTimeout + .seconds(5) : nil
    }
}
