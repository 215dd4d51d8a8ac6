import Domain
import Ethereum
import EthereumRPC
import Logging
import Storage

/// Listens to one chain until it is cancelled; whatever fails, it says so once and tries again.
struct Listener: Sendable {
    let chain: Chain
    let source: any ChainSource
    let store: any FeedStoring
    let ledger: any LedgerStoring
    let settings: ListenerSettings
    let board: StatusBoard
    let meters: ListenerMeters
    let logger: Logger
    let clock: any Clock<Duration>
    /// The time since some moment.
    let now: @Sendable () -> Duration

    init(
        chain: Chain, source: any ChainSource, store: any FeedStoring, ledger: any LedgerStoring,
        settings: ListenerSettings,
        board: StatusBoard, meters: ListenerMeters, logger: Logger, clock: some Clock<Duration>
    ) {
        self.chain = chain
        self.source = source
        self.store = store
        self.ledger = ledger
        self.settings = settings
        self.board = board
        self.meters = meters
        self.logger = logger
        self.clock = clock
        let start = clock.now
        now = { start.duration(to: clock.now) }
    }

    /// A block that a node announced may be missing this often in a row before that counts as a failure.
    private static let lateMax = 20
    /// After so many times the node that announced it is asked less.
    private static let latePatience = 4

    /// Runs until the task is cancelled.
    func run(using random: some RandomNumberGenerator & Sendable) async {
        var random = random
        var backoff = Backoff(first: settings.retryFirst, ceiling: settings.retryCeiling)
        while !Task.isCancelled {
            do {
                guard let lease = try await store.acquire(chain.id) else {
                    enter(.standingBy)
                    try await clock.sleep(for: settings.leasePause)
                    continue
                }
                if let reason = lease.haltedReason {
                    enter(.halted(reason))
                    try await store.release(lease)
                    try await clock.sleep(for: settings.leasePause)
                    continue
                }
                try await serve(lease, &backoff, &random)
            } catch ListenerError.fenced {
                logger.notice("another listener took the chain over")
            } catch ListenerError.stale {
                logger.notice("the stored chain is newer than this listener's memory, reading it again")
            } catch {
                if Task.isCancelled { return }
                if case .halted? = error as? ListenerError { continue }
                enter(.failing(Self.text(error)))
                try? await clock.sleep(for: backoff.fail(using: &random))
            }
        }
    }

    /// Follows the chain under `lease`, and beside that works off what is unverified.
    private func serve(
        _ lease: Lease, _ backoff: inout Backoff, _ random: inout some RandomNumberGenerator
    ) async throws {
        let hints = source.sockets.map { _ in HeadHints() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            // Before the first commit: from there on every contract is watched.
            try await ledger?.openCoverage(chain, checkpoint: lease.checkpoint?.number)
            group.addTask { await audit(lease) }
            group.addTask { await fillLate(lease) }
            if let sockets = source.sockets, let hints { group.addTask { await sockets.run { hints.announce($0) } } }
            try await follow(lease, hints, &backoff, &random)
        }
    }

    /// Works off the ledger, whenever there is nothing to do at the tip, until the task is cancelled or the lease lost.
    private func audit(_ lease: Lease) async {
        var auditor = Auditor(
            chain: chain, token: lease.token, source: source, ledger: ledger, settings: settings, meters: meters,
            logger: logger, clock: clock)
        while !Task.isCancelled {
            var wait = settings.auditPause
            let status = board.status(of: chain.id)
            if status.state.isAtTip {
                do {
                    switch try await auditor.step(trustsBloom: status.trustsBloom) {
                    case .more: break
                    case .idle: wait = settings.auditIdle
                    case .stuck: wait = settings.auditRetry
                    }
                } catch ListenerError.fenced {
                    return
                } catch {
                    logger.debug("verifying what is stored failed", metadata: ["error": "\(Self.text(error))"])
                    wait = settings.retryCeiling
                }
            }
            try? await clock.sleep(for: wait)
        }
    }

    /// Fills what lacks of contracts that were added later, until nothing does, the task is cancelled or the lease lost.
    private func fillLate(_ lease: Lease) async {
        guard let ledger else { return }
        let filler = CoverageFiller(
            chain: chain, token: lease.token, source: source, ledger: ledger, settings: settings)
        while !Task.isCancelled {
            let status = board.status(of: chain.id)
            if status.state.isAtTip, let finalized = status.finalized {
                do {
                    let isComplete = try await filler.fill(upTo: finalized) { contract, number in
                        logger.info(
                            "history of a contract that was added later is stored",
                            metadata: ["contract": "\(contract)", "block.number": "\(number)"])
                    }
                    if isComplete { return }
                } catch ListenerError.fenced {
                    return
                } catch {
                    logger.debug("filling history failed", metadata: ["error": "\(Self.text(error))"])
                }
            }
            try? await clock.sleep(for: settings.fillPause)
        }
    }

    /// Follows the chain under `lease` until something happens that makes its memory worthless.
    private func follow(
        _ lease: Lease, _ hints: HeadHints?, _ backoff: inout Backoff,
        _ random: inout some RandomNumberGenerator
    ) async throws {
        var follower: Follower?
        var pacer = HeadPacer(fixed: chain.pollInterval, blockTime: chain.blockTime)
        var lateCount = 0
        var keeper = LeaseKeeper(interval: settings.leaseDuration / 3)
        while true {
            try Task.checkCancellation()
            do {
                let before = follower?.checkpoint
                let pace = try await step(&follower, lease)
                // A commit keeps the lease and clears the error in the same row.
                if let after = follower?.checkpoint, after != before, before != nil {
                    keeper.kept(at: now(), error: nil)
                }
                backoff.succeed()
                lateCount = 0
                pacer.looked(follower?.head, at: now())
                if let head = follower?.head { source.sockets?.polled(head) }
                let state = state(pace, pacer)
                enter(state, follower)
                tell(follower?.upgrades ?? [], head: follower?.head)
                follower?.upgrades = []
                try await keep(lease, &keeper, head: follower?.head, error: state.complaint)
                if pace == .atTip { try await rest(&pacer, hints) }
            } catch ListenerError.halted(let reason) {
                try await store.halt(lease, reason: reason)
                enter(.halted(reason))
                throw ListenerError.halted(reason)
            } catch ChainSourceError.notYet where lateCount < Self.lateMax {
                lateCount += 1
                if lateCount.isMultiple(of: Self.latePatience), let node = follower?.headNode {
                    source.distrust(node, because: "it announced a block that no node has")
                }
                try await keep(lease, &keeper, head: follower?.head, error: nil)
                try await clock.sleep(for: pacer.retry)
            } catch let error as ChainSourceError {
                if case .inconsistent(let reason, let endpoint) = error {
                    meters.countInconsistent()
                    if let endpoint { source.distrust(endpoint, because: reason) }
                }
                try await rest(after: error, lease, &keeper, for: backoff.fail(using: &random), backoff.failures)
            } catch let error as ListenerError {
                guard case .heldBack = error else { throw error }
                try await rest(after: error, lease, &keeper, for: backoff.fail(using: &random), backoff.failures)
            }
        }
    }

    /// Waits after a failed look at the nodes, and says so where it is not the first in a row.
    private func rest(
        after error: any Error, _ lease: Lease, _ keeper: inout LeaseKeeper, for wait: Duration, _ failures: Int
    ) async throws {
        let text = Self.text(error)
        // One wrong answer among right ones is a node's everyday life, not a state of the chain.
        if failures > 1 {
            enter(.failing(text))
            try await keep(lease, &keeper, head: nil, error: text)
        } else {
            logger.debug("a look at the nodes failed", metadata: ["error": "\(text)"])
            try await keep(lease, &keeper, head: nil, error: nil)
        }
        try await clock.sleep(for: wait)
    }

    /// Waits until the next look is due, or a socket gives reason for one.
    private func rest(_ pacer: inout HeadPacer, _ hints: HeadHints?) async throws {
        while true {
            if let number = hints?.take() { pacer.hint(number, at: now()) }
            let wait = pacer.wait(at: now())
            guard wait > .zero else { return }
            guard let hints else { return try await clock.sleep(for: wait) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                defer { group.cancelAll() }
                group.addTask { [clock] in try await clock.sleep(for: wait) }
                group.addTask { await hints.wait() }
                try await group.next()
            }
        }
    }

    /// What the listener is at after a step, when `pacer` knows of the look.
    private func state(_ pace: Follower.Pace, _ pacer: HeadPacer) -> ListenerStatus.State {
        meters.headAge(pacer.rest(at: now()))
        guard pace == .atTip else { return .catchingUp }
        guard let limit = chain.restMax, pacer.rest(at: now()) > limit else { return .following }
        return .resting(longerThan: limit)
    }

    /// Makes the follower where there is none, and takes one step; what it learned stays, also from a failure.
    private func step(_ follower: inout Follower?, _ lease: Lease) async throws -> Follower.Pace {
        var current =
            if let follower { follower } else {
                try await Follower.resume(
                    lease, chain: chain, source: source, store: store, settings: settings, meters: meters,
                    clock: clock)
            }
        if current.report == nil { current.report = { enter(.catchingUp, $0) } }
        defer { follower = current }
        return try await current.step()
    }

    /// Keeps the lease where a third of its time went by since the last write, or the error changed.
    private func keep(
        _ lease: Lease, _ keeper: inout LeaseKeeper, head: BlockNumber?, error: String?
    ) async throws {
        guard keeper.isDue(at: now(), error: error) else { return }
        try await store.renew(lease, head: head, error: error)
        keeper.kept(at: now(), error: error)
    }

    /// Shows the state, and logs it where it is another one.
    private func enter(_ state: ListenerStatus.State, _ follower: Follower? = nil) {
        let before = board.update(chain.id) { status in
            status.state = state
            guard let follower else { return }
            status.head = follower.head
            status.checkpoint = follower.checkpoint?.number
            status.safe = follower.marks.safe
            status.finalized = follower.marks.finalized
            status.fallsBackToDepth = follower.marks.fallsBackToDepth
            status.trustsBloom = follower.bloomTrust.isTrusted
        }
        if let follower { announce(follower, before) }
        meters.isUp(state.complaint == nil)
        switch (state, before.state) {
        case (.failing(let text), let old):
            if case .failing = old { return }
            logger.warning(
                "listening fails; it is tried again until it works. Check rpc_urls in chains.json and the database",
                metadata: ["error": "\(text)"])
        case (.halted(let reason), let old):
            if case .halted = old { return }
            logger.error("the chain is halted until an operator acts", metadata: ["reason": "\(reason)"])
        case (.resting, let old):
            if case .resting = old { return }
            logger.warning(
                "the nodes show no new block; compare the chain's explorer, and add endpoints to rpc_urls if it goes on",
                metadata: ["block.number": "\(follower?.head.map { "\($0)" } ?? "none")"])
        case (.following, .failing), (.catchingUp, .failing):
            logger.notice("listening works again")
        case (.following, .resting), (.catchingUp, .resting):
            logger.notice("the nodes show new blocks again")
        case (.following, .halted), (.catchingUp, .halted):
            logger.notice("the chain goes on")
        case (.standingBy, let old) where old != .standingBy:
            logger.notice("another process listens to the chain; standing by")
        default: break
        }
    }

    private func announce(_ follower: Follower, _ before: ListenerStatus) {
        if follower.marks.fallsBackToDepth, !before.fallsBackToDepth {
            logger.warning(
                "no node answers the tag finalized; the setting confirmations stands in for it",
                metadata: ["confirmations": "\(chain.confirmations)"])
        }
        if !follower.bloomTrust.isTrusted, before.trustsBloom {
            logger.warning("the blooms of the chain's headers contradict its logs and are not used any more")
        }
    }

    /// Tells operators of upgrades: whoever holds a registry's proxy decides what its events mean.
    private func tell(_ upgrades: [EventRow], head: BlockNumber?) {
        for row in upgrades {
            let isPast = head.map { row.log.blockNumber.distance(to: $0) > settings.windowDepth } ?? false
            let implementation =
                row.log.topics.count > 1 ? Address(lowerBytesOf: row.log.topics[1]).checksummed : "unknown"
            logger.log(
                level: isPast ? .notice : .critical, "a registry was upgraded; check what its new code does",
                metadata: [
                    "registry": "\(row.registry.rawValue)", "contract": "\(row.log.address)",
                    "implementation": "\(implementation)", "block.number": "\(row.log.blockNumber)",
                    "transaction": "\(row.log.transactionHash)",
                ])
        }
    }

    /// The error in words, without URLs and keys.
    static func text(_ error: any Error) -> String {
        switch error {
        case ChainSourceError.notYet: "the nodes lack blocks that they announced"
        case ChainSourceError.tooLarge: "one block holds more logs than any node answers"
        case ChainSourceError.unreachable(let text): "no node answers: \(text)"
        case ChainSourceError.inconsistent(let text, _): "a node's answer is wrong: \(text)"
        case ListenerError.heldBack(let number, .receipts):
            "block \(number) is held back: no node answers receipts that make up its header's root, as verification demands"
        case ListenerError.heldBack(let number, _):
            "block \(number) is held back: no second node answers its logs, as verification demands"
        case ListenerError.conflictingLogs(let stored, let expected):
            "\(expected - stored) of \(expected) logs contradict logs that are stored for the same block"
        case let error as StorageError: "the database: \(error)"
        default: "\(type(of: error))"
        }
    }
}

/// When a lease must be kept.
struct LeaseKeeper {
    let interval: Duration
    private var last: Duration?
    private var error: String?

    init(interval: Duration) { self.interval = interval }

    func isDue(at now: Duration, error: String?) -> Bool {
        guard let last, error == self.error else { return true }
        return now - last >= interval
    }

    mutating func kept(at now: Duration, error: String?) {
        last = now
        self.error = error
    }
}
