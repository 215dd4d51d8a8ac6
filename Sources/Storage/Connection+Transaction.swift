/// How far a transaction is kept apart from concurrent ones.
///
/// - SeeAlso: PostgreSQL, "Transaction Isolation".
public enum IsolationLevel: String, Sendable {
    case readCommitted = "READ COMMITTED"
    case repeatableRead = "REPEATABLE READ"
    case serializable = "SERIALIZABLE"
}

extension Connection {
    /// Runs `body` in one transaction: committed when it returns, rolled back when it throws or the task is cancelled.
    ///
    /// - Throws: what `body` throws; `StorageError.commitUnknown` where the connection broke during the commit;
    ///   `.transactionAborted` where `body` went on after a statement had failed.
    @discardableResult
    public nonisolated(nonsending) func transaction<R: Sendable>(
        _ isolation: IsolationLevel = .readCommitted, readOnly: Bool = false,
        _ body: nonisolated(nonsending) (Connection) async throws -> R
    ) async throws -> R {
        let access = readOnly ? "READ ONLY" : "READ WRITE"
        try await session.begin("BEGIN ISOLATION LEVEL \(isolation.rawValue) \(access)", loan: loan, deadline)
        let result: R
        do {
            result = try await body(self)
            try Task.checkCancellation()
        } catch {
            await session.rollback()
            throw error is CancellationError ? StorageError.cancelled : error
        }
        try await session.commit()
        return result
    }

    /// Runs `batch` as one transaction, in two round trips: committed when `check`, which may read its steps, returns, and
    /// rolled back when it throws.
    ///
    /// - Throws: what `check` throws; otherwise as `transaction`.
    @discardableResult
    public func transaction<R: Sendable>(
        _ batch: StatementBatch, check: @escaping @Sendable () throws -> R
    ) async throws -> R {
        try await cancellable { ticket in
            try await session.transaction(batch.steps, loan: loan, deadline, ticket, check: check)
        }
    }
}
