import Domain
import Ethereum
import EthereumRPC
import Storage
import Synchronization

@testable import ChainListener

/// One chain's rows in memory, with the meaning that `FeedStore` gives them in PostgreSQL.
///
/// A differential test holds the two against each other.
struct MemoryFeed: Sendable {
    struct EventRecord: Sendable {
        let row: EventRow
        var from: Address?
        var isCanonical = true
    }
    struct BlockRecord: Sendable {
        let header: Header
        var verification: Verification?
        var logCount: Int
        var isCanonical = true
    }
    struct FeedRow: Sendable, Equatable {
        /// As in the column: 0 event, 1 retraction, 2 safe, 3 finalized.
        let kind: Int
        /// The place in `events`.
        let event: Int?
        let block: BlockNumber
    }
    struct Place: Hashable, Sendable {
        let blockHash: Hash
        let logIndex: UInt32
    }

    private(set) var token: Int64 = 0
    private(set) var holder: String?
    private(set) var until: Duration?
    private(set) var checkpoint: Checkpoint?
    private(set) var head: BlockNumber?
    private(set) var safe: BlockNumber?
    private(set) var finalized: BlockNumber?
    private(set) var haltedReason: String?
    private(set) var error: String?
    private(set) var feed: [FeedRow] = []
    private(set) var events: [EventRecord] = []
    private(set) var blocks: [Hash: BlockRecord] = [:]
    private var places: [Place: Int] = [:]
    /// The canonical blocks that are kept, by height.
    private(set) var kept: [BlockNumber: Hash] = [:]
    /// The heights of blocks without logs, lowest first as far as they came in order.
    private var empty: [(BlockNumber, Hash)] = []
    /// The typed canonical events by height, in the order of insertion, for the marks.
    private var canonicalEvents: [Int] = []

    // MARK: The lease

    mutating func acquire(
        _ chainID: ChainID, holder wanted: String, now: Duration, lasts: Duration, living: Set<String>
    ) -> Lease? {
        guard living.contains(wanted) else { return nil }
        let isFree =
            until.map { $0 < now } ?? true || holder.map { $0 == wanted || !living.contains($0) } ?? true
        guard isFree else { return nil }
        token += 1
        holder = wanted
        until = now + lasts
        return Lease(
            chainID: chainID, token: token, checkpoint: checkpoint, head: head, safe: safe, finalized: finalized,
            haltedReason: haltedReason)
    }

    mutating func renew(
        _ lease: Lease, head seen: BlockNumber?, error text: String?, now: Duration, lasts: Duration
    ) throws {
        guard lease.token == token else { throw ListenerError.fenced }
        until = now + lasts
        head = seen ?? head
        error = text
    }

    mutating func halt(_ lease: Lease, reason: String) throws {
        guard lease.token == token else { throw ListenerError.fenced }
        haltedReason = reason
    }

    mutating func release(_ lease: Lease) {
        guard lease.token == token else { return }
        until = nil
        holder = nil
    }

    // MARK: Reading

    func window(checkpoint: BlockNumber, limit: Int) -> [Header] {
        var headers: [Header] = []
        let heights = kept.keys.filter { $0 <= checkpoint }.sorted(by: >)
        for height in heights.prefix(limit) {
            guard let hash = kept[height], let block = blocks[hash] else { continue }
            headers.append(
                Header(
                    number: height, hash: hash, parentHash: block.header.parentHash,
                    timestamp: block.header.timestamp, logsBloom: nil))
        }
        return headers
    }

    // MARK: Committing

    mutating func commit(_ commit: FeedCommit, now: Duration, lasts: Duration, pruneMax: Int) throws -> CommitOutcome {
        guard commit.token == token else { throw ListenerError.fenced }
        guard checkpoint?.hash == commit.parent else { throw ListenerError.stale }
        try check(commit)
        var outcome = CommitOutcome()
        if let fork = commit.fork { outcome.retractions = rewind(to: fork) }
        for block in commit.blocks {
            var record = BlockRecord(
                header: block.header, verification: block.verification, logCount: block.logCount)
            record.verification = block.verification ?? blocks[block.header.hash]?.verification
            blocks[block.header.hash] = record
            kept[block.header.number] = block.header.hash
            if block.logCount == 0 { empty.append((block.header.number, block.header.hash)) }
        }
        for row in commit.events { if insert(row) { outcome.events += 1 } }
        for (kind, before, after) in [
            (2, commit.marksBefore.safe, commit.marks.safe), (3, commit.marksBefore.finalized, commit.marks.finalized),
        ] {
            guard let after, before != after, hasEvent(above: before, upTo: after) else { continue }
            feed.append(FeedRow(kind: kind, event: nil, block: after))
            outcome.marks += 1
        }
        if let below = commit.pruneBelow { prune(below: below, limit: pruneMax) }
        checkpoint = commit.checkpoint ?? checkpoint
        head = commit.head
        safe = commit.marks.safe
        finalized = commit.marks.finalized
        until = now + lasts
        error = nil
        return outcome
    }

    /// Refuses what the schema refuses, before anything is changed.
    private func check(_ commit: FeedCommit) throws {
        let fork = commit.fork
        var taken: Set<BlockNumber> = []
        for block in commit.blocks {
            let number = block.header.number
            guard taken.insert(number).inserted else {
                throw StorageError.uniqueViolation(constraint: "blocks_canonical")
            }
            if let hash = kept[number], hash != block.header.hash, fork.map({ number <= $0 }) ?? true {
                throw StorageError.uniqueViolation(constraint: "blocks_canonical")
            }
        }
        var stored = 0
        var seen: Set<Place> = []
        for row in commit.events {
            let place = Place(blockHash: row.log.blockHash, logIndex: row.log.logIndex)
            guard seen.insert(place).inserted else { continue }
            guard let known = places[place] else {
                stored += 1
                continue
            }
            let old = events[known]
            let isCanonical = old.isCanonical && (fork.map { old.row.log.blockNumber <= $0 } ?? true)
            if !isCanonical, LogPlace(old.row.log) == LogPlace(row.log) { stored += 1 }
        }
        guard stored == commit.events.count else {
            throw ListenerError.conflictingLogs(stored: stored, expected: commit.events.count)
        }
    }

    private mutating func rewind(to fork: BlockNumber) -> Int {
        let taken = canonicalEvents.filter { events[$0].row.log.blockNumber > fork }
        canonicalEvents.removeAll { events[$0].row.log.blockNumber > fork }
        var retractions = 0
        let newestFirst = taken.sorted { left, right in
            let (left, right) = (events[left].row.log, events[right].row.log)
            return (left.blockNumber, left.logIndex) > (right.blockNumber, right.logIndex)
        }
        for place in newestFirst {
            events[place].isCanonical = false
            guard events[place].row.type != nil else { continue }
            feed.append(FeedRow(kind: 1, event: place, block: events[place].row.log.blockNumber))
            retractions += 1
        }
        for (number, hash) in kept where number > fork {
            blocks[hash]?.isCanonical = false
            kept[number] = nil
        }
        return retractions
    }

    /// Whether the row appended to the feed.
    private mutating func insert(_ row: EventRow) -> Bool {
        let place = Place(blockHash: row.log.blockHash, logIndex: row.log.logIndex)
        let index: Int
        if let known = places[place] {
            index = known
            events[known].isCanonical = true
            events[known].from = events[known].from ?? row.transactionFrom
        } else {
            index = events.count
            events.append(EventRecord(row: row, from: row.transactionFrom))
            places[place] = index
        }
        canonicalEvents.append(index)
        guard row.type != nil else { return false }
        feed.append(FeedRow(kind: 0, event: index, block: row.log.blockNumber))
        return true
    }

    private func hasEvent(above low: BlockNumber?, upTo high: BlockNumber) -> Bool {
        for place in canonicalEvents.reversed() {
            let number = events[place].row.log.blockNumber
            if low.map({ number <= $0 }) ?? false { return false }
            if number <= high, events[place].row.type != nil { return true }
        }
        return false
    }

    private mutating func prune(below: BlockNumber, limit: Int) {
        let low = empty.filter { $0.0 < below && blocks[$0.1]?.logCount == 0 }.sorted { $0.0 < $1.0 }
        let gone = Set(low.prefix(limit).map(\.1))
        for hash in gone {
            guard let block = blocks.removeValue(forKey: hash) else { continue }
            if kept[block.header.number] == hash { kept[block.header.number] = nil }
        }
        empty.removeAll { blocks[$0.1] == nil }
    }
}
