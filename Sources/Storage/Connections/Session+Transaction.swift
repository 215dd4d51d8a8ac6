import CPostgres
import Synchronization

// Transactions, and what a borrower may leave behind.
extension Session {
    /// Begins a transaction, at the server only with its first statement: that saves a round trip.
    func begin(
        _ command: String, loan: UInt64, _ deadline: ContinuousClock.Instant
    ) async throws(StorageError) {
        try await open(loan: loan, until: deadline)
        guard !isInTransaction else { throw .queryFailed(sqlState: "25001", message: "a transaction is open already") }
        pendingBegin = command
    }

    /// Begins the transaction at the server, if one is to begin, for what cannot travel with the command.
    func beginNow() throws(StorageError) {
        guard let begin = pendingBegin else { return }
        pendingBegin = nil
        _ = try command(begin)
    }

    /// Commits: nothing interrupts it, and a lost connection leaves the outcome unknown.
    func commit() throws(StorageError) {
        guard isConnected else { throw broken }
        guard pendingBegin == nil else { return pendingBegin = nil }
        do throws(StorageError) {
            guard try command("COMMIT") == "COMMIT" else { throw .transactionAborted }
        } catch .unavailable, .timedOut {
            close()
            throw .commitUnknown
        }
    }

    /// Rolls back; where that fails the link is dropped, which rolls back too.
    func rollback() {
        guard pendingBegin == nil else { return pendingBegin = nil }
        do throws(StorageError) { _ = try command("ROLLBACK") } catch { close() }
    }

    /// Leaves the session fit for the next owner: no transaction, no copy.
    func tidy() {
        pendingBegin = nil
        guard let status = raw.map({ PQtransactionStatus($0) }) else { return }
        switch status {
        case PQTRANS_IDLE: break
        case PQTRANS_INTRANS, PQTRANS_INERROR: rollback()
        default: close()
        }
        guard mayHoldLocks.exchange(false, ordering: .relaxed) else { return }
        do throws(StorageError) { _ = try command("SELECT pg_advisory_unlock_all()") } catch { close() }
    }
}
