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
        /// The place of the event that this one was in another block.
        var movedFrom: Int?
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
    /// The events that were taken back, by transaction, with the feed row that did.
    private var retracted: [Hash: [(event: Int, row: Int)]] = [:]
    /// The heights that are unverified, ascending, without gaps of nothing between them.
    private(set) var unverified: [ClosedRange<BlockNumber>] = []

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
        if let fork = commit.fork {
            outcome.retractions = rewind(to: fork)
            setUnverified { $0 <= fork }
        }
        insert(commit.blocks)
        let added = Set(commit.unverified.flatMap(Array.init))
        if !added.isEmpty { setUnverified(adding: added) { _ in true } }
        outcome.events = insert(commit.events)
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
        try check(commit.blocks, commit.events, fork: commit.fork) { _ in false }
    }

    private func check(
        _ blocks: [BlockRow], _ rows: [EventRow], fork: BlockNumber?, isGone: (Int) -> Bool
    ) throws {
        var taken: Set<BlockNumber> = []
        for block in blocks {
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
        for row in rows {
            let place = Place(blockHash: row.log.blockHash, logIndex: row.log.logIndex)
            guard seen.insert(place).inserted else { continue }
            guard let known = places[place] else {
                stored += 1
                continue
            }
            let old = events[known]
            let isCanonical = old.isCanonical && !isGone(known) && (fork.map { old.row.log.blockNumber <= $0 } ?? true)
            if !isCanonical, LogPlace(old.row.log) == LogPlace(row.log) { stored += 1 }
        }
        guard stored == rows.count else {
            throw ListenerError.conflictingLogs(stored: stored, expected: rows.count)
        }
    }

    private mutating func rewind(to fork: BlockNumber) -> Int {
        let taken = canonicalEvents.filter { events[$0].row.log.blockNumber > fork }
        canonicalEvents.removeAll { events[$0].row.log.blockNumber > fork }
        let retractions = retract(taken)
        for (number, hash) in kept where number > fork {
            blocks[hash]?.isCanonical = false
            kept[number] = nil
        }
        return retractions
    }

    /// Takes events back, the newest first; answers how many feed rows that made.
    private mutating func retract(_ taken: [Int]) -> Int {
        let newestFirst = taken.sorted { left, right in
            let (left, right) = (events[left].row.log, events[right].row.log)
            return (left.blockNumber, left.logIndex) > (right.blockNumber, right.logIndex)
        }
        var retractions = 0
        for place in newestFirst {
            events[place].isCanonical = false
            guard events[place].row.type != nil else { continue }
            retracted[events[place].row.log.transactionHash, default: []].append((place, feed.count))
            feed.append(FeedRow(kind: 1, event: place, block: events[place].row.log.blockNumber))
            retractions += 1
        }
        return retractions
    }

    private mutating func insert(_ rows: [BlockRow]) {
        for block in rows {
            var record = BlockRecord(
                header: block.header, verification: block.verification, logCount: block.logCount)
            record.verification = block.verification ?? blocks[block.header.hash]?.verification
            blocks[block.header.hash] = record
            kept[block.header.number] = block.header.hash
            if block.logCount == 0 { empty.append((block.header.number, block.header.hash)) }
        }
    }

    /// Inserts logs; answers how many feed rows that made.
    private mutating func insert(_ rows: [EventRow]) -> Int {
        let ordered = rows.sorted { ($0.log.blockNumber, $0.log.logIndex) < ($1.log.blockNumber, $1.log.logIndex) }
        var counts: [Place: Int] = [:]
        var appended = 0
        // What moved is told as it was before this commit.
        var moves: [Int?] = []
        for row in ordered {
            let transaction = Place(
                blockHash: Keccak256.hash(row.log.blockHash.bytes + row.log.transactionHash.bytes), logIndex: 0)
            counts[transaction, default: 0] += 1
            moves.append(row.type == nil ? nil : origin(of: row.log, place: counts[transaction] ?? 0))
        }
        for (row, move) in zip(ordered, moves) where insert(row) {
            feed[feed.count - 1].movedFrom = move
            appended += 1
        }
        return appended
    }

    /// The event that `log` was before, in another block: the one retracted last.
    private func origin(of log: Log, place: Int) -> Int? {
        let candidates = (retracted[log.transactionHash] ?? []).filter { candidate in
            let old = events[candidate.event].row.log
            return !events[candidate.event].isCanonical && old.blockHash != log.blockHash
                && old.address == log.address && old.topics == log.topics && old.data == log.data
                && self.place(of: old) == place
        }
        return candidates.max { $0.row < $1.row }?.event
    }

    /// Where `log` stands among its transaction's stored logs, counted from 1.
    private func place(of log: Log) -> Int {
        (0...log.logIndex).count { index in
            guard let place = places[Place(blockHash: log.blockHash, logIndex: index)] else { return false }
            return events[place].row.log.transactionHash == log.transactionHash
        }
    }

    private mutating func setUnverified(
        adding added: Set<BlockNumber> = [], where keeps: (BlockNumber) -> Bool
    ) {
        let all = added.union(unverified.flatMap(Array.init).filter(keeps))
        unverified = all.sorted().ranges
    }

    // MARK: The ledger

    func next(from position: BlockNumber) -> FindUnverified.Found? {
        guard let range = unverified.first(where: { $0.upperBound >= position }) else { return nil }
        return FindUnverified.Found(
            range: max(range.lowerBound, position)...range.upperBound, finalized: finalized)
    }

    var unverifiedCount: Int64 { unverified.reduce(0) { $0 + Int64($1.count) } }

    func hashes(in range: ClosedRange<BlockNumber>) -> [BlockNumber: Hash] { kept.filter { range.contains($0.key) } }

    func logs(in range: ClosedRange<BlockNumber>) -> [StoredLog] {
        canonicalEvents.filter { range.contains(events[$0].row.log.blockNumber) }.map { place in
            StoredLog(id: EventID(rawValue: Int64(place)), log: events[place].row.log)
        }.sorted { ($0.log.blockNumber, $0.log.logIndex) < ($1.log.blockNumber, $1.log.logIndex) }
    }

    mutating func settle(_ settlement: Settlement) throws -> (events: Int, retractions: Int)? {
        guard settlement.token == token else { throw ListenerError.fenced }
        guard hashes(in: settlement.range) == settlement.hashes else { return nil }
        let surplus = Set(settlement.surplus.map { Int($0.rawValue) })
        try check(settlement.blocks, settlement.late, fork: nil) { surplus.contains($0) }
        let taken = canonicalEvents.filter { surplus.contains($0) }
        canonicalEvents.removeAll { surplus.contains($0) }
        let retractions = retract(taken)
        insert(settlement.blocks)
        let appended = insert(settlement.late)
        for mark in settlement.marks where blocks[mark.hash]?.verification == nil {
            blocks[mark.hash]?.verification = mark.verification
        }
        let verified = Set(settlement.verified)
        setUnverified { !verified.contains($0) }
        return (appended, retractions)
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
        // Late events stand behind newer ones, so none ends the search.
        canonicalEvents.contains { place in
            let number = events[place].row.log.blockNumber
            return low.map { number > $0 } ?? true && number <= high && events[place].row.type != nil
        }
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
