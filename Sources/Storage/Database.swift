public import Logging
import Synchronization

/// A pool of connections to one database.
///
/// Connections open when first needed, are looked at before each use and replaced when broken. Borrowers are served in
/// the order of asking; each waits at most `acquireTimeout`, also for a server that cannot be reached.
public final class Database: Sendable {
    let configuration: DatabaseConfiguration
    let logger: Logger
    private let pool: Pool
    private let notifier: Notifier

    /// A pool that has not connected yet; a server that is away shows at the first call.
    public init(configuration: DatabaseConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
        let health = ServerHealth(logger: logger)
        pool = Pool(maximum: configuration.maximumConnections, timeout: configuration.acquireTimeout) { number in
            Session(configuration: configuration, health: health, number: number)
        }
        notifier = Notifier(configuration: configuration)
    }

    /// How many connections are in use, open and idle, and how many callers wait for one.
    public var connectionCounts: (busy: Int, idle: Int, waiting: Int) { pool.counts }

    // MARK: Single statements

    /// Runs `statement` in a transaction of its own and decodes all its rows.
    ///
    /// - Throws: `StorageError`. Cancelling the task cancels the statement at the server.
    public func query<S: Statement>(_ statement: S) async throws -> [S.Row] {
        let session = try await pool.borrow()
        defer { pool.giveBack(session) }
        return try await connection(session).query(statement)
    }

    /// Runs `statement` in a transaction of its own: its first row, or nil.
    public func first<S: Statement>(_ statement: S) async throws -> S.Row? {
        try await query(statement).first
    }

    /// Runs `statement` in a transaction of its own for its effect.
    ///
    /// - Returns: How many rows it inserted, updated, deleted or selected.
    @discardableResult
    public func execute<S: Statement>(_ statement: S) async throws -> Int {
        let session = try await pool.borrow()
        defer { pool.giveBack(session) }
        return try await connection(session).execute(statement)
    }

    // MARK: Several statements

    /// Runs `body` in one transaction: committed when it returns, rolled back when it throws or the task is cancelled.
    ///
    /// - Throws: what `body` throws; `StorageError.commitUnknown` where the connection broke during the commit;
    ///   `.transactionAborted` where `body` went on after a statement had failed.
    @discardableResult
    public nonisolated(nonsending) func transaction<R: Sendable>(
        _ isolation: IsolationLevel = .readCommitted, readOnly: Bool = false,
        _ body: nonisolated(nonsending) (Connection) async throws -> R
    ) async throws -> R {
        let session = try await pool.borrow()
        do {
            let result = try await connection(session).transaction(isolation, readOnly: readOnly, body)
            if session.mayHoldLocks.load(ordering: .relaxed) { await session.tidy() }
            pool.giveBack(session)
            return result
        } catch {
            await finish(session)
            throw error
        }
    }

    /// Runs `batch` as one transaction, in two round trips: committed when `check`, which may read its steps, returns, and
    /// rolled back when it throws.
    ///
    /// - Throws: what `check` throws; otherwise as the other `transaction`.
    @discardableResult
    public func transaction<R: Sendable>(
        _ batch: StatementBatch, check: @escaping @Sendable () throws -> R
    ) async throws -> R {
        try await withConnection { connection in try await connection.transaction(batch, check: check) }
    }

    /// Lends `body` a connection, without a transaction.
    ///
    /// A transaction that `body` leaves open is rolled back and its advisory locks are released.
    @discardableResult
    public nonisolated(nonsending) func withConnection<R: Sendable>(
        _ body: nonisolated(nonsending) (Connection) async throws -> R
    ) async throws -> R {
        let session = try await pool.borrow()
        do {
            let result = try await body(connection(session))
            await finish(session)
            return result
        } catch {
            await finish(session)
            throw error
        }
    }

    private func finish(_ session: Session) async {
        await session.tidy()
        pool.giveBack(session)
    }

    private func connection(_ session: Session) -> Connection {
        Connection(session, timeout: configuration.acquireTimeout)
    }

    // MARK: Notifications

    /// Wakes listeners of `channel`, soon and at most 20 times a second for each channel.
    ///
    /// Returns at once and never fails: notifications hurry listeners up, their polls find what was missed. It uses a
    /// connection of its own and no transaction, since a commit with a `NOTIFY` in it locks the whole database.
    public func notify(_ channel: String) { notifier.notify(channel) }

    /// What arrives on `channels`, over a connection of its own that is opened again, for ever, when it breaks.
    ///
    /// After each connecting the stream yields `.reconnected`: notifications may have been missed, so poll. Dropping the
    /// stream, or cancelling the task that reads it, ends it.
    public func listen(_ channels: [String]) -> AsyncStream<DatabaseNotification> {
        NotificationListener.stream(channels, configuration: configuration, logger: logger)
    }

    // MARK: Closing

    /// Refuses further calls, waits for those under way and closes every connection.
    public func close() async {
        notifier.close()
        await pool.close()
    }
}
