import Domain
import Storage

/// Makes the row of a chain that is listened to for the first time.
struct EnsureChain: Statement {
    static let sql = "INSERT INTO chains (chain_id) VALUES ($1) ON CONFLICT DO NOTHING"
    let chainID: ChainID
    var arguments: [SQLValue] { [.integer(chainID.rawValue)] }
}

/// Takes a chain's lease where it is free, expired, or its holder's life lock is gone; the new token fences the old one.
///
/// Its own holder may take it again. The holder's life lock must be held, or others would take the lease at once.
struct AcquireLease: Statement {
    static let sql = """
        WITH living (holder) AS (\(LifeLock.livingHolders))
        UPDATE chains
        SET listener_token = listener_token + 1, listener_holder = $2, listener_until = clock_timestamp() + $3
        WHERE chain_id = $1 AND $2 IN (SELECT holder FROM living)
            AND (listener_until IS NULL OR listener_until < clock_timestamp()
                OR listener_holder IS NULL OR listener_holder = $2
                OR listener_holder NOT IN (SELECT holder FROM living))
        RETURNING listener_token, checkpoint_number, checkpoint_hash, head_number, safe_number, finalized_number,
            halted_reason
        """
    let chainID: ChainID
    let holder: String
    let duration: Duration
    var arguments: [SQLValue] {
        [.integer(chainID.rawValue), .text(holder), .duration(duration)]
    }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> Lease {
        var checkpoint: Checkpoint?
        if let number = try row.optionalBlockNumber(1) {
            checkpoint = Checkpoint(number: number, hash: try row.hash(2))
        }
        return Lease(
            chainID: chainID, token: try row.integer(0), checkpoint: checkpoint, head: try row.optionalBlockNumber(3),
            safe: try row.optionalBlockNumber(4), finalized: try row.optionalBlockNumber(5),
            haltedReason: try row.optionalText(6))
    }
}

/// Keeps a lease and notes the newest block seen; no row where it was lost.
struct RenewLease: Statement {
    static let sql = """
        UPDATE chains
        SET listener_until = clock_timestamp() + $3, head_number = coalesce($4, head_number),
            head_seen_at = CASE WHEN $4::bigint IS NULL THEN head_seen_at ELSE clock_timestamp() END,
            listener_error = $5
        WHERE chain_id = $1 AND listener_token = $2
        """
    let chainID: ChainID
    let token: Int64
    let duration: Duration
    /// The newest block that a node showed; nil where none answered.
    let head: BlockNumber?
    /// What the listener fails at; nil while it works.
    let error: String?
    var arguments: [SQLValue] {
        [
            .integer(chainID.rawValue), .integer(token), .duration(duration), .optional(head?.rawValue),
            .optional(error),
        ]
    }
}

/// Gives a lease back, so that another process can take it at once.
struct ReleaseLease: Statement {
    static let sql = """
        UPDATE chains SET listener_until = NULL, listener_holder = NULL WHERE chain_id = $1 AND listener_token = $2
        """
    let chainID: ChainID
    let token: Int64
    var arguments: [SQLValue] { [.integer(chainID.rawValue), .integer(token)] }
}

/// Stops a chain until an operator clears the reason; no row where the lease was lost.
struct HaltChain: Statement {
    static let sql = "UPDATE chains SET halted_reason = $3 WHERE chain_id = $1 AND listener_token = $2"
    let chainID: ChainID
    let token: Int64
    let reason: String
    var arguments: [SQLValue] { [.integer(chainID.rawValue), .integer(token), .text(reason)] }
}

extension RowReader {
    /// A height, or nil.
    func optionalBlockNumber(_ column: Int) throws(StorageError) -> BlockNumber? {
        guard let value = try optionalInteger(column) else { return nil }
        guard let number = BlockNumber(rawValue: value) else { throw failure(column, "block number") }
        return number
    }
}
