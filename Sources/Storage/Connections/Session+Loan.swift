// What a borrower calls: the loan is checked, and the link opened, before each step.
extension Session {
    func query<S: Statement>(
        _ statement: S, loan: UInt64, _ deadline: ContinuousClock.Instant, _ ticket: CancelTicket
    ) async throws(StorageError) -> [S.Row] {
        try await onWorkingLink(loan, deadline, repeats: S.sql.isReadOnly) { () throws(StorageError) in
            try rows(statement, ticket: ticket)
        }
    }

    func execute<S: Statement>(
        _ statement: S, loan: UInt64, _ deadline: ContinuousClock.Instant, _ ticket: CancelTicket
    ) async throws(StorageError) -> Int {
        try await onWorkingLink(loan, deadline, repeats: S.sql.isReadOnly) { () throws(StorageError) in
            try execute(statement, ticket: ticket)
        }
    }

    /// Runs `work`; once more on a new link where the first one died between the look at it and the answer and nothing
    /// can have been lost: the work begins a transaction, or it is the loan's first and may be repeated.
    func onWorkingLink<Output>(
        _ loan: UInt64, _ deadline: ContinuousClock.Instant, repeats: @autoclosure () -> Bool,
        _ work: () throws(StorageError) -> Output
    ) async throws(StorageError) -> Output {
        let isFirst = try await open(loan: loan, until: deadline)
        let begin = pendingBegin
        do throws(StorageError) {
            return try work()
        } catch .unavailable where begin != nil || isFirst && repeats() {
            try await reopen(loan: loan, until: deadline)
            pendingBegin = begin
            return try work()
        }
    }

    func script(
        _ text: String, loan: UInt64, _ deadline: ContinuousClock.Instant, _ ticket: CancelTicket
    ) async throws(StorageError) {
        try await open(loan: loan, until: deadline)
        try script(text, ticket: ticket)
    }

    func describe<S: Statement>(
        _ type: S.Type, loan: UInt64, _ deadline: ContinuousClock.Instant
    ) async throws(StorageError) -> (arguments: Int, columns: Int) {
        try await open(loan: loan, until: deadline)
        try beginNow()
        let statement = try prepare(type)
        return (statement.parameterTypes.count, statement.columnTypes.count)
    }
}
