import Domain
import Ethereum
import Foundation
import Storage

/// An event as the API shows one: the stored row, and how sure it is.
struct ShownEvent {
    let stored: StoredEvent
    /// The surest mark that has passed its block.
    let finality: Finality
    /// How the block's logs were proved complete; nil while they are not.
    let verification: String?

    /// The columns that `init` reads, of `event` joined with `sources`.
    static let columns = """
        \(StoredEvent.columns(of: "event")), \
        event.block_number <= chain.safe_number, event.block_number <= chain.finalized_number, block.verification
        """

    static let sources = """
        events AS event
        LEFT JOIN chains AS chain ON chain.chain_id = event.chain_id
        LEFT JOIN blocks AS block ON block.chain_id = event.chain_id AND block.number = event.block_number
            AND block.hash = event.block_hash
        """

    init(_ row: borrowing RowReader) throws(StorageError) {
        stored = try StoredEvent(row)
        let column = StoredEvent.columnCount
        let isSafe = try row.optionalBoolean(column) ?? false
        let isFinalized = try row.optionalBoolean(column + 1) ?? false
        finality = !stored.isCanonical ? .latest : isFinalized ? .finalized : isSafe ? .safe : .latest
        verification = try row.optionalText(column + 2)
    }
}

/// What events are asked for; nil asks for all.
struct EventFilter: Sendable {
    let chain: ChainID?
    let registry: Registry?
    let type: EventType?
    let agent: UInt256?
    let fromBlock: Int64?
    let toBlock: Int64?
    let isDecoded: Bool?

    init(_ query: QueryReader) {
        chain = query.chainID()
        registry = query.value("registry", Read.choice())
        type = query.value("event_type", Self.type)
        agent = query.value("agent_id", Read.uint256)
        fromBlock = query.integer("from_block", 0...Int64.max)
        toBlock = query.integer("to_block", 0...Int64.max)
        isDecoded = query.boolean("decoded")
        if let fromBlock, let toBlock, fromBlock > toBlock {
            query.problems.add("to_block", "must not lie below from_block")
        }
    }

    /// An event's name, or document 003's `AgentMinted` for `Registered`.
    private static func type(_ value: JSON) -> Result<EventType, Refusal> {
        value == .string("AgentMinted") ? .success(.registered) : Read.choice(EventType.self)(value)
    }

    /// The condition on `event`; its arguments are `$2`–`$8`.
    static let condition = """
        ($2::bigint IS NULL OR event.chain_id = $2) AND ($3::text IS NULL OR event.registry = $3)
        AND ($4::text IS NULL OR event.event_type = $4) AND ($5::numeric IS NULL OR event.agent_id = $5)
        AND ($6::bigint IS NULL OR event.block_number >= $6) AND ($7::bigint IS NULL OR event.block_number <= $7)
        AND ($8::boolean IS NULL OR (event.event_type IS NOT NULL) = $8)
        """

    var arguments: [SQLValue] {
        [
            .optional(chain?.rawValue), .optional(registry?.rawValue), .optional(type?.rawValue),
            agent.map { .numeric($0.description) } ?? .null, .optional(fromBlock), .optional(toBlock),
            .optional(isDecoded),
        ]
    }
}

/// The filter that is sure to be there, so that PostgreSQL plans for the index that serves it.
///
/// One statement for all filters would be planned for none: "absent or equal" tells the planner nothing.
protocol EventKey {
    static var condition: String { get }
}

/// One agent's events.
enum ByAgent: EventKey {
    static let condition = "hash_numeric(event.agent_id) = hash_numeric($5) AND event.agent_id = $5"
}
/// One type's events.
enum ByType: EventKey { static let condition = "event.event_type = $4" }
/// One chain's events at known heights.
enum ByHeight: EventKey { static let condition = "event.chain_id = $2 AND event.block_number BETWEEN $6 AND $7" }
/// No such filter.
enum ByRow: EventKey { static let condition = "true" }

/// Lists events from new to old, below a row.
struct ListEventsBefore<Key: EventKey>: Statement {
    static var sql: String {
        """
        SELECT \(ShownEvent.columns) FROM \(ShownEvent.sources)
        WHERE event.id < $9 AND \(Key.condition) AND \(EventFilter.condition) ORDER BY event.id DESC LIMIT $1
        """
    }
    let limit: Int64
    let filter: EventFilter
    let row: Int64
    var arguments: [SQLValue] { [.integer(limit)] + filter.arguments + [.integer(row)] }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> ShownEvent { try ShownEvent(row) }
}

/// Lists events from old to new, above a row.
struct ListEventsAfter<Key: EventKey>: Statement {
    static var sql: String {
        """
        SELECT \(ShownEvent.columns) FROM \(ShownEvent.sources)
        WHERE event.id > $9 AND \(Key.condition) AND \(EventFilter.condition) ORDER BY event.id LIMIT $1
        """
    }
    let limit: Int64
    let filter: EventFilter
    let row: Int64
    var arguments: [SQLValue] { [.integer(limit)] + filter.arguments + [.integer(row)] }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> ShownEvent { try ShownEvent(row) }
}

/// Reads one event.
struct FindEvent: Statement {
    static let sql = "SELECT \(ShownEvent.columns) FROM \(ShownEvent.sources) WHERE event.id = $1"
    let id: EventID
    var arguments: [SQLValue] { [.integer(id.rawValue)] }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> ShownEvent { try ShownEvent(row) }
}
