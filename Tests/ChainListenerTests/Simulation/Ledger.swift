import ChainListener
import Domain
import Ethereum
import Storage
import TestSupport

/// One row of a feed, joined with what it is about.
struct LedgerRow: Sendable, Equatable {
    let sequence: Int64
    let kind: Int64
    let eventID: Int64?
    let block: BlockNumber
    let blockHash: Hash?
    let logIndex: Int64?
}

struct ReadFeed: Statement {
    static let sql = """
        SELECT feed.sequence, feed.kind, feed.event_id, feed.block_number, events.block_hash, events.log_index
        FROM feed LEFT JOIN events ON events.id = feed.event_id WHERE feed.chain_id = $1 ORDER BY feed.sequence
        """
    let chainID: ChainID
    var arguments: [SQLValue] { [.integer(chainID.rawValue)] }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> LedgerRow {
        LedgerRow(
            sequence: try row.integer(0), kind: try row.integer(1), eventID: try row.optionalInteger(2),
            block: BlockNumber(integerLiteral: try row.integer(3)), blockHash: try row.optionalHash(4),
            logIndex: try row.optionalInteger(5))
    }
}

struct ReadCanonicalLogs: Statement {
    struct Row: Sendable, Hashable {
        let blockHash: Hash
        let logIndex: UInt32
        let type: String?
        let decodingError: String?
        let from: Address?
    }
    static let sql = """
        SELECT block_hash, log_index, event_type, decoding_error, transaction_from FROM events
        WHERE chain_id = $1 AND is_canonical ORDER BY block_number, log_index
        """
    let chainID: ChainID
    var arguments: [SQLValue] { [.integer(chainID.rawValue)] }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> Row {
        Row(
            blockHash: try row.hash(0), logIndex: UInt32(try row.integer(1)), type: try row.optionalText(2),
            decodingError: try row.optionalText(3), from: try row.optionalAddress(4))
    }
}

struct ReadChain: Statement {
    struct Row: Sendable, Equatable {
        let checkpoint: Int64?
        let checkpointHash: Hash?
        let sequence: Int64
        let safe: Int64?
        let finalized: Int64?
        let halted: String?
        let token: Int64
        let error: String?
    }
    static let sql = """
        SELECT checkpoint_number, checkpoint_hash, feed_sequence, safe_number, finalized_number, halted_reason,
            listener_token, listener_error
        FROM chains WHERE chain_id = $1
        """
    let chainID: ChainID
    var arguments: [SQLValue] { [.integer(chainID.rawValue)] }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> Row {
        Row(
            checkpoint: try row.optionalInteger(0), checkpointHash: try row.optionalHash(1),
            sequence: try row.integer(2), safe: try row.optionalInteger(3), finalized: try row.optionalInteger(4),
            halted: try row.optionalText(5), token: try row.integer(6), error: try row.optionalText(7))
    }
}

/// What a reader of the feed knows at its end, and what was wrong with the way there.
struct Ledger {
    /// The events that stand, in order.
    private(set) var standing: [(place: Place, block: BlockNumber)] = []
    private(set) var problems: [String] = []
    private(set) var retractions = 0
    private(set) var safe: BlockNumber?
    private(set) var finalized: BlockNumber?

    struct Place: Hashable {
        let blockHash: Hash
        let logIndex: UInt32
    }

    init(replaying rows: [LedgerRow]) {
        for (index, row) in rows.enumerated() {
            if row.sequence != Int64(index + 1) { problems.append("sequence \(row.sequence) at place \(index + 1)") }
            switch row.kind {
            case 0: append(row)
            case 1: retract(row)
            case 2: safe = row.block
            default:
                if let mark = finalized, row.block < mark {
                    problems.append("finalized fell from \(mark) to \(row.block)")
                }
                finalized = row.block
            }
        }
    }

    private mutating func append(_ row: LedgerRow) {
        guard let hash = row.blockHash, let index = row.logIndex else {
            return problems.append("an event without a row")
        }
        let place = Place(blockHash: hash, logIndex: UInt32(index))
        if standing.contains(where: { $0.place == place }) { problems.append("event \(place) comes twice") }
        if let last = standing.last, last.block > row.block {
            problems.append("block \(row.block) after \(last.block)")
        }
        standing.append((place, row.block))
    }

    private mutating func retract(_ row: LedgerRow) {
        retractions += 1
        guard let last = standing.popLast(), last.place.blockHash == row.blockHash,
            Int64(last.place.logIndex) == row.logIndex
        else { return problems.append("retraction \(row.sequence) is not about the newest event") }
        if let mark = finalized, row.block <= mark {
            problems.append("block \(row.block) was final when it was retracted")
        }
    }
}
