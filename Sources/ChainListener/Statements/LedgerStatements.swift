import Domain
import Ethereum
import Storage

/// Puts heights on the ledger of what is unverified, joined with what touches them there.
///
/// The ranges of one call lie close together: everything between the first and the last is read.
struct AddUnverified: Statement {
    static let sql = """
        WITH added AS (
            SELECT first, last FROM unnest($2::bigint[], $3::bigint[]) AS range (first, last)
        ), bounds AS (
            SELECT min(first) - 1 AS low, max(last) + 1 AS high FROM added
        ), taken AS (
            DELETE FROM unverified_ranges AS old USING bounds
            WHERE chain_id = $1 AND last >= low AND first <= high
                AND first >= coalesce(
                    (SELECT max(first) FROM unverified_ranges WHERE chain_id = $1 AND first <= low), low)
            RETURNING old.first, old.last
        ), joined AS (
            SELECT unnest(range_agg(int8range(first, last, '[]'))) AS span
            FROM (SELECT first, last FROM added UNION ALL SELECT first, last FROM taken) AS range
        )
        INSERT INTO unverified_ranges (chain_id, first, last) SELECT $1, lower(span), upper(span) - 1 FROM joined
        """
    let chainID: ChainID
    let ranges: [ClosedRange<BlockNumber>]
    var arguments: [SQLValue] {
        [
            .integer(chainID.rawValue), .integers(ranges.map(\.lowerBound.rawValue)),
            .integers(ranges.map(\.upperBound.rawValue)),
        ]
    }
}

/// Takes heights off the ledger; ranges that reach over them are cut.
struct RemoveUnverified: Statement {
    static let sql = """
        WITH removed AS (
            SELECT first, last FROM unnest($2::bigint[], $3::bigint[]) AS range (first, last)
        ), bounds AS (
            SELECT min(first) AS low, max(last) AS high FROM removed
        ), taken AS (
            DELETE FROM unverified_ranges AS old USING bounds
            WHERE chain_id = $1 AND last >= low AND first <= high
                AND first >= coalesce(
                    (SELECT max(first) FROM unverified_ranges WHERE chain_id = $1 AND first <= low), low)
            RETURNING old.first, old.last
        ), kept AS (
            SELECT unnest(
                (SELECT range_agg(int8range(first, last, '[]')) FROM taken)
                - (SELECT range_agg(int8range(first, last, '[]')) FROM removed)) AS span
        )
        INSERT INTO unverified_ranges (chain_id, first, last) SELECT $1, lower(span), upper(span) - 1 FROM kept
        """
    let chainID: ChainID
    let ranges: [ClosedRange<BlockNumber>]
    var arguments: [SQLValue] {
        [
            .integer(chainID.rawValue), .integers(ranges.map(\.lowerBound.rawValue)),
            .integers(ranges.map(\.upperBound.rawValue)),
        ]
    }
}

/// Takes everything above a block off the ledger, since a reorganisation took it off the chain.
struct ForgetUnverified: Statement {
    static let sql = """
        WITH gone AS (
            DELETE FROM unverified_ranges WHERE chain_id = $1 AND first > $2
        )
        UPDATE unverified_ranges SET last = $2 WHERE chain_id = $1 AND last > $2 AND first = (
            SELECT max(first) FROM unverified_ranges WHERE chain_id = $1 AND first <= $2)
        """
    let chainID: ChainID
    let fork: BlockNumber
    var arguments: [SQLValue] { [.integer(chainID.rawValue), .integer(fork.rawValue)] }
}

/// The lowest unverified range that reaches to a height or above it, and how far the chain is final.
struct FindUnverified: Statement {
    struct Found: Sendable {
        let range: ClosedRange<BlockNumber>
        let finalized: BlockNumber?
    }
    static let sql = """
        SELECT greatest(range.first, $2), range.last, chain.finalized_number
        FROM unverified_ranges AS range JOIN chains AS chain USING (chain_id)
        WHERE range.chain_id = $1 AND range.last >= $2 AND range.first >= coalesce(
            (SELECT max(first) FROM unverified_ranges WHERE chain_id = $1 AND first <= $2), $2)
        ORDER BY range.first LIMIT 1
        """
    let chainID: ChainID
    let position: BlockNumber
    var arguments: [SQLValue] { [.integer(chainID.rawValue), .integer(position.rawValue)] }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> Found {
        guard let first = try row.optionalBlockNumber(0), let last = try row.optionalBlockNumber(1), first <= last
        else { throw row.failure(0, "range of blocks") }
        return Found(range: first...last, finalized: try row.optionalBlockNumber(2))
    }
}

/// How many heights are unverified.
struct CountUnverified: Statement {
    static let sql = "SELECT coalesce(sum(last - first + 1), 0)::bigint FROM unverified_ranges WHERE chain_id = $1"
    let chainID: ChainID
    var arguments: [SQLValue] { [.integer(chainID.rawValue)] }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> Int64 { try row.integer(0) }
}

/// The hashes of the canonical blocks that are stored in a range.
struct LoadCanonicalHashes: Statement {
    static let sql = """
        SELECT number, hash FROM blocks WHERE chain_id = $1 AND number BETWEEN $2 AND $3 AND is_canonical
        """
    let chainID: ChainID
    let range: ClosedRange<BlockNumber>
    var arguments: [SQLValue] {
        [.integer(chainID.rawValue), .integer(range.lowerBound.rawValue), .integer(range.upperBound.rawValue)]
    }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> (BlockNumber, Hash) {
        guard let number = try row.optionalBlockNumber(0) else { throw row.failure(0, "block number") }
        return (number, try row.hash(1))
    }
}

/// The canonical logs that are stored in a range, in the order of the chain.
struct LoadCanonicalLogs: Statement {
    static let sql = """
        SELECT \(StoredEvent.columns(of: "event")) FROM events AS event
        WHERE chain_id = $1 AND block_number BETWEEN $2 AND $3 AND is_canonical ORDER BY block_number, log_index
        """
    let chainID: ChainID
    let range: ClosedRange<BlockNumber>
    var arguments: [SQLValue] {
        [.integer(chainID.rawValue), .integer(range.lowerBound.rawValue), .integer(range.upperBound.rawValue)]
    }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> StoredEvent { try StoredEvent(row) }
}

/// The newest canonical logs of a chain.
struct LoadNewestLogs: Statement {
    static let sql = """
        SELECT \(StoredEvent.columns(of: "event")) FROM events AS event
        WHERE chain_id = $1 AND is_canonical ORDER BY block_number DESC, log_index DESC LIMIT $2
        """
    let chainID: ChainID
    let limit: Int
    var arguments: [SQLValue] { [.integer(chainID.rawValue), .integer(Int64(limit))] }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> StoredEvent { try StoredEvent(row) }
}

/// Notes how blocks were verified, where that was not known.
struct MarkVerified: Statement {
    static let sql = """
        UPDATE blocks SET verification = proof.verification
        FROM unnest($2::bigint[], $3::bytea[], $4::text[]) AS proof (number, hash, verification)
        WHERE chain_id = $1 AND blocks.number = proof.number AND blocks.hash = proof.hash AND blocks.verification IS NULL
        """
    let chainID: ChainID
    let blocks: [(number: BlockNumber, hash: Hash, verification: Verification)]
    var arguments: [SQLValue] {
        [
            .integer(chainID.rawValue), .integers(blocks.map(\.number.rawValue)),
            .byteStrings(blocks.map(\.hash.bytes)),
            .texts(blocks.map(\.verification.rawValue)),
        ]
    }
}

/// Takes events back that turned out not to be on the chain, the newest first; answers how many retractions the feed got.
///
/// Their places are free then for what is there on the chain.
struct RetractListed: Statement {
    static let sql = """
        WITH orphaned AS (
            UPDATE events SET is_canonical = false, revision = 1 + (
                SELECT max(revision) FROM events AS other
                WHERE other.chain_id = $1 AND other.block_number = events.block_number
                    AND other.block_hash = events.block_hash AND other.log_index = events.log_index)
            WHERE chain_id = $1 AND id = ANY ($2) AND is_canonical
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
    let events: [EventID]
    var arguments: [SQLValue] {
        [.integer(chainID.rawValue), .integers(events.map(\.rawValue))]
    }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> Int64 { try row.integer(0) }
}

/// Moves the end of the feed; no row where the lease was lost.
struct MoveFeedEnd: Statement {
    static let sql = "UPDATE chains SET feed_sequence = \(FeedEnd.sql) WHERE chain_id = $1 AND listener_token = $2"
    let chainID: ChainID
    let token: Int64
    var arguments: [SQLValue] { [.integer(chainID.rawValue), .integer(token)] }
}
