import Domain
import Ethereum
import Foundation
import Hummingbird
import Storage
import Templates

/// What was seen on the chains: public data, so every account may read all of it.
struct EventRoutes: Sendable {
    let database: Database
    let chains: [ChainID: Chain]

    init(database: Database, chains: [Chain]) {
        self.database = database
        self.chains = Dictionary(chains.map { ($0.id, $0) }) { first, _ in first }
    }

    var endpoints: [Endpoint] {
        [
            .account(.get, "/api/v1/events", list),
            .account(.get, "/api/v1/events/{child_id}", get),
        ]
    }

    private func list(_ call: Call, _ account: Account) async throws -> Response {
        let query = QueryReader(call.request)
        let stretch = Stretch(query)
        let filter = EventFilter(query)
        try query.finish()
        let rows = try await read(stretch, filter)
        let shown = stretch.shown(rows)
        return .json { writer in
            writer.member("data", array: shown) { writer, event in
                writer.object { write(event, to: &$0) }
            }
            writer.cursor(stretch, ids: shown.map(\.stored.id.rawValue), read: rows.count)
        }
    }

    private func read(_ stretch: Stretch, _ filter: EventFilter) async throws -> [ShownEvent] {
        if filter.agent != nil { return try await read(stretch, filter, by: ByAgent.self) }
        if filter.chain != nil, filter.fromBlock != nil, filter.toBlock != nil {
            return try await read(stretch, filter, by: ByHeight.self)
        }
        if filter.type != nil { return try await read(stretch, filter, by: ByType.self) }
        return try await read(stretch, filter, by: ByRow.self)
    }

    /// One row more than asked for, to see whether there are more.
    private func read<Key: EventKey>(
        _ stretch: Stretch, _ filter: EventFilter, by _: Key.Type
    ) async throws -> [ShownEvent] {
        let limit = stretch.limit + 1
        let row: Int64
        switch stretch.cursor {
        case .after(let newer):
            return try await database.query(ListEventsAfter<Key>(limit: limit, filter: filter, row: newer))
        case .before(let older): row = older
        case nil: row = .max
        }
        return try await database.query(ListEventsBefore<Key>(limit: limit, filter: filter, row: row))
    }

    private func get(_ call: Call, _ account: Account) async throws -> Response {
        let id = EventID(rawValue: try call.rowID(of: "This event"))
        guard let event = try await database.first(FindEvent(id: id)) else { throw APIError.notFound("This event") }
        return .data { writer in
            write(event, to: &writer)
            writer.member("topics", array: event.stored.log.topics) { $0.string($1.description) }
            writer.member("data", Hex.encode(event.stored.log.data))
        }
    }

    /// The members of the default document's `data`, and what only the store knows.
    private func write(_ shown: ShownEvent, to writer: inout JSONWriter) {
        let stored = shown.stored
        writer.member("id", stored.id.rawValue)
        if let event = stored.event {
            let chain = chains[stored.chainID]
            let document = EventDocument.data(
                eventID: stored.id, event: event, chainName: chain?.name, explorerURL: chain?.explorerURL,
                kind: .notification)
            guard case .object(let members) = document else { return }
            for (name, value) in members.sorted(by: { $0.key < $1.key })
            where name != "event_id" && name != "is_retraction" {
                writer.name(escaping: name)
                writer.json(value)
            }
        } else {
            writeLog(of: stored, to: &writer)
        }
        writer.member("is_canonical", stored.isCanonical)
        writer.member("finality", shown.finality.rawValue)
        writer.member("verification", shown.verification)
        writer.member("seen_at", Timestamp(stored.createdAt, .milliseconds))
    }

    /// What is known of a log that no layout fits.
    private func writeLog(of stored: StoredEvent, to writer: inout JSONWriter) {
        writer.member("event_type", nil as String?)
        writer.member("decoding_error", stored.decodingError)
        writer.member("registry", stored.registry.rawValue)
        writer.member("chain_id", stored.chainID.rawValue)
        writer.member("contract_address", stored.log.address.checksummed)
        writer.member("block_number", stored.log.blockNumber.rawValue)
        writer.member("block_hash", stored.log.blockHash.description)
        writer.member("block_timestamp", Timestamp(seconds: stored.timestamp))
        writer.member("transaction_hash", stored.log.transactionHash.description)
        writer.member("log_index", stored.log.logIndex)
    }
}
