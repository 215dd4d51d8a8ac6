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
    var prepared: [ObjectIdentifier: Prepared] = [:]
    var preparedCount = 0
    var knownColumnTypes: [String: [UInt32]] = [:]
    /// The command that begins a transaction and leaves together with the transaction's first statement.
    var pendingBegin: String?
    /// Whether what the caller asked for, and not just its preparation, was given to the server.
    var isWorkOut = false
    /// Whether a statement of this loan took an advisory lock that outlives transactions.
    nonisolated let mayHoldLocks = Atomic(false)
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
        pendingBegin = nil
    }

    // MARK: Details

    var raw: OpaquePointer? { link?.raw }
    var isConnected: Bool { link != nil }
    /// Whether a transaction is open or about to be.
    var isInTransaction: Bool { pendingBegin != nil || raw.map { PQtransactionStatus($0) != PQTRANS_IDLE } ?? false }

    /// Runs `work` so that the ticket can cancel it at the server.
    func interruptibly<Output>(
        _ ticket: CancelTicket, losesWork: @autoclosure () -> Bool, _ work: () throws(StorageError) -> Output
    ) throws(StorageError) -> Output {
        guard let cancelKey else { throw broken }
        let autocommits = !isInTransaction
        isWorkOut = false
        guard ticket.begin(cancelKey) else { throw .cancelled }
        let outcome = Result(catching: work)
        if !ticket.finish() { close() }
        switch outcome {
        case .success(let output): return output
        case .failure(.timedOut) where ticket.isCancelled: throw .cancelled
        case .failure(.unavailable) where autocommits && isWorkOut && losesWork(): throw .commitUnknown
        // The server would have said that it cancelled the statement; nobody said anything.
        case .failure(.timedOut) where autocommits && isWorkOut && !isConnected && losesWork(): throw .commitUnknown
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
    func checked(_ result: consuming QueryResult) throws(StorageError) -> QueryResult {
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
