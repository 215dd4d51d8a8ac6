import Domain
import Storage

/// What a feed row says.
enum FeedRow: Sendable {
    /// An event, nil where its log no longer decodes; recorded so many seconds after 1970.
    case event(EventID, Event?, BlockNumber, recordedAt: Int64)
    /// The event's block was orphaned.
    case retraction(EventID, BlockNumber)
    case safe(BlockNumber)
    case finalized(BlockNumber)
}

/// A look at a chain's feed behind a cursor.
struct FeedLook: Sendable {
    /// The sequence of the newest row.
    let end: Int64
    /// The heights that are safe and finalized now; -1 for none.
    let safe: Int64
    let finalized: Int64
    /// Nil where there is no further row.
    let row: (sequence: Int64, content: FeedRow)?
}

/// The feed rows behind `after`, in order, with their events: at most `limit`, and no more after 32 MiB of logs.
///
/// Answers one row without a feed row where there is nothing new, and none for an unknown chain.
struct ReadFeed: Statement {
    static let byteMax: Int64 = 32 << 20

    static let sql = """
        SELECT chain.feed_sequence, coalesce(chain.safe_number, -1), coalesce(chain.finalized_number, -1), row.*
        FROM chains AS chain LEFT JOIN LATERAL (
            SELECT batch.sequence, batch.kind, batch.event_id, batch.block_number,
                extract(epoch FROM batch.created_at)::bigint, \(StoredEvent.columns(of: "event")),
                sum(octet_length(event.data)) OVER (ORDER BY batch.sequence) - octet_length(event.data) AS before
            FROM (
                SELECT sequence, kind, event_id, block_number, created_at FROM feed
                WHERE chain_id = $1 AND sequence > $2 ORDER BY sequence LIMIT $3
            ) AS batch LEFT JOIN events AS event ON event.id = batch.event_id AND batch.kind = 0
        ) AS row ON row.before IS NULL OR row.before < $4
        WHERE chain.chain_id = $1 ORDER BY row.sequence
        """
    let chainID: ChainID
    let after: Int64
    let limit: Int
    var arguments: [SQLValue] {
        [.integer(chainID.rawValue), .integer(after), .integer(Int64(limit)), .integer(Self.byteMax)]
    }

    func decode(_ row: borrowing RowReader) throws(StorageError) -> FeedLook {
        FeedLook(
            end: try row.integer(0), safe: try row.integer(1), finalized: try row.integer(2),
            row: row.isNull(3) ? nil : (try row.integer(3), try content(row)))
    }

    private func content(_ row: borrowing RowReader) throws(StorageError) -> FeedRow {
        guard let number = BlockNumber(rawValue: try row.integer(6)) else { throw row.failure(6, "block number") }
        switch try row.integer(4) {
        case 0:
            let stored = try StoredEvent(row, from: 8)
            return .event(stored.id, stored.event, number, recordedAt: try row.integer(7))
        case 1: return .retraction(EventID(rawValue: try row.integer(5)), number)
        case 2: return .safe(number)
        case 3: return .finalized(number)
        default: throw row.failure(4, "kind of feed row")
        }
    }
}

/// The canonical events at heights in `after < height <= last`, in the order of the chain, behind a position.
struct SelectCanonicalEvents: Statement {
    static let sql = """
        SELECT \(StoredEvent.columns(of: "event")) FROM events AS event
        WHERE chain_id = $1 AND (block_number, log_index) > ($2, $3) AND block_number <= $4
            AND is_canonical AND event_type IS NOT NULL
        ORDER BY block_number, log_index LIMIT $5
        """
    let chainID: ChainID
    let after: (height: Int64, logIndex: Int64)
    let last: Int64
    let limit: Int
    var arguments: [SQLValue] {
        [
            .integer(chainID.rawValue), .integer(after.height), .integer(after.logIndex), .integer(last),
            .integer(Int64(limit)),
        ]
    }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> StoredEvent { try StoredEvent(row) }
}
