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

    var trust = BloomTrust()
    private var hasLearned = false
    /// Where to look next.
    var position: BlockNumber = 0
    /// Whether the present pass verified anything.
    var hasGained = false
    /// Headers that were fetched already, ascending, the first of them at `position`.
    var headers: [Header] = []
    /// How many blocks in a row were not proved each on its own; from a limit on the pass tries only blooms.
    var fruitless = 0
    /// Below this the blooms were tried by an earlier pass.
    private var swept: BlockNumber = 0
    var senderFailures = 0
    /// From the lowest to the highest block that its bloom alone settled.
    var cleared: ClosedRange<BlockNumber>?

    /// How many headers are fetched in one batch.
    static let headersMax = 100
    /// How many blocks one step proves each by calls of its own.
    static let blocksMax = 8
    /// After so many blocks in a row without proof the nodes are taken to have none, for the rest of the pass.
    static let fruitlessMax = 24
    /// How many heights above finality one step looks through for stored blocks.
    static let tipMax = 2_000
    /// After so many failures events are stored without senders.
    static let senderFailuresMax = 5

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
        if isHopeless, position < swept { (position, headers) = (swept, []) }
        if !trustsBloom { trust = .none }
        try await reopen()
        guard let found = try await ledger.next(chain.id, from: position) else { return try await endPass() }
        try await learn()
        if let finalized = found.finalized, found.range.lowerBound <= finalized {
            let range = found.range.lowerBound...min(found.range.upperBound, finalized)
            if try await agree(on: range) { return .more }
            if isHopeless, !trust.isBorneOut { return try await endPass() }
            try await audit(range)
            swept = max(swept, position)
        } else {
            if isHopeless { return try await endPass() }
            try await auditTip(found.range)
        }
        return .more
    }

    /// Whether blocks are not tried each on its own for the rest of the pass.
    private var isHopeless: Bool { fruitless >= Self.fruitlessMax }

    private mutating func endPass() async throws -> Pace {
        let unverified = try await ledger.count(chain.id)
        meters.unverified(unverified)
        let pace: Pace = unverified == 0 ? .idle : hasGained ? .more : .stuck
        (position, hasGained, headers, fruitless) = (0, false, [], 0)
        return pace
    }

    /// Puts what blooms settled back on the ledger once they were found to speak of other blocks.
    private mutating func reopen() async throws {
        guard !trust.isTrusted, let cleared else { return }
        try await ledger.open([cleared], of: chain.id)
        self.cleared = nil
    }

    /// Holds the blooms of the newest blocks with logs against these, once, before any bloom is believed.
    private mutating func learn() async throws {
        guard !hasLearned, trust.isTrusted else { return }
        let logs = Dictionary(grouping: try await ledger.newest(chain.id, limit: 32).map(\.log), by: \.blockHash)
        var (answers, contradictions) = (0, 0)
        var failure: ChainSourceError?
        for (hash, logs) in logs.sorted(by: { $0.key < $1.key }).prefix(Self.blocksMax) {
            do {
                // Each on its own: one that no node has any more must not hide the others.
                guard let header = try await source.headers([hash]).first, header.hash == hash else { continue }
                answers += 1
                guard header.settledHeight == nil, let bloom = header.logsBloom else { continue }
                if logs.allSatisfy(bloom.contains) {
                    trust.noteAgreement(header)
                } else {
                    contradictions += 1
                }
            } catch let error as ChainSourceError {
                failure = error
            }
        }
        if answers == 0, let failure { throw failure }
        // One of them alone may be a log that is not on the chain.
        if contradictions * 2 > answers { trust = .none }
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
        fruitless = 0
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
            } else if events[header.number] == nil, let bloom = trust.proof(in: header),
                !contracts.contains(where: bloom.contains)
            {
                cleared.append(header)
            } else if !isHopeless {
                open.append(header)
            }
        }
        note(doubted: doubted)
        try await settle(open, cleared: cleared, taken.map(\.number), stored)
        // Where the chain changed meanwhile they are gone already.
        headers.removeFirst(min(taken.count, headers.count))
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

    var contracts: [Address] { chain.contracts.map(\.address) }
}
