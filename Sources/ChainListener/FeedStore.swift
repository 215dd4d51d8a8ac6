import Domain
import Ethereum
import EthereumRPC
import Storage

/// Where a listener keeps its chain, so that tests can break it off anywhere.
protocol FeedStoring: Sendable {
    /// Takes the chain's lease; nil while another living process has it.
    func acquire(_ chainID: ChainID) async throws -> Lease?
    /// The stored headers up to the checkpoint, newest first, at most `limit`.
    func window(_ chainID: ChainID, checkpoint: BlockNumber, limit: Int) async throws -> [Header]
    /// Writes everything or nothing.
    func commit(_ commit: FeedCommit) async throws -> CommitOutcome
    /// Keeps the lease and notes head and error; throws `.fenced` where it was lost.
    func renew(_ lease: Lease, head: BlockNumber?, error: String?) async throws
    /// Stops the chain until an operator clears the reason.
    func halt(_ lease: Lease, reason: String) async throws
    /// Gives the lease back.
    func release(_ lease: Lease) async throws
}

/// The chain's rows in PostgreSQL.
struct FeedStore: FeedStoring {
    let database: Database
    /// The process's life lock, by its name.
    let holder: String
    let leaseDuration: Duration
    /// How many empty blocks one commit removes at most, so that a long gap cannot make one slow.
    let pruneMax: Int

    func acquire(_ chainID: ChainID) async throws -> Lease? {
        try await database.execute(EnsureChain(chainID: chainID))
        return try await database.first(AcquireLease(chainID: chainID, holder: holder, duration: leaseDuration))
    }

    func window(_ chainID: ChainID, checkpoint: BlockNumber, limit: Int) async throws -> [Header] {
        try await database.query(LoadWindow(chainID: chainID, checkpoint: checkpoint, limit: limit))
    }

    func commit(_ commit: FeedCommit) async throws -> CommitOutcome {
        let (outcome, isNews) = try await database.transaction { connection in
            try await write(commit, on: connection)
        }
        if isNews { database.notify("tocsin_feed") }
        return outcome
    }

    func renew(_ lease: Lease, head: BlockNumber?, error: String?) async throws {
        let statement = RenewLease(
            chainID: lease.chainID, token: lease.token, duration: leaseDuration, head: head, error: error)
        guard try await database.execute(statement) == 1 else { throw ListenerError.fenced }
    }

    func halt(_ lease: Lease, reason: String) async throws {
        let statement = HaltChain(chainID: lease.chainID, token: lease.token, reason: reason)
        guard try await database.execute(statement) == 1 else { throw ListenerError.fenced }
    }

    func release(_ lease: Lease) async throws {
        try await database.execute(ReleaseLease(chainID: lease.chainID, token: lease.token))
    }

    /// Writes `commit`; the flag tells whether the feed grew.
    private nonisolated(nonsending) func write(
        _ commit: FeedCommit, on connection: Connection
    ) async throws -> (CommitOutcome, Bool) {
        let hold = HoldChain(chainID: commit.chainID, token: commit.token)
        guard let held = try await connection.first(hold) else { throw ListenerError.fenced }
        guard held.checkpointHash == commit.parent else { throw ListenerError.stale }
        var outcome = CommitOutcome()
        var sequence = held.feedSequence
        // One round trip for everything but what the rest depends on.
        var batch = StatementBatch()
        if let fork = commit.fork {
            let retract = RetractEvents(chainID: commit.chainID, fork: fork, sequence: sequence)
            outcome.retractions = Int(try await connection.first(retract) ?? 0)
            sequence += Int64(outcome.retractions)
            batch.add(OrphanBlocks(chainID: commit.chainID, fork: fork))
            batch.add(ForgetUnverified(chainID: commit.chainID, fork: fork))
        }
        var inserted: StatementStep<InsertEvents>?
        if let copied = try await copy(commit, on: held, behind: sequence, connection) {
            outcome.events = copied
        } else {
            inserted = insert(commit, behind: sequence, with: &batch)
        }
        let finished = finish(commit, on: held, with: &batch)
        try await connection.run(batch)
        if let inserted {
            let counts = inserted.rows.first
            guard let counts, counts.stored == commit.events.count else {
                throw ListenerError.conflictingLogs(
                    stored: Int(counts?.stored ?? 0), expected: commit.events.count)
            }
            outcome.events = Int(counts.appended)
        }
        guard let end = finished.rows.first else { throw ListenerError.fenced }
        outcome.marks = Int(end - held.feedSequence) - outcome.retractions - outcome.events
        return (outcome, end > held.feedSequence)
    }

    /// Adds what every commit ends with; answers the step whose row is the end of the feed.
    private func finish(
        _ commit: FeedCommit, on held: HoldChain.Held, with batch: inout StatementBatch
    ) -> StatementStep<FinishCommit> {
        if !commit.unverified.isEmpty {
            batch.add(AddUnverified(chainID: commit.chainID, ranges: commit.unverified))
        }
        let (before, after) = (commit.marksBefore, commit.marks)
        if before.safe != after.safe || before.finalized != after.finalized {
            batch.add(
                AppendMarks(
                    chainID: commit.chainID, sequence: held.feedSequence, safe: (before.safe, after.safe),
                    finalized: (before.finalized, after.finalized)))
        }
        if let below = commit.pruneBelow {
            batch.add(PruneBlocks(chainID: commit.chainID, below: below, limit: pruneMax))
        }
        return batch.add(FinishCommit(commit: commit, sequence: held.feedSequence, lease: leaseDuration))
    }

    /// Copies blocks, logs and feed rows of history; nil where there are too few, or something may be in their way.
    private nonisolated(nonsending) func copy(
        _ commit: FeedCommit, on held: HoldChain.Held, behind sequence: Int64, _ connection: Connection
    ) async throws -> Int? {
        guard commit.fork == nil, commit.events.count >= Self.copyMin else { return nil }
        let reserve = ReserveEvents(
            chainID: commit.chainID, checkpoint: held.checkpoint, count: commit.events.count)
        guard let ids = try await connection.first(reserve) ?? nil else { return nil }
        try await connection.copy(commit.blocks, of: commit.chainID)
        try await connection.copy(commit.events, ids: ids, of: commit.chainID)
        return try await connection.copyFeed(commit.events, ids: ids, behind: sequence, of: commit.chainID)
    }

    /// From so many logs on copying them is faster than one statement.
    private static let copyMin = 64

    /// Adds the insertion of blocks, logs and feed rows, some of which may be stored already and orphaned.
    private func insert(
        _ commit: FeedCommit, behind sequence: Int64, with batch: inout StatementBatch
    ) -> StatementStep<InsertEvents>? {
        if !commit.blocks.isEmpty { batch.add(InsertBlocks(chainID: commit.chainID, blocks: commit.blocks)) }
        guard !commit.events.isEmpty else { return nil }
        return batch.add(InsertEvents(chainID: commit.chainID, sequence: sequence, events: commit.events))
    }
}
