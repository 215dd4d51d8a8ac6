import Domain
import Ethereum
import EthereumRPC

/// Follows one chain under one lease: looks at the nodes, decides, commits.
///
/// Its memory is a copy of what the database holds. Each step changes the copy only behind a commit; whoever gets an
/// error from a commit makes a new follower.
struct Follower {
    /// What to do after a step.
    enum Pace: Equatable {
        /// More blocks are there already.
        case behind
        /// Everything that the node has is stored; look again after the poll interval.
        case atTip
    }

    let chain: Chain
    let source: any ChainSource
    let store: any FeedStoring
    let settings: ListenerSettings
    let meters: ListenerMeters
    let clock: any Clock<Duration>
    let lease: Lease
    /// The time since some moment.
    let elapsed: @Sendable () -> Duration
    /// How fast history is stored.
    var rate = HistoryRate()
    /// Called after each commit of history.
    var report: (@Sendable (Follower) -> Void)?

    var checkpoint: Checkpoint?
    var tracker: HeadTracker
    var marks: FinalityMarks
    var judge = ReorgJudge()
    var finality = FinalityJudge()
    var bloomTrust = BloomTrust()
    /// From the lowest to the highest block that its bloom alone proved.
    private var provedByBloom: ClosedRange<BlockNumber>?
    /// How often a block was held back because no second node said anything about it, since the last time that one did.
    var lonely = 0
    /// After so many times one node's word must do; the others are down.
    static let lonelyMax = 5
    /// How often in a row the nodes did not say who sent transactions.
    var senderFailures = 0
    /// After so many, events are stored without senders until the nodes say them again.
    static let senderFailuresMax = 5
    /// The newest block that a node showed, not under the checkpoint.
    var head: BlockNumber?
    /// The stored upgrades of registries that nobody was told of yet.
    var upgrades: [EventRow] = []
    /// The node that showed its newest block last.
    private(set) var headNode: Int?
    /// The node whose newest block nobody had while others had blocks that were new, and how much that weighs.
    private var unbacked: (node: Int, weight: Int)?
    /// The highest block that was fetched because a node announced one above it.
    private var witnessed: BlockNumber?

    /// Continues where the holder of the lease before left off.
    static func resume(
        _ lease: Lease, chain: Chain, source: any ChainSource, store: any FeedStoring, settings: ListenerSettings,
        meters: ListenerMeters, clock: any Clock<Duration> = ContinuousClock()
    ) async throws -> Follower {
        // Behind `confirmations` the window must still reach below what depth calls final.
        let depth = max(settings.windowDepth, chain.confirmations + 16)
        var window: [Header] = []
        if let checkpoint = lease.checkpoint {
            window = try await store.window(chain.id, checkpoint: checkpoint.number, limit: depth)
            if window.first?.hash != checkpoint.hash { window = try await source.headers([checkpoint.hash]) }
        }
        var tracker = HeadTracker(depth: depth, window: window.reversed())
        if let finalized = lease.finalized { tracker.forget(below: finalized) }
        return Follower(
            chain: chain, source: source, store: store, settings: settings, meters: meters, clock: clock, lease: lease,
            elapsed: stopwatch(clock),
            checkpoint: lease.checkpoint, tracker: tracker,
            marks: FinalityMarks(safe: lease.safe, finalized: lease.finalized),
            head: lease.head)
    }

    /// The lowest block that is not stored yet.
    ///
    /// The first one lies a window below the contracts: where they are younger than finality, a branch that starts below
    /// them must find a block that both have.
    var next: BlockNumber {
        if let checkpoint { return checkpoint.number.advanced(by: 1) }
        return (chain.contracts.map(\.startBlock).min() ?? 0).advanced(by: -tracker.depth)
    }

    /// Looks once at the nodes and stores what is new, at most one range or one segment of it.
    mutating func step() async throws -> Pace {
        let tip = try await source.tip(tags: chain.finality == .tags)
        do {
            let pace = try await step(to: tip)
            unbacked = nil
            return pace
        } catch ChainSourceError.notYet where source.nodeCount > 1 {
            // A block that nobody has must not hide those that others have.
            let before = checkpoint
            defer { headNode = tip.node }
            guard let other = try? await source.tip(tags: chain.finality == .tags, notBy: tip.node, at: [])?.marks,
                other.latest.number < tip.latest.number
            else { throw ChainSourceError.notYet }
            let pace = try await step(to: other)
            guard checkpoint != before else { throw ChainSourceError.notYet }
            doubt(tip.node, ahead: other.latest.number.distance(to: tip.latest.number))
            return pace
        }
    }

    /// Takes note that `node` announced a block that no node has, so many blocks ahead of another's.
    private mutating func doubt(_ node: Int, ahead: Int) {
        // A little ahead may be a node that has its blocks from several servers.
        let weight = (unbacked?.node == node ? unbacked?.weight ?? 0 : 0) + (ahead > Self.leadMax ? 2 : 1)
        unbacked = (node, weight)
        guard weight >= Self.doubtMax else { return }
        unbacked = nil
        source.distrust(node, because: "it announced a block that no node has")
    }

    private static let leadMax = 3
    private static let doubtMax = 4

    private mutating func step(to tip: BlockMarks) async throws -> Pace {
        let newest = tip.latest.number
        head = max(newest, checkpoint?.number ?? newest)
        headNode = tip.node
        let told = sight(tip)
        marks.look(told)
        if source.nodeCount < 2 { finality.judge(told, latest: newest, .alone, at: elapsed()) }
        let sight = finality.believed(of: told)
        defer { meters.lag(head: head, checkpoint: checkpoint?.number) }

        let historyEnd = newest.advanced(by: -tracker.depth)
        if newest.rawValue >= Int64(tracker.depth), next <= historyEnd {
            try await witness(newest.advanced(by: -tracker.depth / 2))
            return try await fill(upTo: historyEnd, sight)
        }
        if newest < next, checkpoint == nil { return .atTip }
        let pace = try await follow(tip.latest, by: tip.node, sight)
        // Events go out first; marks are in no hurry.
        try await confirm(told, of: tip)
        return pace
    }

    /// What `tip` tells about finality.
    func sight(_ tip: BlockMarks) -> FinalityMarks.Sight {
        FinalityMarks.Sight(
            source: chain.finality, confirmations: chain.confirmations, safe: tip.safe, finalized: tip.finalized)
    }

    /// Makes sure that a node has the block at `number`.
    ///
    /// A made-up head would let history, of which no headers are kept, reach into what a reorganisation can undo.
    private mutating func witness(_ number: BlockNumber) async throws {
        if let witnessed, number <= witnessed { return }
        _ = try await source.segment(number...number, contracts: [])
        witnessed = number
    }

    /// The contracts that are watched; what one wrote below its start block is asked for and left out.
    var contracts: [Address] { chain.contracts.map(\.address) }

    /// What fetches, checks and decodes logs of the watched contracts.
    var fetcher: HistoryFetcher {
        HistoryFetcher(
            chain: chain, source: source, settings: settings, trust: bloomTrust,
            contracts: chain.contracts)
    }

    /// A commit, and what is remembered once it is done.
    struct Draft {
        let commit: FeedCommit
        let tracker: HeadTracker
    }

    /// Commits and, only then, remembers.
    mutating func commit(
        fork: BlockNumber? = nil, blocks: [BlockRow] = [], events: [EventRow] = [],
        unverified: [ClosedRange<BlockNumber>] = [], checkpoint next: Checkpoint?, tracker newTracker: HeadTracker,
        _ sight: FinalityMarks.Sight
    ) async throws {
        guard
            let draft = draft(
                fork: fork, blocks: blocks, events: events, unverified: unverified, checkpoint: next,
                tracker: newTracker, sight)
        else { return }
        remember(draft, try await meters.timed { try await store.commit(draft.commit) })
    }

    /// The commit of what is new; nil where there is neither a checkpoint nor a new one.
    func draft(
        fork: BlockNumber? = nil, blocks: [BlockRow] = [], events: [EventRow] = [],
        unverified: [ClosedRange<BlockNumber>] = [], checkpoint next: Checkpoint?, tracker newTracker: HeadTracker,
        _ sight: FinalityMarks.Sight
    ) -> Draft? {
        guard let position = next?.number ?? checkpoint?.number else { return nil }
        var before = marks
        if let fork { before.rewind(to: fork) }
        var after = before
        after.advance(sight, checkpoint: position) { newTracker.header(at: $0) }
        let oldest = newTracker.window.first?.number
        var commit = FeedCommit(
            chainID: chain.id, token: lease.token, parent: checkpoint?.hash, fork: fork, blocks: blocks, events: events,
            unverified: unverified + doubted(upTo: fork ?? checkpoint?.number), checkpoint: next,
            head: head ?? position, marksBefore: before, marks: after,
            pruneBelow: isPruneDue(position) ? min(position, max(oldest ?? 0, after.finalized ?? 0)) : nil)
        commit.historyRate = rate.blocksPerSecond
        return Draft(commit: commit, tracker: newTracker)
    }

    /// Whether a commit up to `position` removes empty blocks too: once for so many blocks, since each look costs time.
    private func isPruneDue(_ position: BlockNumber) -> Bool {
        checkpoint.map { $0.number.rawValue / Self.prunePause != position.rawValue / Self.prunePause } ?? false
    }

    private static let prunePause: Int64 = 32

    /// What blooms proved before they were found to speak of other blocks, as far as it stands up to `end`.
    private func doubted(upTo end: BlockNumber?) -> [ClosedRange<BlockNumber>] {
        guard !bloomTrust.isTrusted, let range = provedByBloom, let end, range.lowerBound <= end else { return [] }
        return [range.lowerBound...min(range.upperBound, end)]
    }

    /// Remembers what `draft` stored.
    mutating func remember(_ draft: Draft, _ outcome: CommitOutcome) {
        let commit = draft.commit
        meters.count(outcome, events: commit.events, rewound: commit.fork != nil)
        if !bloomTrust.isTrusted { provedByBloom = nil }
        for block in commit.blocks where block.verification == .bloom {
            let number = block.header.number
            provedByBloom =
                provedByBloom.map { min($0.lowerBound, number)...max($0.upperBound, number) } ?? number...number
        }
        upgrades += commit.events.filter { $0.type == .upgraded }
        if let next = commit.checkpoint { checkpoint = next }
        tracker = draft.tracker
        if let finalized = commit.marks.finalized { tracker.forget(below: finalized) }
        marks = commit.marks
    }
}

extension Chain {
    /// Those logs of `logs` that are to be stored: no contract's below its start block.
    func watched(_ logs: [Log]) -> [Log] {
        logs.filter { log in contracts.contains { $0.address == log.address && $0.startBlock <= log.blockNumber } }
    }
}
