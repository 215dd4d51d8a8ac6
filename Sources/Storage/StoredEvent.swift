public import Domain
public import Ethereum
public import Foundation

/// A row of `events`: a log, where it stands, and the event that it is.
public struct StoredEvent: Sendable {
    /// The row's number.
    public let id: EventID
    /// The chain that it happened on.
    public let chainID: ChainID
    /// The registry whose contract wrote it.
    public let registry: Registry
    /// The log itself.
    public let log: Log
    /// The block's timestamp in seconds since 1970.
    public let timestamp: Int64
    /// The account that sent the transaction, where it is known.
    public let transactionFrom: Address?
    /// What the log says; nil where it cannot be decoded.
    public let event: Event?
    /// Why it could not be decoded when it was stored.
    public let decodingError: String?
    /// False once a reorganisation took its block away.
    public let isCanonical: Bool
    /// When it was stored.
    public let createdAt: Date

    /// How many columns `columns(of:)` names.
    public static let columnCount = 16

    /// The columns to select, separated by commas, of `events` under the name `alias`.
    public static func columns(of alias: String) -> String {
        [
            "id", "chain_id", "registry", "contract_address", "topics", "data", "block_number", "block_hash",
            "transaction_hash", "transaction_index", "log_index", "block_timestamp", "transaction_from",
            "decoding_error", "is_canonical", "created_at",
        ].map { "\(alias).\($0)" }.joined(separator: ", ")
    }

    /// Reads the columns that `columns(of:)` names, the first of which is `row`'s column `first`; decodes the log.
    public init(_ row: borrowing RowReader, from first: Int = 0) throws(StorageError) {
        id = EventID(rawValue: try row.integer(first))
        guard let chainID = ChainID(rawValue: try row.integer(first + 1)) else { throw row.failure(first + 1, "chain") }
        guard let registry = Registry(rawValue: try row.text(first + 2)) else {
            throw row.failure(first + 2, "registry")
        }
        self.chainID = chainID
        self.registry = registry
        log = try Self.log(row, from: first + 3)
        timestamp = try row.integer(first + 11)
        transactionFrom = try row.optionalAddress(first + 12)
        decodingError = try row.optionalText(first + 13)
        isCanonical = try row.boolean(first + 14)
        createdAt = try row.date(first + 15)
        event = Event(
            decoding: log, chainID: chainID, registry: registry, timestamp: timestamp, transactionFrom: transactionFrom)
    }

    private static func log(_ row: borrowing RowReader, from first: Int) throws(StorageError) -> Log {
        guard let number = BlockNumber(rawValue: try row.integer(first + 3)) else {
            throw row.failure(first + 3, "block number")
        }
        guard let transactionIndex = UInt32(exactly: try row.integer(first + 6)) else {
            throw row.failure(first + 6, "transaction index")
        }
        guard let logIndex = UInt32(exactly: try row.integer(first + 7)) else {
            throw row.failure(first + 7, "log index")
        }
        return Log(
            address: try row.address(first), topics: try row.topics(first + 1), data: try row.bytes(first + 2),
            blockNumber: number, blockHash: try row.hash(first + 4), transactionHash: try row.hash(first + 5),
            transactionIndex: transactionIndex, logIndex: logIndex)
    }
}

extension RowReader {
    /// A `bytea` of 0...4 words of 32 bytes.
    public func topics(_ column: Int) throws(StorageError) -> Topics {
        let bytes = try bytes(column)
        var topics = Topics()
        guard bytes.count.isMultiple(of: 32) else { throw failure(column, "topics") }
        for start in stride(from: 0, to: bytes.count, by: 32) {
            guard let word = Hash(bytes: bytes[start..<(start + 32)]), topics.append(word) else {
                throw failure(column, "topics")
            }
        }
        return topics
    }
}

/// The events with the numbers `ids`, in no particular order; numbers without a row are left out.
public struct SelectEvents: Statement {
    /// Selects by primary key.
    public static let sql = "SELECT \(StoredEvent.columns(of: "event")) FROM events AS event WHERE id = ANY ($1)"
    private let ids: [EventID]

    /// The events `ids`.
    public init(ids: [EventID]) { self.ids = ids }

    /// The numbers as one array.
    public var arguments: [SQLValue] { [.integers(ids.map(\.rawValue))] }

    /// The event in a row.
    public func decode(_ row: borrowing RowReader) throws(StorageError) -> StoredEvent { try StoredEvent(row) }
}
