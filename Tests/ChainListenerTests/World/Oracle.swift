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
    /// The events that stand, in the order of the chain.
    private var standing: [Standing] = []
    private var standingSet: Set<MemoryFeed.Place> = []
    private var finalized: BlockNumber?
    private var highest = 0
    private var shownAt: [Hash: Duration] = [:]
    private var orphanedAt: [Hash: Duration] = [:]

    init(contracts: [RegistryContract], finalityDepth: Int) {
        self.contracts = contracts
        self.finalityDepth = finalityDepth
    }

    private struct Standing {
        let block: BlockNumber
        let logIndex: UInt32
        let event: Int
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
    /// Some node has another block at that height, whatever the others say.
    mutating func isContested(_ hash: Hash, at time: Duration) {
        if orphanedAt[hash] == nil { orphanedAt[hash] = time }
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

    /// Holds what an audit claims against the chain: a verified height is a complete one.
    mutating func check(_ settlement: Settlement, chain: WorldChain) {
        for mark in settlement.marks where chain.block(mark.hash)?.number != Int(mark.number.rawValue) {
            fail("block \(mark.number) was called verified and never was")
        }
    }

    /// Reads what the feed got since the last time.
    ///
    /// - Parameter isRepair: whether an audit wrote it, who may add and take away anywhere.
    mutating func read(_ feed: MemoryFeed, chain: WorldChain, at time: Duration, isRepair: Bool = false) {
        while rows < feed.feed.count {
            let row = feed.feed[rows]
            rows += 1
            switch row.kind {
            case 0: append(row, feed, chain, time, isRepair)
            case 1: retract(row, feed, chain, time, isRepair)
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

    private mutating func append(
        _ row: MemoryFeed.FeedRow, _ feed: MemoryFeed, _ chain: WorldChain, _ time: Duration, _ isRepair: Bool
    ) {
        events += 1
        guard let index = row.event else { return fail("an event row without event") }
        let record = feed.events[index]
        let log = record.row.log
        if let block = chain.block(log.blockHash), Int(log.logIndex) < block.logs.count {
            var truth = block.logs[Int(log.logIndex)]
            truth.transactionIndex = log.transactionIndex
            if truth != log { fail("the log \(log.blockNumber)/\(log.logIndex) is another one on the chain") }
            if block.events[Int(log.logIndex)] != record.row.type?.rawValue {
                fail("the log \(log.blockNumber)/\(log.logIndex) is taken for another event")
            }
        } else {
            fail("an event of block \(log.blockNumber) that never was")
        }
        if let from = record.from, from != chain.transactions[log.transactionHash] {
            fail("the log \(log.blockNumber)/\(log.logIndex) has another sender")
        }
        if let old = row.movedFrom.map({ feed.events[$0].row.log }) {
            if old.transactionHash != log.transactionHash || old.blockHash == log.blockHash
                || standingSet.contains(.init(blockHash: old.blockHash, logIndex: old.logIndex))
            {
                fail("the event \(log.blockNumber)/\(log.logIndex) did not move from \(old.blockNumber)")
            }
        }
        let place = MemoryFeed.Place(blockHash: log.blockHash, logIndex: log.logIndex)
        if !standingSet.insert(place).inserted { fail("the event \(log.blockNumber)/\(log.logIndex) comes twice") }
        let new = Standing(block: log.blockNumber, logIndex: log.logIndex, event: index)
        if let last = standing.last, (last.block, last.logIndex) >= (new.block, new.logIndex) {
            if !isRepair {
                fail("the event \(new.block)/\(new.logIndex) comes after \(last.block)/\(last.logIndex)")
            }
            let at = standing.firstIndex { ($0.block, $0.logIndex) > (new.block, new.logIndex) } ?? standing.count
            standing.insert(new, at: at)
        } else {
            standing.append(new)
        }
        if let shown = shownAt[log.blockHash] { slowest = max(slowest, time - shown) }
    }

    private mutating func retract(
        _ row: MemoryFeed.FeedRow, _ feed: MemoryFeed, _ chain: WorldChain, _ time: Duration, _ isRepair: Bool
    ) {
        retractions += 1
        guard let index = row.event, let at = standing.lastIndex(where: { $0.event == index }) else {
            return fail("a retraction that is not about a standing event")
        }
        if !isRepair, at != standing.count - 1 { fail("a retraction that is not about the newest event") }
        standing.remove(at: at)
        let log = feed.events[index].row.log
        standingSet.remove(.init(blockHash: log.blockHash, logIndex: log.logIndex))
        if isRepair {
            if chain.block(log.blockHash)?.logs.contains(log) ?? false {
                fail(
                    "the log \(log.blockNumber)/\(log.logIndex) was taken back by an audit although it is on the chain")
            }
            return
        }
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
        let found = standing.map { stands in
            let log = feed.events[stands.event].row.log
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
        checkVerified(feed, chain: chain)
    }

    /// Whatever is called verified is complete: every height that is not on the ledger, and every block that says so.
    private mutating func checkVerified(_ feed: MemoryFeed, chain: WorldChain) {
        var stored: [Hash: Int] = [:]
        for record in feed.events where record.isCanonical { stored[record.row.log.blockHash, default: 0] += 1 }
        for (hash, block) in feed.blocks where block.verification != nil && block.isCanonical {
            guard let truth = chain.block(hash) else { continue }
            if stored[hash] ?? 0 != watched(truth).count {
                fail("block \(truth.number) is verified with \(stored[hash] ?? 0) logs of \(watched(truth).count)")
            }
        }
    }
}
