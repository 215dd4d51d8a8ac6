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
    private var link: Link?
    private var cancelKey: CancelKey?
    private var prepared: [ObjectIdentifier: Prepared] = [:]
    private var preparedCount = 0
    /// Whether a statement of this loan took an advisory lock that outlives transactions.
    private var mayHoldLocks = false
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
    func open(loan: UInt64, until deadline: ContinuousClock.Instant) async throws(StorageError) {
        guard loan == self.loan else { throw .connectionReleased }
        guard checkedLoan != loan else { return }
        if link?.isAlive() == true {
            checkedLoan = loan
            return
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
                return
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

    /// Ends the link; the next checkout opens another.
    func close() {
        link = nil
        cancelKey = nil
        prepared = [:]
    }

    // MARK: Statements

    /// Runs `statement` and decodes its rows, at most `limit` of them.
    func rows<S: Statement>(_ statement: S, ticket: CancelTicket) throws(StorageError) -> [S.Row] {
        try run(statement, ticket: ticket) { result throws(StorageError) in
            var rows: [S.Row] = []
            rows.reserveCapacity(Int(result.rowCount))
            for row in 0..<result.rowCount {
                rows.append(try statement.decode(RowReader(result: result.raw, row: row)))
            }
            return rows
        }
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
            } catch .queryFailed(let sqlState, _) where isStale(sqlState) {
                // The schema changed under the prepared statement, or another session of a proxy answers.
                try forget(S.self)
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
            throw .queryFailed(sqlState: "0A000", message: "COPY runs through copy(into:columns:rows:)")
        }
        return result
    }

    /// Whether a failure means that the prepared statement is no longer the server's; only outside transactions, which
    /// such a failure has ended.
    private func isStale(_ sqlState: String) -> Bool {
        guard sqlState == "0A000" || sqlState == "26000" else { return false }
        return link != nil && !isInTransaction
    }

    private func forget(_ type: any Statement.Type) throws(StorageError) {
        guard let old = prepared.removeValue(forKey: ObjectIdentifier(type)) else { return }
        _ = try? command("DEALLOCATE \(old.name)")
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

    /// Runs text without arguments, several commands if need be, in one transaction unless it says otherwise.
    func script(_ text: String, ticket: CancelTicket) throws(StorageError) {
        try interruptibly(ticket, losesWork: true) { () throws(StorageError) in _ = try command(text) }
    }

    /// Runs text without arguments and without regard to cancellation: the name of the last command that was done.
    func command(_ text: String) throws(StorageError) -> String {
        guard !text.utf8.contains(0) else { throw .queryFailed(sqlState: "42601", message: "the text holds U+0000") }
        return try finish(raw.map { PQsendQuery($0, text) } ?? 0).command
    }

    // MARK: Transactions

    /// Commits: nothing interrupts it, and a lost connection leaves the outcome unknown.
    func commit() throws(StorageError) {
        guard link != nil else { throw .unavailable(reason: "the connection broke") }
        do throws(StorageError) {
            guard try command("COMMIT") == "COMMIT" else { throw .transactionAborted }
        } catch .unavailable, .timedOut {
            close()
            throw .commitUnknown
        }
    }

    /// Rolls back; where that fails the link is dropped, which rolls back too.
    func rollback() {
        do throws(StorageError) { _ = try command("ROLLBACK") } catch { close() }
    }

    /// Leaves the session fit for the next owner: no transaction, no copy.
    func tidy() {
        guard let status = raw.map({ PQtransactionStatus($0) }) else { return }
        switch status {
        case PQTRANS_IDLE: break
        case PQTRANS_INTRANS, PQTRANS_INERROR: rollback()
        default: close()
        }
        guard mayHoldLocks else { return }
        mayHoldLocks = false
        do throws(StorageError) { _ = try command("SELECT pg_advisory_unlock_all()") } catch { close() }
    }

    /// Whether a transaction is open.
    var isInTransaction: Bool { raw.map { PQtransactionStatus($0) != PQTRANS_IDLE } ?? false }

    // MARK: Details

    private var raw: OpaquePointer? { link?.raw }

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
        guard link != nil else { throw .unavailable(reason: "the connection broke") }
        guard sent == 1 else {
            let error = link?.lost
            close()
            throw error ?? .unavailable(reason: "the connection broke")
        }
        let result: QueryResult
        do throws(StorageError) {
            guard let answer = try link?.result(until: deadline) else {
                throw .unavailable(reason: "the connection broke")
            }
            result = answer
        } catch {
            close()
            throw error
        }
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

extension String {
    /// Whether the statement begins as one that changes nothing; only such a one may be lost without a trace.
    fileprivate var isReadOnly: Bool {
        let word = drop { $0.isWhitespace }.prefix { $0.isLetter }.uppercased()
        return word == "SELECT" || word == "SHOW" || word == "VALUES" || word == "TABLE"
    }
}
