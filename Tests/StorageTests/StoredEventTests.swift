import Domain
import Ethereum
import Storage
import TestSupport
import Testing

@Suite("Stored events", .freshDatabase)
struct StoredEventTests {
    struct Insert: Statement {
        static let sql = """
            INSERT INTO events (chain_id, block_number, block_hash, block_timestamp, transaction_hash, transaction_index,
                transaction_from, log_index, contract_address, registry, event_type, decoding_error, topics, data)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) RETURNING id
            """
        let log: Log
        var from: Address?
        var type: String?
        var error: String?
        var arguments: [SQLValue] {
            [
                .integer(8453), .integer(log.blockNumber.rawValue), .bytes(log.blockHash.bytes),
                .integer(1_700_000_000),
                .bytes(log.transactionHash.bytes), .integer(Int64(log.transactionIndex)), .optional(from?.bytes),
                .integer(Int64(log.logIndex)), .bytes(log.address.bytes), .text("identity"), .optional(type),
                .optional(error), .bytes(log.topics.flatMap(\.bytes)), .bytes(log.data),
            ]
        }
        func decode(_ row: borrowing RowReader) throws(StorageError) -> EventID {
            EventID(rawValue: try row.integer(0))
        }
    }

    private func word(_ value: UInt64) -> Hash { UInt256(value).word }

    private func log(index: UInt32, topics: [Hash], data: [UInt8] = []) throws -> Log {
        Log(
            address: try #require(Address(bytes: word(0xabc).bytes.suffix(20))), topics: try #require(Topics(topics)),
            data: data, blockNumber: 100, blockHash: word(1), transactionHash: word(2), transactionIndex: 7,
            logIndex: index)
    }

    @Test("come back as the event that their log is, or as the log alone")
    func roundTrip() async throws {
        let database = TestDatabase.current.database
        let layout = try #require(EventLayouts.all.first { $0.type == .transfer })
        let largest = Hash(bytes: [UInt8](repeating: 0xff, count: 32)) ?? .zero
        let transfer = try log(index: 3, topics: [layout.topic0, word(0x11), word(0x22), largest])
        let unknown = try log(index: 4, topics: [], data: [0, 1, 2])
        let sender = try #require(Address(bytes: word(0xdef).bytes.suffix(20)))
        let first = try #require(try await database.first(Insert(log: transfer, from: sender, type: "Transfer")))
        let second = try #require(try await database.first(Insert(log: unknown, error: "no topics")))

        let events = try await database.query(SelectEvents(ids: [second, first, EventID(rawValue: -1)]))
            .sorted { $0.id < $1.id }
        #expect(events.map(\.id) == [first, second])
        #expect(events[0].log == transfer)
        #expect(events[0].transactionFrom == sender)
        #expect(events[0].timestamp == 1_700_000_000)
        #expect(events[0].isCanonical)
        let event = try #require(events[0].event)
        #expect(event.type == .transfer)
        #expect(event.value(of: .agentID) == .number(Number(UInt256(largest))))
        #expect(event.chainID.rawValue == 8453)
        #expect(events[1].log == unknown)
        #expect(events[1].event == nil)
        #expect(events[1].decodingError == "no topics")
        #expect(events[1].transactionFrom == nil)
    }

    @Test("are selected by statements that fit the schema")
    func prepared() async throws {
        try await TestDatabase.current.database.withConnection { connection in
            let described = try await connection.describe(SelectEvents.self)
            #expect(described.arguments == 1)
            #expect(described.columns == StoredEvent.columnCount)
        }
    }
}
