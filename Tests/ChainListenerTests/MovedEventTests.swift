import Domain
import Ethereum
import EthereumRPC
import Storage
import TestSupport
import Testing

@testable import ChainListener

@Suite("events that a reorganisation moves", .freshDatabase)
struct MovedEventTests {
    private struct Row: Sendable, Equatable {
        let kind: Int64
        let event: Int64
        let movedFrom: Int64?
    }

    private struct ReadRows: Statement {
        static let sql = """
            SELECT kind, event_id, moved_from FROM feed WHERE chain_id = $1 AND event_id IS NOT NULL ORDER BY sequence
            """
        let chainID: ChainID
        var arguments: [SQLValue] { [.integer(chainID.rawValue)] }
        func decode(_ row: borrowing RowReader) throws(StorageError) -> Row {
            Row(kind: try row.integer(0), event: try row.integer(1), movedFrom: try row.optionalInteger(2))
        }
    }

    /// Commits blocks by hand; a block is named by a number that its hash is made of.
    private struct Writer {
        let store = FeedStore(
            database: TestDatabase.current.database, holder: LifeLock.test(1).holder, leaseDuration: .seconds(60),
            pruneMax: 8)
        let chain = Simulation.chain(5)
        let lease: Lease
        var checkpoint: Hash?

        init() async throws {
            let (store, chainID) = (store, chain.id)
            lease = try await TestDatabase.current.database.alive { try #require(try await store.acquire(chainID)) }
        }

        /// A `Transfer` in the transaction `transaction`, of the token `token`.
        static func log(_ transaction: UInt64, at index: UInt32, token: UInt64 = 1) -> Log {
            let topics = [SimulatedChain.transfer] + [1, 2, token].map(SimulatedChain.word)
            return Log(
                address: SimulatedChain.identity, topics: Topics(topics) ?? Topics(), data: [], blockNumber: 0,
                blockHash: .zero, transactionHash: SimulatedChain.word(transaction), transactionIndex: index,
                logIndex: index)
        }

        mutating func commit(_ name: UInt64, at height: BlockNumber, fork: BlockNumber? = nil, _ logs: [Log])
            async throws
        {
            let hash = SimulatedChain.word(name)
            let header = Header(number: height, hash: hash, parentHash: .zero, timestamp: 1)
            let rows = logs.map { log in
                var log = log
                (log.blockNumber, log.blockHash) = (height, hash)
                return EventRow(log: log, registry: .identity, timestamp: 1)
            }
            let block = BlockRow(header: header, verification: .quorum, logCount: rows.count)
            let commit = FeedCommit(
                chainID: chain.id, token: lease.token, parent: checkpoint, fork: fork, blocks: [block], events: rows,
                checkpoint: Checkpoint(number: height, hash: hash), head: height, marksBefore: FinalityMarks(),
                marks: FinalityMarks())
            _ = try await store.commit(commit)
            checkpoint = hash
        }

        func rows() async throws -> [Row] {
            try await TestDatabase.current.database.query(ReadRows(chainID: chain.id))
        }
    }

    @Test("the same logs in another block name what they were, whatever their index in the block")
    func moved() async throws {
        var writer = try await Writer()
        let logs = [Writer.log(1, at: 0), Writer.log(1, at: 1, token: 2), Writer.log(2, at: 2)]
        try await writer.commit(10, at: 1, logs)
        let other = [Writer.log(2, at: 4), Writer.log(1, at: 7), Writer.log(1, at: 9, token: 2)]
        try await writer.commit(11, at: 1, fork: 0, other)
        let rows = try await writer.rows()
        #expect(rows.map(\.kind) == [0, 0, 0, 1, 1, 1, 0, 0, 0])
        let first = rows[0..<3].map(\.event)
        #expect(rows[3..<6].map(\.event) == first.reversed())
        #expect(rows[0..<6].allSatisfy { $0.movedFrom == nil })
        #expect(rows[6..<9].map(\.movedFrom) == [first[2], first[0], first[1]])
    }

    @Test("a transaction that comes back some blocks later moved too")
    func later() async throws {
        var writer = try await Writer()
        try await writer.commit(10, at: 1, [Writer.log(1, at: 0)])
        try await writer.commit(11, at: 1, fork: 0, [])
        try await writer.commit(12, at: 2, [Writer.log(3, at: 0)])
        try await writer.commit(13, at: 3, [Writer.log(1, at: 0)])
        let rows = try await writer.rows()
        #expect(rows.map(\.kind) == [0, 1, 0, 0])
        #expect(rows.map(\.movedFrom) == [nil, nil, nil, rows[0].event])
    }

    @Test("another place, content or contract is another event")
    func changed() async throws {
        var writer = try await Writer()
        var other = Writer.log(1, at: 0)
        try await writer.commit(10, at: 1, [other, Writer.log(1, at: 1, token: 2), Writer.log(2, at: 2)])
        other.address = SimulatedChain.reputation
        // The first of the transaction's logs is missing, so the other one has its place; a third one is of another token.
        try await writer.commit(
            11, at: 1, fork: 0, [Writer.log(1, at: 0, token: 2), Writer.log(2, at: 2, token: 9)])
        try await writer.commit(12, at: 1, fork: 0, [other])
        let rows = try await writer.rows()
        #expect(rows.filter { $0.kind == 0 }.allSatisfy { $0.movedFrom == nil })
    }

    @Test("there and back again: the row that returns names the block between, a further move the one before it")
    func restored() async throws {
        var writer = try await Writer()
        let log = Writer.log(1, at: 0)
        try await writer.commit(10, at: 1, [log])
        try await writer.commit(11, at: 1, fork: 0, [log])
        try await writer.commit(10, at: 1, fork: 0, [log])
        try await writer.commit(12, at: 1, fork: 0, [log])
        let rows = try await writer.rows()
        let (one, two) = (rows[0].event, rows[2].event)
        #expect(rows.map(\.kind) == [0, 1, 0, 1, 0, 1, 0])
        #expect(rows[4].event == one && one != two)
        #expect(rows.map(\.movedFrom) == [nil, nil, one, nil, two, nil, one])
    }

    @Test("equal logs of one transaction are told apart by their place")
    func equal() async throws {
        var writer = try await Writer()
        try await writer.commit(10, at: 1, [Writer.log(1, at: 0), Writer.log(1, at: 5)])
        try await writer.commit(11, at: 1, fork: 0, [Writer.log(1, at: 2), Writer.log(1, at: 3)])
        let rows = try await writer.rows()
        #expect(rows[4..<6].map(\.movedFrom) == [rows[0].event, rows[1].event])
    }
}
