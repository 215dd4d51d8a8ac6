import CPostgres

// Transactions, and what a borrower may leave behind.
extension Session {
    /// Begins a transaction; a link that turns out to be broken is replaced once, since nothing can have been lost yet.
    func begin(
        _ command: String, loan: UInt64, _ deadline: ContinuousClock.Instant
    ) async throws(StorageError) {
        try await open(loan: loan, until: deadline)
        guard !isInTransaction else { throw .queryFailed(sqlState: "25001", message: "a transaction is open already") }
        do throws(StorageError) {
            _ = try self.command(command)
        } catch .unavailable {
            try await reopen(loan: loan, until: deadline)
            _ = try self.command(command)
        }
    }

    /// Commits: nothing interrupts it, and a lost connection leaves the outcome unknown.
    func commit() throws(StorageError) {
        guard isConnected else { throw broken }
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
}
