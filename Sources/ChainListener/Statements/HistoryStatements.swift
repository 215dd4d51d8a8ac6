import Domain
import Ethereum
import EthereumRPC
import Storage

/// Sets rows of `events` aside for history that is copied in; none where something may be in its way.
///
/// Above the checkpoint lies only what a reorganisation took back. Without it no log of history can be stored already, as
/// long as the chain's row is held. A transaction of which events were taken back may have moved, which a copy cannot tell.
struct ReserveEvents: Statement {
    static let sql = """
        WITH orphaned AS MATERIALIZED (
            SELECT transaction_hash FROM events WHERE chain_id = $1 AND NOT is_canonical
        )
        SELECT string_agg(int8send(nextval('events_id_seq')), NULL)
        FROM generate_series(1, $3)
        WHERE NOT EXISTS (SELECT FROM events WHERE chain_id = $1 AND block_number > $2)
            AND NOT EXISTS (SELECT FROM blocks WHERE chain_id = $1 AND number > $2)
            AND NOT EXISTS (SELECT FROM orphaned WHERE transaction_hash = ANY ($4))
        """
    let chainID: ChainID
    let checkpoint: BlockNumber?
    let transactions: [Hash]
    let count: Int
    var arguments: [SQLValue] {
        [
            .integer(chainID.rawValue), .integer(checkpoint?.rawValue ?? -1), .integer(Int64(count)),
            .byteStrings(transactions.map(\.bytes)),
        ]
    }
    /// The numbers, ascending; nil where history must be inserted with care.
    func decode(_ row: borrowing RowReader) throws(StorageError) -> [Int64]? {
        guard let bytes = try row.optionalBytes(0) else { return nil }
        guard bytes.count == 8 * count else { throw row.failure(0, "numbers") }
        return bytes.withUnsafeBytes { buffer in
            (0..<count).map { Int64(bigEndian: buffer.loadUnaligned(fromByteOffset: 8 * $0, as: Int64.self)) }
        }
    }
}

extension Connection {
    /// Copies blocks that are not stored in any form.
    nonisolated(nonsending) func copy(_ blocks: [BlockRow], of chainID: ChainID) async throws {
        try await copy(
            into: "blocks",
            columns: ["chain_id", "number", "hash", "parent_hash", "timestamp", "verification", "log_count"],
            count: blocks.count
        ) { place, row in
            let block = blocks[place]
            row.integer(chainID.rawValue)
            row.integer(block.header.number.rawValue)
            row.hash(block.header.hash)
            row.hash(block.header.parentHash)
            row.integer(block.header.timestamp)
            row.text(block.verification?.rawValue)
            row.integer(Int64(block.logCount))
        }
    }

    /// Copies logs that are not stored in any form, under the numbers `ids`.
    nonisolated(nonsending) func copy(_ events: [EventRow], ids: [Int64], of chainID: ChainID) async throws {
        try await copy(
            into: "events",
            columns: [
                "id", "chain_id", "block_number", "block_hash", "block_timestamp", "transaction_hash",
                "transaction_index", "transaction_from", "log_index", "contract_address", "registry", "event_type",
                "decoding_error", "agent_id", "topics", "data",
            ], count: events.count
        ) { place, row in
            let event = events[place]
            let log = event.log
            row.integer(ids[place])
            row.integer(chainID.rawValue)
            row.integer(log.blockNumber.rawValue)
            row.hash(log.blockHash)
            row.integer(event.timestamp)
            row.hash(log.transactionHash)
            row.integer(Int64(log.transactionIndex))
            row.address(event.transactionFrom)
            row.integer(Int64(log.logIndex))
            row.address(log.address)
            row.text(event.registry.rawValue)
            row.text(event.type?.rawValue)
            row.text(event.decodingError)
            row.uint256(event.agentID)
            row.hashes(log.topics)
            row.bytes(log.data)
        }
    }

    /// Appends those of `events` that are events to the feed, behind `sequence`; answers how many.
    nonisolated(nonsending) func copyFeed(
        _ events: [EventRow], ids: [Int64], behind sequence: Int64, of chainID: ChainID
    ) async throws -> Int {
        let decoded = events.indices.filter { events[$0].type != nil }
        return try await copy(
            into: "feed", columns: ["chain_id", "sequence", "kind", "event_id", "block_number"], count: decoded.count
        ) { place, row in
            let event = decoded[place]
            row.integer(chainID.rawValue)
            row.integer(sequence + Int64(place) + 1)
            row.integer(0)
            row.integer(ids[event])
            row.integer(events[event].log.blockNumber.rawValue)
        }
    }
}
