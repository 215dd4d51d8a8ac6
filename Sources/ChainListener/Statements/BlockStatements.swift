import Domain
import Ethereum
import EthereumRPC
import Storage

/// The newest canonical blocks up to the checkpoint, newest first.
struct LoadWindow: Statement {
    static let sql = """
        SELECT number, hash, parent_hash, timestamp FROM blocks
        WHERE chain_id = $1 AND is_canonical AND number <= $2 ORDER BY number DESC LIMIT $3
        """
    let chainID: ChainID
    let checkpoint: BlockNumber
    let limit: Int
    var arguments: [SQLValue] {
        [.integer(chainID.rawValue), .integer(checkpoint.rawValue), .integer(Int64(limit))]
    }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> Header {
        guard let number = try row.optionalBlockNumber(0) else { throw row.failure(0, "block number") }
        return Header(
            number: number, hash: try row.hash(1), parentHash: try row.hash(2), timestamp: try row.integer(3),
            logsBloom: nil)
    }
}

/// Takes everything above a block out of the canonical chain.
struct OrphanBlocks: Statement {
    static let sql = """
        UPDATE blocks SET is_canonical = false WHERE chain_id = $1 AND number > $2 AND is_canonical
        """
    let chainID: ChainID
    let fork: BlockNumber
    var arguments: [SQLValue] { [.integer(chainID.rawValue), .integer(fork.rawValue)] }
}

/// Records blocks, lowest first; one that was canonical before becomes so again.
struct InsertBlocks: Statement {
    static let sql = """
        INSERT INTO blocks (chain_id, number, hash, parent_hash, timestamp, verification, log_count)
        SELECT $1, number, hash, parent_hash, timestamp, verification, log_count
        FROM unnest($2::bigint[], $3::bytea[], $4::bytea[], $5::bigint[], $6::text[], $7::int[])
            AS block (number, hash, parent_hash, timestamp, verification, log_count)
        ON CONFLICT (chain_id, number, hash) DO UPDATE
        SET is_canonical = true, verification = coalesce(excluded.verification, blocks.verification),
            log_count = excluded.log_count
        """
    let chainID: ChainID
    let blocks: [BlockRow]
    var arguments: [SQLValue] {
        [
            .integer(chainID.rawValue), .integers(blocks.map(\.header.number.rawValue)),
            .byteStrings(blocks.map(\.header.hash.bytes)), .byteStrings(blocks.map(\.header.parentHash.bytes)),
            .integers(blocks.map(\.header.timestamp)), .optionalTexts(blocks.map { $0.verification?.rawValue }),
            .integers(blocks.map { Int64($0.logCount) }),
        ]
    }
}

/// Removes blocks under a height that hold no logs, at most `limit` of them, lowest first.
struct PruneBlocks: Statement {
    static let sql = """
        DELETE FROM blocks WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM blocks WHERE chain_id = $1 AND number < $2 AND log_count = 0 ORDER BY number LIMIT $3
        ))
        """
    let chainID: ChainID
    let below: BlockNumber
    let limit: Int
    var arguments: [SQLValue] { [.integer(chainID.rawValue), .integer(below.rawValue), .integer(Int64(limit))] }
}
