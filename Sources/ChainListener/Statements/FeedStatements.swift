import Domain
import Ethereum
import Storage

/// Takes the chain's row for the rest of the transaction, if the lease still holds.
struct HoldChain: Statement {
    struct Held: Sendable {
        let feedSequence: Int64
        let checkpointHash: Hash?
        let checkpoint: BlockNumber?
    }
    static let sql = """
        SELECT feed_sequence, checkpoint_hash, checkpoint_number FROM chains WHERE chain_id = $1 AND listener_token = $2 FOR UPDATE
        """
    let chainID: ChainID
    let token: Int64
    var arguments: [SQLValue] { [.integer(chainID.rawValue), .integer(token)] }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> Held {
        Held(
            feedSequence: try row.integer(0), checkpointHash: try row.optionalHash(1),
            checkpoint: try row.optionalBlockNumber(2))
    }
}

/// Takes the chain's row for the rest of the transaction, which fails where the lease or the checkpoint is another.
struct HoldChainAt: Statement {
    static let sql = "SELECT hold_chain($1, $2, $3)"
    let chainID: ChainID
    let token: Int64
    /// The checkpoint's hash.
    let parent: Hash?
    var arguments: [SQLValue] {
        [.integer(chainID.rawValue), .integer(token), .optional(parent?.bytes)]
    }

    /// What the listener makes of an error of a transaction that began with this statement.
    static func translated(_ error: any Error) -> any Error {
        switch error {
        case StorageError.queryFailed("TC001", _): ListenerError.fenced
        case StorageError.queryFailed("TC002", _): ListenerError.stale
        default: error
        }
    }
}

/// The end of the feed of chain `$1` within a transaction, which holds the chain's row.
enum FeedEnd {
    static let sql = """
        (SELECT greatest(chain.feed_sequence, (SELECT max(sequence) FROM feed WHERE chain_id = $1)) \
        FROM chains AS chain WHERE chain.chain_id = $1)
        """
}

/// Takes back every event above a block, the newest first; answers how many retractions the feed got.
///
/// Logs that are not events leave the canonical chain too, without a feed row.
struct RetractEvents: Statement {
    static let sql = """
        WITH orphaned AS (
            UPDATE events SET is_canonical = false WHERE chain_id = $1 AND block_number > $2 AND is_canonical
            RETURNING id, block_number, log_index, event_type
        ), appended AS (
            INSERT INTO feed (chain_id, sequence, kind, event_id, block_number)
            SELECT $1, \(FeedEnd.sql) + row_number() OVER (ORDER BY block_number DESC, log_index DESC), 1, id, block_number
            FROM orphaned WHERE event_type IS NOT NULL
            RETURNING sequence
        )
        SELECT count(*) FROM appended
        """
    let chainID: ChainID
    let fork: BlockNumber
    var arguments: [SQLValue] { [.integer(chainID.rawValue), .integer(fork.rawValue)] }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> Int64 { try row.integer(0) }
}

/// Stores logs in the order of the chain and appends those that are events to the feed.
///
/// A log that a reorganisation took away and brings back keeps its row. One that is stored with another content, or is
/// canonical already, is not stored, which shows in `stored`. The feed tells of which retracted event each is the same
/// log in another block, of the one retracted last if there are several.
struct InsertEvents: Statement {
    struct Counts: Sendable {
        let stored: Int64
        let appended: Int64
    }
    static let sql = """
        WITH stored AS (
            INSERT INTO events (
                chain_id, block_number, block_hash, block_timestamp, transaction_hash, transaction_index,
                transaction_from, log_index, contract_address, registry, event_type, decoding_error, agent_id, topics, data)
            SELECT $1, block_number, block_hash, block_timestamp, transaction_hash, transaction_index,
                transaction_from, log_index, contract_address, registry, event_type, decoding_error, agent_id, topics, data
            FROM unnest(
                $2::bigint[], $3::bytea[], $4::bigint[], $5::bytea[], $6::int[], $7::bytea[], $8::int[], $9::bytea[],
                $10::text[], $11::text[], $12::text[], $13::numeric[], $14::bytea[], $15::bytea[]) AS log (
                block_number, block_hash, block_timestamp, transaction_hash, transaction_index, transaction_from,
                log_index, contract_address, registry, event_type, decoding_error, agent_id, topics, data)
            ON CONFLICT ON CONSTRAINT events_position DO UPDATE
            SET is_canonical = true, transaction_from = coalesce(events.transaction_from, excluded.transaction_from)
            WHERE NOT events.is_canonical AND events.contract_address = excluded.contract_address
                AND events.transaction_hash = excluded.transaction_hash AND events.topics = excluded.topics
                AND events.data = excluded.data
            RETURNING id, block_number, block_hash, transaction_hash, log_index, event_type, contract_address, topics, data
        ), placed AS (
            SELECT *, row_number() OVER (PARTITION BY block_hash, transaction_hash ORDER BY log_index) AS place
            FROM stored
        ), appended AS (
            INSERT INTO feed (chain_id, sequence, kind, event_id, block_number, moved_from)
            SELECT $1, \(FeedEnd.sql) + row_number() OVER (ORDER BY block_number, log_index), 0, id, block_number, (
                SELECT old.id FROM events AS old JOIN feed AS retraction ON retraction.event_id = old.id
                WHERE old.chain_id = $1 AND NOT old.is_canonical AND old.transaction_hash = placed.transaction_hash
                    AND old.block_hash <> placed.block_hash AND old.contract_address = placed.contract_address
                    AND old.topics = placed.topics AND old.data = placed.data AND old.revision = 0
                    AND retraction.kind = 1
                    AND placed.place = (
                        SELECT count(*) FROM events AS sibling
                        WHERE sibling.chain_id = $1 AND sibling.block_number = old.block_number
                            AND sibling.block_hash = old.block_hash AND sibling.revision = 0
                            AND sibling.transaction_hash = old.transaction_hash AND sibling.log_index <= old.log_index)
                ORDER BY retraction.sequence DESC LIMIT 1)
            FROM placed WHERE event_type IS NOT NULL
            RETURNING sequence
        )
        SELECT (SELECT count(*) FROM stored), (SELECT count(*) FROM appended)
        """
    let chainID: ChainID
    let events: [EventRow]
    var arguments: [SQLValue] {
        [
            .integer(chainID.rawValue), .integers(events.map(\.log.blockNumber.rawValue)),
            .byteStrings(events.map(\.log.blockHash.bytes)), .integers(events.map(\.timestamp)),
            .byteStrings(events.map(\.log.transactionHash.bytes)),
            .integers(events.map { Int64($0.log.transactionIndex) }),
            .optionalByteStrings(events.map { $0.transactionFrom?.bytes }),
            .integers(events.map { Int64($0.log.logIndex) }), .byteStrings(events.map(\.log.address.bytes)),
            .texts(events.map(\.registry.rawValue)), .optionalTexts(events.map { $0.type?.rawValue }),
            .optionalTexts(events.map(\.decodingError)), .numerics(events.map { $0.agentID?.description }),
            .byteStrings(events.map { $0.log.topics.flatMap(\.bytes) }), .byteStrings(events.map(\.log.data)),
        ]
    }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> Counts {
        Counts(stored: try row.integer(0), appended: try row.integer(1))
    }
}

/// Appends the marks that moved over at least one event; answers how many did.
struct AppendMarks: Statement {
    static let sql = """
        WITH moved (kind, low, high) AS (
            VALUES (2, $2::bigint, $3::bigint), (3, $4::bigint, $5::bigint)
        ), appended AS (
            INSERT INTO feed (chain_id, sequence, kind, event_id, block_number)
            SELECT $1, \(FeedEnd.sql) + row_number() OVER (ORDER BY kind), kind, NULL, high FROM moved
            WHERE EXISTS (
                SELECT FROM events WHERE chain_id = $1 AND block_number > low AND block_number <= high
                    AND is_canonical AND event_type IS NOT NULL)
            RETURNING sequence
        )
        SELECT count(*) FROM appended
        """
    let chainID: ChainID
    /// The mark before and the mark now; nothing is appended where they agree.
    let safe: (old: BlockNumber?, new: BlockNumber?)
    let finalized: (old: BlockNumber?, new: BlockNumber?)
    var arguments: [SQLValue] {
        [.integer(chainID.rawValue)]
            + [safe.old, safe.new, finalized.old, finalized.new].map { .integer($0?.rawValue ?? -1) }
    }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> Int64 { try row.integer(0) }
}

/// Moves the checkpoint, the marks and the end of the feed, and keeps the lease; no row where the lease was lost.
struct FinishCommit: Statement {
    static let sql = """
        UPDATE chains
        SET checkpoint_number = coalesce($3, checkpoint_number), checkpoint_hash = coalesce($4, checkpoint_hash),
            feed_sequence = \(FeedEnd.sql), head_number = $5, head_seen_at = clock_timestamp(), safe_number = $6,
            finalized_number = $7, listener_until = clock_timestamp() + $8, listener_error = NULL,
            history_rate = $9
        WHERE chain_id = $1 AND listener_token = $2
        RETURNING true
        """
    let commit: FeedCommit
    let lease: Duration
    var arguments: [SQLValue] {
        [
            .integer(commit.chainID.rawValue), .integer(commit.token),
            .optional(commit.checkpoint?.number.rawValue), .optional(commit.checkpoint?.hash.bytes),
            .integer(commit.head.rawValue), .optional(commit.marks.safe?.rawValue),
            .optional(commit.marks.finalized?.rawValue), .duration(lease),
            commit.historyRate.map(SQLValue.double) ?? .null,
        ]
    }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> Bool { try row.boolean(0) }
}
