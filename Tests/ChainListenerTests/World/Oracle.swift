import Domain
import Ethereum
import EthereumRPC
import TestSupport

@testable import ChainListener

/// Knows the chain and holds what the listener wrote against it, row by row.
struct Oracle: Sendable {
    let contracts: [RegistryContract]
    let finalityDepth: Int
    private(set) var problems: [String] = []
    /// Feed rows read so far.
    private(set) var rows = 0
    private(set) var events = 0
    private(set) var retractions = 0
    /// The longest time from a block's first sight to its last event's row.
    private(set) var slowest = Duration.zero
    /// The places in the store's events that stand, in order.
    private var standing: [Int] = []
    private var standingSet: Set<MemoryFeed.Place> = []
    private var finalized: BlockNumber?
    private var highest = 0
    private var shownAt: [Hash: Duration] = [:]
    private var orphanedAt: [Hash: Duration] = [:]

    init(contracts: [RegistryContract], finalityDepth: Int) {
        self.contracts = contracts
        self.finalityDepth = finalityDepth
    }

    mutating func fail(_ text: String) {
        if problems.count < 20 { problems.append(text) }
    }

    // MARK: What the world tells

    mutating func isShown(_ hash: Hash, at time: Duration) { if shownAt[hash] == nil { shownAt[hash] = time } }
    mutating func isOrphaned(_ hash: Hash, at time: Duration) {
        if orphanedAt[hash] == nil { orphanedAt[hash] = time }
        // If it comes back, it is new once more.
        shownAt[hash] = nil
    }
    mutating func reached(height: Int) { highest = max(highest, height) }

    /// The logs of `block` that an observer must store.
    private func watched(_ block: WorldBlock) -> [Log] {
        block.logs.filter { log in
            contracts.contains { $0.address == log.address && $0.startBlock <= log.blockNumber }
        }
    }

    // MARK: What the listener did

    /// Holds the claims of a commit against the chain: a verified block is a complete one.
    mutating func check(_ commit: FeedCommit, chain: WorldChain) {
        let stored = Dictionary(grouping: commit.events, by: \.log.blockHash)
        for row in commit.blocks {
            guard let block = chain.block(row.header.hash) else {
                fail("block \(row.header.number) never was")
                continue
            }
            if block.number != Int(row.header.number.rawValue) || block.parentHash != row.header.parentHash
                || block.timestamp != row.header.timestamp
            {
                fail("block \(row.header.number) is stored with another header")
            }
            let count = watched(block).count
            if row.verification != nil, count != row.logCount || count != stored[block.hash]?.count ?? 0 {
                fail(
                    "block \(block.number) was called verified (\(row.verification?.rawValue ?? "")) with \(row.logCount) logs of \(count)"
                )
            }
        }
    }

    /// Reads what the feed got since the last time.
    mutating func read(_ feed: MemoryFeed, chain: WorldChain, at time: Duration) {
        while rows < feed.feed.count {
            let row = feed.feed[rows]
            rows += 1
            switch row.kind {
            case 0: append(row, feed, chain, time)
            case 1: retract(row, feed, time)
            case 2: checkMark(row)
            default:
                checkMark(row)
                if let mark = finalized, row.block < mark { fail("finalized fell from \(mark) to \(row.block)") }
                finalized = row.block
            }
        }
    }

    private mutating func checkMark(_ row: MemoryFeed.FeedRow) {
        if row.kind == 3, row.block.rawValue > Int64(highest - finalityDepth) {
            fail("block \(row.block) was called final at height \(highest)")
        }
    }

    private mutating func append(_ row: MemoryFeed.FeedRow, _ feed: MemoryFeed, _ chain: WorldChain, _ time: Duration) {
        events += 1
        guard let index = row.event else { return fail("an event row without event") }
        let record = feed.events[index]
        let log = record.row.log
        guard let block = chain.block(log.blockHash), Int(log.logIndex) < block.logs.count else {
            return fail("an event of block \(log.blockNumber) that never was")
        }
        var truth = block.logs[Int(log.logIndex)]
        truth.transactionIndex = log.transactionIndex
        if truth != log { fail("the log \(log.blockNumber)/\(log.logIndex) is another one on the chain") }
        if block.events[Int(log.logIndex)] != record.row.type?.rawValue {
            fail("the log \(log.blockNumber)/\(log.logIndex) is taken for another event")
        }
        if let from = record.from, from != chain.transactions[log.transactionHash] {
            fail("the log \(log.blockNumber)/\(log.logIndex) has another sender")
        }
        let place = MemoryFeed.Place(blockHash: log.blockHash, logIndex: log.logIndex)
        if !standingSet.insert(place).inserted { fail("the event \(log.blockNumber)/\(log.logIndex) comes twice") }
        if let last = standing.last {
            let before = feed.events[last].row.log
            if (before.blockNumber, before.logIndex) >= (log.blockNumber, log.logIndex) {
                fail(
                    "the event \(log.blockNumber)/\(log.logIndex) comes after \(before.blockNumber)/\(before.logIndex)")
            }
        }
        standing.append(index)
        if let shown = shownAt[log.blockHash] { slowest = max(slowest, time - shown) }
    }

    private mutating func retract(_ row: MemoryFeed.FeedRow, _ feed: MemoryFeed, _ time: Duration) {
        retractions += 1
        guard let index = row.event, standing.last == index else {
            return fail("a retraction that is not about the newest event")
        }
        standing.removeLast()
        let log = feed.events[index].row.log
        standingSet.remove(.init(blockHash: log.blockHash, logIndex: log.logIndex))
        if let mark = finalized, row.block <= mark { fail("block \(row.block) was final when it was retracted") }
        if orphanedAt[log.blockHash].map({ $0 > time }) ?? true {
            fail("block \(row.block) was retracted although no fork left it")
        }
    }

    /// Holds the end against the canonical chain.
    mutating func finish(_ feed: MemoryFeed, chain: WorldChain) {
        if let reason = feed.haltedReason { fail("halted: \(reason)") }
        let truth = chain.canonical.map { chain.blocks[$0] }
        var expected: [MemoryFeed.Place] = []
        var all: Set<MemoryFeed.Place> = []
        for block in truth {
            for log in watched(block) {
                let place = MemoryFeed.Place(blockHash: block.hash, logIndex: log.logIndex)
                all.insert(place)
                if block.events[Int(log.logIndex)] != nil { expected.append(place) }
            }
        }
        let found = standing.map { index in
            let log = feed.events[index].row.log
            return MemoryFeed.Place(blockHash: log.blockHash, logIndex: log.logIndex)
        }
        if found != expected {
            let lost = expected.filter { !standingSet.contains($0) }
            let surplus = Set(found).subtracting(expected)
            fail(
                "the feed lost \(lost.count) events, first in block \(lost.first.flatMap { chain.block($0.blockHash)?.number } ?? -1), and has \(surplus.count) too many"
            )
        }
        let stored = feed.events.filter(\.isCanonical).map {
            MemoryFeed.Place(blockHash: $0.row.log.blockHash, logIndex: $0.row.log.logIndex)
        }
        if Set(stored) != all || stored.count != all.count { fail("the table holds other logs than the chain") }
    }
}
