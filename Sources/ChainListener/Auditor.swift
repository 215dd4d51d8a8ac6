import Domain
import Ethereum
import EthereumRPC
import Logging
import Storage

/// Works off one chain's ledger of unverified heights, a few calls at a time, and repairs what turns out to be wrong.
///
/// It goes from the lowest height up and begins again at its end. What is final is proved by range where two nodes agree,
/// else by the headers' blooms, and by receipts where those do not rule logs out. Above finality only stored blocks are
/// looked at, each by its hash.
struct Auditor {
    /// What to do after a step.
    enum Pace: Equatable {
        /// There is more to look at.
        case more
        /// Everything is verified.
        case idle
        /// A whole pass verified nothing: the nodes offer no further proof at present.
        case stuck
    }

    let chain: Chain
    let token: Int64
    let source: any ChainSource
    let ledger: any LedgerStoring
    let settings: ListenerSettings
    let meters: ListenerMeters
    let logger: Logger
    let clock: any Clock<Duration>

    private var trust = BloomTrust()
    private var hasLearned = false
    /// Where to look next.
    private var position: BlockNumber = 0
    /// Whether the present pass verified anything.
    private var hasGained = false
    /// Headers that were fetched already, ascending, the first of them at `position`.
    private var headers: [Header] = []
    private var senderFailures = 0

    /// How many headers are fetched in one batch.
    static let headersMax = 100
    /// How many blocks one step proves each by calls of its own.
    static let blocksMax = 8
    /// How many heights above finality one step looks through for stored blocks.
    static let tipMax = 2_000
    /// After so many failures events are stored without senders.
    private static let senderFailuresMax = 5

    init(
        chain: Chain, token: Int64, source: any ChainSource, ledger: any LedgerStoring, settings: ListenerSettings,
        meters: ListenerMeters, logger: Logger, clock: any Clock<Duration> = ContinuousClock()
    ) {
        self.chain = chain
        self.token = token
        self.source = source
        self.ledger = ledger
        self.settings = settings
        self.meters = meters
        self.logger = logger
        self.clock = clock
    }

    /// Looks once at the nodes and writes down what it proved.
    ///
    /// - Parameter trustsBloom: Whether the listener still uses blooms as evidence.
    mutating func step(trustsBloom: Bool = true) async throws -> Pace {
        guard let found = try await ledger.next(chain.id, from: position) else {
            let pace: Pace = position == 0 ? .idle : hasGained ? .more : .stuck
            (position, hasGained, headers) = (0, false, [])
            meters.unverified(try await ledger.count(chain.id))
            return pace
        }
        if !trustsBloom { trust = .none }
        try await learn()
        if let finalized = found.finalized, found.range.lowerBound <= finalized {
            let range = found.range.lowerBound...min(found.range.upperBound, finalized)
            if try await agree(on: range) { return .more }
            try await audit(range)
        } else {
            try await auditTip(found.range)
        }
        return .more
    }

    /// Holds the blooms of the newest blocks with logs against these, once, before any bloom is believed.
    private mutating func learn() async throws {
        guard !hasLearned, trust.isTrusted else { return }
        let logs = Dictionary(grouping: try await ledger.newest(chain.id, limit: 32).map(\.log), by: \.blockHash)
        let hashes = Array(logs.keys.sorted().prefix(Self.blocksMax))
        var contradictions = 0
        for header in hashes.isEmpty ? [] : try await source.headers(hashes) {
            guard header.settledHeight == nil, let bloom = header.logsBloom, let logs = logs[header.hash] else {
                continue
            }
            if !logs.allSatisfy(bloom.contains) { contradictions += 1 }
        }
        // One of them alone may be a log that is not on the chain.
        if contradictions * 2 > hashes.count { trust = .none }
        hasLearned = true
    }

    // MARK: What is final

    /// Settles the lower end of `range` where two nodes answer the same logs for it; false where they do not.
    private mutating func agree(on range: ClosedRange<BlockNumber>) async throws -> Bool {
        let wanted =
            range.lowerBound...min(range.upperBound, range.lowerBound.advanced(by: settings.auditRangeMax - 1))
        // Asked for one block's header first, which costs little where there is no other node.
        let stretch: Stretch
        do {
            guard try await source.header(at: wanted.lowerBound, notBy: 0) != nil else { return false }
            stretch = try await fetcher.stretch(wanted)
        } catch is ChainSourceError {
            return false
        }
        let chunk = stretch.first.number...max(stretch.first.number, stretch.last.number)
        guard stretch.isAgreed else { return false }
        let stored = try await ledger.stored(chain.id, chunk)
        let logs = Dictionary(grouping: stretch.logs, by: \.blockNumber)
        // A stored block of another hash than the one that both nodes have is not settled behind anybody's back.
        let hashes = logs.compactMapValues(\.first?.blockHash)
        let doubted = stored.hashes.filter { number, hash in hashes[number].map { $0 != hash } ?? false }
        note(doubted: Array(doubted.keys))
        var settlement = Settlement(chainID: chain.id, token: token, range: chunk, hashes: stored.hashes)
        settlement.verified = chunk.filter { doubted[$0] == nil }
        settlement.marks = stored.hashes.filter { doubted[$0.key] == nil }.map { ($0.key, $0.value, .quorum) }
        let truth = stretch.logs.filter { doubted[$0.blockNumber] == nil }
        let standing = stored.events.filter { doubted[$0.log.blockNumber] == nil }
        let missing = compare(truth, standing, &settlement)
        let known = Dictionary(stretch.headers.values.map { ($0.hash, $0) }, uniquingKeysWith: { first, _ in first })
        let unknown = Set(missing.map(\.blockHash)).subtracting(known.keys)
        let fetched = unknown.isEmpty ? [] : try await source.headers(unknown.sorted())
        let headers = known.merging(fetched.map { ($0.hash, $0) }) { known, _ in known }
        try await add(missing, of: truth, headers, &settlement) { _ in .quorum }
        try await settle(settlement)
        return true
    }

    private var fetcher: HistoryFetcher {
        HistoryFetcher(chain: chain, source: source, settings: settings, trust: trust, contracts: chain.contracts)
    }

    /// Settles blocks at the lower end of `range`, by their blooms or each on its own.
    private mutating func audit(_ range: ClosedRange<BlockNumber>) async throws {
        if headers.first?.number != range.lowerBound {
            let chunk = range.lowerBound...min(range.upperBound, range.lowerBound.advanced(by: Self.headersMax - 1))
            headers = try await linked(chunk)
        }
        guard let first = headers.first, let last = headers.last else { return }
        let stored = try await ledger.stored(chain.id, first.number...last.number)
        let events = Dictionary(grouping: stored.events, by: \.log.blockNumber)
        var (taken, open, cleared, doubted): ([Header], [Header], [Header], [BlockNumber]) = ([], [], [], [])
        for header in headers {
            guard open.count < Self.blocksMax else { break }
            taken.append(header)
            trust.see(header)
            if let hash = stored.hashes[header.number], hash != header.hash {
                doubted.append(header.number)
            } else if events[header.number] == nil, let bloom = trust.evidence(in: header),
                !contracts.contains(where: bloom.contains)
            {
                cleared.append(header)
            } else {
                open.append(header)
            }
        }
        note(doubted: doubted)
        try await settle(open, cleared: cleared, taken.map(\.number), stored)
        headers.removeFirst(taken.count)
    }

    /// The headers of `chunk`, each the parent of the next.
    private func linked(_ chunk: ClosedRange<BlockNumber>) async throws -> [Header] {
        let headers = try await source.segment(chunk, contracts: []).headers
        guard headers.map(\.number) == Array(chunk),
            zip(headers, headers.dropFirst()).allSatisfy({ $0.hash == $1.parentHash })
        else { throw ChainSourceError.inconsistent("blocks that are not each other's parents") }
        return headers
    }

    // MARK: What is not final

    /// Settles stored blocks at the lower end of `range`; passes over heights of which no block is stored.
    private mutating func auditTip(_ range: ClosedRange<BlockNumber>) async throws {
        let upper = min(range.upperBound, range.lowerBound.advanced(by: Self.tipMax - 1))
        let stored = try await ledger.stored(chain.id, range.lowerBound...upper)
        let blocks = stored.hashes.sorted { $0.key < $1.key }.prefix(Self.blocksMax)
        guard let last = blocks.last?.key else {
            position = upper.advanced(by: 1)
            return
        }
        let end = blocks.count < Self.blocksMax ? upper : last
        let headers = try await source.headers(blocks.map(\.value))
        guard headers.map(\.hash) == blocks.map(\.value), headers.map(\.number) == blocks.map(\.key) else {
            throw ChainSourceError.inconsistent("other blocks than those asked for")
        }
        let within = stored.hashes.filter { $0.key <= end }
        let events = stored.events.filter { $0.log.blockNumber <= end }
        try await settle(headers, cleared: [], Array(range.lowerBound...end), (within, events))
    }

    // MARK: Settling

    /// Proves each of `open` on its own and writes down what holds at the heights `taken`.
    private mutating func settle(
        _ open: [Header], cleared: [Header], _ taken: [BlockNumber],
        _ stored: (hashes: [BlockNumber: Hash], events: [StoredLog])
    ) async throws {
        guard let first = taken.first, let last = taken.last else { return }
        let prover = BlockProver(
            source: source, contracts: contracts, policy: chain.verification, trust: trust,
            limit: settings.secondLookLimit, clock: clock)
        // Two at a time: the tip comes first.
        let proofs = try await concurrently(open, atOnce: min(2, settings.callsMax)) { try await prover.prove($0) }
            .compactMap { $0 }
        for proof in proofs where proof.bloomHolds == false { trust.noteContradiction() }
        let hashes = stored.hashes.filter { (first...last).contains($0.key) }
        var settlement = Settlement(chainID: chain.id, token: token, range: first...last, hashes: hashes)
        let proved = Dictionary(
            proofs.map { ($0.header.number, $0) }, uniquingKeysWith: { first, _ in first })
        settlement.verified = (cleared.map(\.number) + proved.keys).sorted()
        settlement.marks =
            cleared.map { ($0.number, $0.hash, .bloom) }
            + proofs.compactMap { proof in proof.verification.map { (proof.header.number, proof.header.hash, $0) } }
        let truth = proofs.flatMap(\.logs)
        let missing = compare(truth, stored.events.filter { proved[$0.log.blockNumber] != nil }, &settlement)
        let headers = Dictionary(proofs.map { ($0.header.hash, $0.header) }, uniquingKeysWith: { first, _ in first })
        try await add(missing, of: truth, headers, &settlement) { proved[$0]?.verification }
        try await settle(settlement)
    }

    /// Notes the stored logs that are not among `truth`, and answers those of `truth` that are not stored.
    private func compare(_ truth: [Log], _ stored: [StoredLog], _ settlement: inout Settlement) -> [Log] {
        let places = Set(truth.map(LogPlace.init))
        settlement.surplus = stored.filter { !places.contains(LogPlace($0.log)) }.map(\.id)
        let known = Set(stored.map { LogPlace($0.log) })
        return chain.watched(truth).filter { !known.contains(LogPlace($0)) }
    }

    /// Adds `missing`, logs out of `truth`, with the blocks that they belong to.
    private mutating func add(
        _ missing: [Log], of truth: [Log], _ headers: [Hash: Header], _ settlement: inout Settlement,
        verification: (BlockNumber) -> Verification?
    ) async throws {
        guard !missing.isEmpty else { return }
        let counts = Dictionary(grouping: chain.watched(truth), by: \.blockHash).mapValues(\.count)
        let senders = try await senders(of: missing)
        for hash in Set(missing.map(\.blockHash)).sorted() {
            guard let header = headers[hash] else {
                throw ChainSourceError.inconsistent("other blocks than those asked for")
            }
            settlement.blocks.append(
                BlockRow(
                    header: header, verification: verification(header.number), logCount: counts[hash] ?? 0))
        }
        for log in missing.sorted(by: { ($0.blockNumber, $0.logIndex) < ($1.blockNumber, $1.logIndex) }) {
            guard let registry = chain.registry(at: log.address), let header = headers[log.blockHash] else { continue }
            var row = EventRow(log: log, registry: registry, timestamp: header.timestamp)
            row.transactionFrom = senders[log.transactionHash]
            settlement.late.append(row)
        }
    }

    /// Who sent the transactions of `logs`; nobody once the nodes failed to say so a few times in a row.
    private mutating func senders(of logs: [Log]) async throws -> [Hash: Address] {
        guard settings.fetchesSenders else { return [:] }
        do {
            let senders = try await source.senders(of: Set(logs.map(\.transactionHash)).sorted())
            senderFailures = 0
            return senders
        } catch let error as ChainSourceError {
            senderFailures += 1
            guard senderFailures > Self.senderFailuresMax else { throw error }
            return [:]
        }
    }

    private mutating func settle(_ settlement: Settlement) async throws {
        guard let outcome = try await ledger.settle(settlement) else {
            // The chain changed at these heights meanwhile: look again.
            headers = []
            return
        }
        if !settlement.verified.isEmpty { hasGained = true }
        position = settlement.range.upperBound.advanced(by: 1)
        guard !settlement.late.isEmpty || !settlement.surplus.isEmpty else { return }
        meters.repaired(late: settlement.late.count, surplus: settlement.surplus.count)
        logger.error(
            "what was stored of the chain was wrong and is corrected; a node answered wrongly when it was read",
            metadata: [
                "block.number": "\(settlement.range)", "events": "\(outcome.events)",
                "retractions": "\(outcome.retractions)",
            ])
    }

    /// Says that stored blocks are not the ones that the nodes show although they are final; they stay unverified.
    private func note(doubted: [BlockNumber]) {
        guard let first = doubted.min() else { return }
        logger.error(
            "a stored block that was taken as final is not the one that the nodes show; compare them with tocsin verify",
            metadata: ["block.number": "\(first)"])
    }

    private var contracts: [Address] { chain.contracts.map(\.address) }
}
