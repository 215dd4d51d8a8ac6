// What a borrower calls: the loan is checked, and the link opened, before each step.
extension Session {
    func query<S: Statement>(
        _ statement: S, loan: UInt64, _ deadline: ContinuousClock.Instant, _ ticket: CancelTicket
    ) async throws(StorageError) -> [S.Row] {
        let isFirst = try await open(loan: loan, until: deadline)
        do throws(StorageError) {
            return try rows(statement, ticket: ticket)
        } catch .unavailable where isFirst && S.sql.isReadOnly {
            // The link died between the look at it and the answer. Reading again does no harm.
            try await reopen(loan: loan, until: deadline)
            return try rows(statement, ticket: ticket)
        }
    }

    func execute<S: Statement>(
        _ statement: S, loan: UInt64, _ deadline: ContinuousClock.Instant, _ ticket: CancelTicket
    ) async throws(StorageError) -> Int {
        try await open(loan: loan, until: deadline)
        return try execute(statement, ticket: ticket)
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
        let statement = try prepare(type)
        return (statement.parameterTypes.count, statement.columnTypes.count)
    }
}

extension String {
    /// Whether the statement begins as one that changes nothing; only such a one may be lost without a trace.
    var isReadOnly: Bool {
        let word = drop { $0.isWhitespace }.prefix { $0.isLetter }.uppercased()
        return word == "SELECT" || word == "SHOW" || word == "VALUES" || word == "TABLE"
    }
}
