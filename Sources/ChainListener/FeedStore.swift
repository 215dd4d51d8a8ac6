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
        let outcome = if let copied = try await copy(commit) { copied } else { try await insert(commit) }
        if outcome.events + outcome.retractions + outcome.marks > 0 { database.notify("tocsin_feed") }
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

    /// Writes what may lie on top of anything: blocks and events that are stored and orphaned become canonical again.
    private func insert(_ commit: FeedCommit) async throws -> CommitOutcome {
        let chainID = commit.chainID
        var batch = StatementBatch()
        batch.add(HoldChainAt(chainID: chainID, token: commit.token, parent: commit.parent))
        var retracted: StatementStep<RetractEvents>?
        if let fork = commit.fork {
            retracted = batch.add(RetractEvents(chainID: chainID, fork: fork))
            batch.add(OrphanBlocks(chainID: chainID, fork: fork))
            batch.add(ForgetUnverified(chainID: chainID, fork: fork))
        }
        if !commit.blocks.isEmpty { batch.add(InsertBlocks(chainID: chainID, blocks: commit.blocks)) }
        var inserted: StatementStep<InsertEvents>?
        if !commit.events.isEmpty { inserted = batch.add(InsertEvents(chainID: chainID, events: commit.events)) }
        let end = end(of: commit, in: &batch)
        let (taken, stored) = (retracted, inserted)
        do {
            return try await database.transaction(batch) {
                let counts = stored?.rows.first
                guard counts?.stored ?? 0 == commit.events.count else {
                    throw ListenerError.conflictingLogs(
                        stored: Int(counts?.stored ?? 0), expected: commit.events.count)
                }
                return CommitOutcome(
                    events: Int(counts?.appended ?? 0), retractions: Int(taken?.rows.first ?? 0),
                    marks: try end())
            }
        } catch {
            throw HoldChainAt.translated(error)
        }
    }

    /// Adds what every commit ends with; what it answers throws where the lease was lost, else it counts the marks.
    private func end(
        of commit: FeedCommit, in batch: inout StatementBatch
    ) -> @Sendable () throws -> Int {
        let chainID = commit.chainID
        if !commit.unverified.isEmpty { batch.add(AddUnverified(chainID: chainID, ranges: commit.unverified)) }
        let (before, after) = (commit.marksBefore, commit.marks)
        var marked: StatementStep<AppendMarks>?
        if before.safe != after.safe || before.finalized != after.finalized {
            marked = batch.add(
                AppendMarks(
                    chainID: chainID, safe: (before.safe, after.safe),
                    finalized: (before.finalized, after.finalized)))
        }
        if let below = commit.pruneBelow {
            batch.add(PruneBlocks(chainID: chainID, below: below, limit: pruneMax))
        }
        let finished = batch.add(FinishCommit(commit: commit, lease: leaseDuration))
        return { [marked] in
            guard finished.rows.first != nil else { throw ListenerError.fenced }
            return Int(marked?.rows.first ?? 0)
        }
    }

    /// Copies history in; nil where it is too little, or where something may be in its way.
    private func copy(_ commit: FeedCommit) async throws -> CommitOutcome? {
        guard commit.fork == nil, commit.events.count >= Self.copyMin else { return nil }
        return try await database.transaction { connection in
            let hold = HoldChain(chainID: commit.chainID, token: commit.token)
            guard let held = try await connection.first(hold) else { throw ListenerError.fenced }
            guard held.checkpointHash == commit.parent else { throw ListenerError.stale }
            let reserve = ReserveEvents(
                chainID: commit.chainID, checkpoint: held.checkpoint, transactions: commit.transactions,
                count: commit.events.count)
            guard let ids = try await connection.first(reserve) ?? nil else { return nil }
            try await connection.copy(commit.blocks, of: commit.chainID)
            try await connection.copy(commit.events, ids: ids, of: commit.chainID)
            let events = try await connection.copyFeed(
                commit.events, ids: ids, behind: held.feedSequence, of: commit.chainID)
            var batch = StatementBatch()
            let end = end(of: commit, in: &batch)
            try await connection.run(batch)
            return CommitOutcome(events: events, marks: try end())
        }
    }

    /// From so many logs on copying them is faster than one statement.
    private static let copyMin = 64
}
