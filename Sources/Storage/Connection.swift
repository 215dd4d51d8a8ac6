/// A connection on loan from the pool, inside `Database.transaction` or `withConnection`.
///
/// Statements of concurrent tasks run one after the other. After the closure returned, every call throws
/// `StorageError.connectionReleased`.
public struct Connection: Sendable {
    let session: Session
    let loan: UInt64
    let deadline: ContinuousClock.Instant

    init(_ session: Session, timeout: Duration) {
        self.session = session
        loan = session.loan
        deadline = .now + timeout
    }

    /// Runs `statement` and decodes all its rows.
    ///
    /// - Throws: `StorageError`. Cancelling the task cancels the statement at the server.
    public func query<S: Statement>(_ statement: S) async throws -> [S.Row] {
        try await cancellable { ticket in try await session.query(statement, loan: loan, deadline, ticket) }
    }

    /// Runs `statement`: its first row, or nil.
    public func first<S: Statement>(_ statement: S) async throws -> S.Row? {
        try await query(statement).first
    }

    /// Runs `statement` for its effect.
    ///
    /// - Returns: How many rows it inserted, updated, deleted or selected.
    @discardableResult
    public func execute<S: Statement>(_ statement: S) async throws -> Int {
        try await cancellable { ticket in try await session.execute(statement, loan: loan, deadline, ticket) }
    }

    /// Sends all statements in one round trip and returns the rows of each.
    ///
    /// Outside a transaction they are one transaction: where one fails, none has happened.
    public func pipeline<each S: Statement>(
        _ statements: repeat each S
    ) async throws -> (repeat [(each S).Row]) {
        var batch = StatementBatch()
        let steps = (repeat batch.add(each statements))
        try await run(batch)
        return (repeat (each steps).rows)
    }

    /// Sends all statements of `batch` in one round trip, as `pipeline` does.
    public func run(_ batch: StatementBatch) async throws {
        try await cancellable { ticket in
            try await session.pipeline(batch.steps, loan: loan, deadline, ticket)
        }
    }

    /// Runs SQL without arguments, for migrations and tests.
    ///
    /// Outside a transaction several commands together are one transaction, unless the text says otherwise.
    package func run(script: String) async throws {
        try await cancellable { ticket in try await session.script(script, loan: loan, deadline, ticket) }
    }

    /// What the server makes of a statement's text: the number of its arguments and of its columns.
    ///
    /// One test prepares every statement with it against the real schema.
    package func describe<S: Statement>(_ type: S.Type) async throws -> (arguments: Int, columns: Int) {
        try await session.describe(type, loan: loan, deadline)
    }

    /// Hands `work` a ticket that the task's cancellation reaches.
    func cancellable<Output: Sendable>(
        _ work: (CancelTicket) async throws -> Output
    ) async throws -> Output {
        let ticket = CancelTicket()
        return try await withTaskCancellationHandler {
            try await work(ticket)
        } onCancel: {
            ticket.cancel()
        }
    }
}
