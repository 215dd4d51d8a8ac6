import Domain
import Storage

/// The chains that have a feed.
struct SelectChains: Statement {
    static let sql = "SELECT chain_id FROM chains ORDER BY chain_id"
    func decode(_ row: borrowing RowReader) throws(StorageError) -> ChainID {
        guard let chainID = ChainID(rawValue: try row.integer(0)) else { throw row.failure(0, "chain") }
        return chainID
    }
}

/// Makes the row of a chain that is evaluated for the first time.
struct EnsureCursor: Statement {
    static let sql = "INSERT INTO engine_cursors (chain_id) VALUES ($1) ON CONFLICT DO NOTHING"
    let chainID: ChainID
    var arguments: [SQLValue] { [.integer(chainID.rawValue)] }
}

/// Where the evaluation of a chain stands, and the right to go on.
struct Cursor: Sendable, Equatable {
    let chainID: ChainID
    /// Grows with every holder; every write names it.
    let token: Int64
    /// The last feed row whose deliveries are all stored.
    var sequence: Int64
    /// The heights up to which triggers of finality `safe` and `finalized` have been evaluated; -1 for none.
    var safe: Int64
    var finalized: Int64

    /// The height up to which triggers of `finality` have been evaluated; nothing to set for `latest`.
    subscript(finality: Finality) -> Int64 {
        get {
            switch finality {
            case .latest: .max
            case .safe: safe
            case .finalized: finalized
            }
        }
        set {
            switch finality {
            case .latest: break
            case .safe: safe = newValue
            case .finalized: finalized = newValue
            }
        }
    }
}

/// Takes a chain's lease where it is free, expired, or its holder's life lock is gone; the new token fences the old one.
struct TakeLease: Statement {
    static let sql = """
        WITH living (holder) AS (\(LifeLock.livingHolders))
        UPDATE engine_cursors
        SET engine_token = engine_token + 1, engine_holder = $2, engine_until = clock_timestamp() + $3
        WHERE chain_id = $1 AND $2 IN (SELECT holder FROM living)
            AND (engine_until IS NULL OR engine_until < clock_timestamp()
                OR engine_holder IS NULL OR engine_holder = $2 OR engine_holder NOT IN (SELECT holder FROM living))
        RETURNING engine_token, sequence, coalesce(safe_number, -1), coalesce(finalized_number, -1)
        """
    let chainID: ChainID
    let holder: String
    let duration: Duration
    var arguments: [SQLValue] {
        [.integer(chainID.rawValue), .text(holder), .duration(duration)]
    }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> Cursor {
        Cursor(
            chainID: chainID, token: try row.integer(0), sequence: try row.integer(1), safe: try row.integer(2),
            finalized: try row.integer(3))
    }
}

/// Keeps a lease; no row where it was lost.
struct RenewLease: Statement {
    static let sql = """
        UPDATE engine_cursors SET engine_until = clock_timestamp() + $3 WHERE chain_id = $1 AND engine_token = $2
        """
    let chainID: ChainID
    let token: Int64
    let duration: Duration
    var arguments: [SQLValue] { [.integer(chainID.rawValue), .integer(token), .duration(duration)] }
}

/// Moves a cursor and keeps its lease; no row where the lease was lost or the cursor stands elsewhere.
///
/// The row stays locked to the end of the transaction, so nobody takes the lease while what depends on it is written.
struct MoveCursor: Statement {
    static let sql = """
        UPDATE engine_cursors
        SET sequence = $4, safe_number = nullif($5, -1), finalized_number = nullif($6, -1),
            engine_until = clock_timestamp() + $7
        WHERE chain_id = $1 AND engine_token = $2 AND sequence = $3
        """
    let old: Cursor
    let new: Cursor
    let lease: Duration
    var arguments: [SQLValue] {
        [
            .integer(old.chainID.rawValue), .integer(old.token), .integer(old.sequence), .integer(new.sequence),
            .integer(new.safe), .integer(new.finalized), .duration(lease),
        ]
    }
}
