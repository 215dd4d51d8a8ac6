import Domain
import Ethereum
import EthereumRPC
import Foundation
import HTTPClient
import Synchronization
import TestSupport

@testable import ChainListener

/// A chain, its nodes, a store and the lives of a listener, moved step by step under one seed.
///
/// Touched by the thread of `run()` alone; only `external` hands work to others, and waits for it.
final class World: @unchecked Sendable {
    enum Happening {
        case block, mood(WorldNode), view(WorldNode), birth, wakeUp(Life), databaseBack, trouble
    }

    let plan: WorldPlan
    let backing: any WorldBacking
    let chainID: ChainID
    var random: SeededGenerator
    private(set) var chain: WorldChain
    private(set) var nodes: [WorldNode]
    private(set) var now = Duration.zero
    private(set) var lives: [Life] = []
    var counts = FaultCounts()
    var oracle: Oracle
    var requests = 0
    /// Logs that audits found missing.
    private(set) var late = 0
    private(set) var digest = Digest()
    private(set) var produced = 0
    private(set) var starts = 0
    private(set) var steps = 0
    private(set) var isDatabaseUp = true
    private(set) var databaseLead = Duration.zero
    private(set) var checkpoint: Checkpoint?
    private var agenda: [(at: Duration, order: Int, what: Happening)] = []
    private var order = 0
    private var highest = 0
    private var left: [Int]?
    private var isHealed = false
    private let outside = Outside()
    /// Whether all that happens is printed.
    var isTraced = false

    init(_ plan: WorldPlan, backing: any WorldBacking = MemoryBacking()) {
        self.plan = plan
        self.backing = backing
        chainID = ChainID(rawValue: Int64(plan.seed % 1_000_000_000) + 1) ?? { preconditionFailure("positive") }()
        var random = SeededGenerator(seed: plan.seed)
        var chain = WorldChain(style: plan.style, using: &random)
        for _ in 0..<plan.history { chain.grow(using: &random) }
        self.chain = chain
        self.random = random
        highest = chain.height
        nodes = (0..<plan.nodeCount).map { WorldNode(place: $0) }
        oracle = Oracle(contracts: WorldChain.contracts, finalityDepth: plan.finalityDepth)
        for node in nodes {
            node.view = chain.canonical
            node.answersPastHead = self.random.chance(50)
            node.latency = .milliseconds([5, 20, 80, 300].randomElement(using: &self.random) ?? 20)
            // Whoever answers first is asked first.
            if plan.liesForever { node.latency = .milliseconds(node.place == nodes.count - 1 ? 10 : 60) }
        }
    }

    // MARK: What lives and nodes ask

    var livingHolders: Set<String> { Set(lives.filter { !$0.isDead }.map(\.holder)) }

    var storeDelay: Duration? { random.chance(30) ? .milliseconds(Int.random(in: 1...9, using: &random)) : nil }

    func node(at url: String) -> WorldNode? {
        nodes.first { url.hasPrefix("http://node\($0.place).") }
    }

    func note(_ fault: Fault, _ node: WorldNode) {
        node.counts[fault] += 1
        if node.firstLie == nil { node.firstLie = now }
    }

    func exchange(_ request: OutboundRequest, with node: WorldNode) -> Result<OutboundResponse, TransportError> {
        var exchange = NodeExchange(
            node: node, chain: chain, chainID: chainID.rawValue, finalityDepth: plan.finalityDepth, now: now,
            random: random)
        let response = exchange.respond(to: request.body)
        random = exchange.random
        if isTraced, case .success(let response) = response {
            print(
                "\(now) node\(node.place) \(String(decoding: request.body.prefix(400), as: UTF8.self)) → \(response.status) \(response.body.count)"
            )
        }
        notice()
        digest.add(UInt64(node.place))
        digest.add(request.body)
        if case .success(let response) = response { digest.add(UInt64(response.body.count)) }
        return response
    }

    /// Writes down when the pool first knew of a fault that a node has shown.
    private func notice() {
        for node in nodes where node.firstLie != nil && node.noticedAt == nil {
            let isKnown = lives.contains { life in
                guard let status = life.pool?.status(), status.indices.contains(node.place) else { return false }
                return status[node.place].lastError != nil
            }
            if isKnown { node.noticedAt = now }
        }
    }

    /// What becomes of a commit of `life`.
    func fate(_ life: Life) -> Fault? {
        guard plan.crashes > 0, !isHealed, Int.random(in: 0..<1000, using: &random) < plan.crashes else { return nil }
        let fate = [Fault.crashBeforeCommit, .crashAfterCommit, .unknownCommit].randomElement(using: &random)
        if let fate { counts[fate] += 1 }
        return fate
    }

    func committed(_ commit: FeedCommit, by life: Life) {
        checkpoint = commit.checkpoint ?? checkpoint
        record(
            "commit \(life.number) \(commit.checkpoint.map { "\($0.number)" } ?? "-") \(commit.events.count) fork \(commit.fork.map { "\($0)" } ?? "-") final \(commit.marks.finalized.map { "\($0)" } ?? "-")"
        )
        oracle.check(commit, chain: chain)
        oracle.read(backing.feed, chain: chain, at: now)
    }

    /// Takes note of what an audit of `life` wrote down.
    func settled(_ settlement: Settlement, by life: Life) {
        record("settle \(life.number) \(settlement.range) \(settlement.late.count) \(settlement.surplus.count)")
        late += settlement.late.count
        oracle.check(settlement, chain: chain)
        oracle.read(backing.feed, chain: chain, at: now, isRepair: true)
    }

    func record(_ text: String) {
        if isTraced { print("\(now) \(text)") }
        digest.add(text)
        digest.add(UInt64(truncatingIfNeeded: now.components.attoseconds &+ now.components.seconds))
    }

    /// Ends `life` between two of its steps.
    func kill(_ life: Life) {
        guard !life.isDead else { return }
        life.isDead = true
        life.pausedUntil = nil
        life.task?.cancel()
        life.clock.stop()
        record("death \(life.number)")
        plan(.birth, after: Double.random(in: 0...20, using: &random))
    }

    /// Runs `work` elsewhere while nothing else happens in the world.
    func external<R: Sendable>(_ work: @escaping @Sendable () async throws -> R) async throws -> R {
        try await outside.run(work)
    }

    // MARK: Running

    /// Lets everything happen until all blocks came and the listener is at the tip, or it takes too long.
    func run() async {
        await withCheckedContinuation { continuation in
            let thread = Thread {
                self.drive()
                continuation.resume()
            }
            thread.stackSize = 8 << 20
            thread.start()
        }
    }

    private func drive() {
        plan(.block, after: 0)
        for node in nodes { plan(.mood(node), after: 0) }
        if plan.hasTrouble { plan(.trouble, after: 30) }
        start()
        var settleLimit: Duration?
        while true {
            if let life = lives.first(where: { $0.pausedUntil == nil && $0.executor.hasWork }) {
                step(life)
                continue
            }
            if produced >= plan.blocks {
                if !isHealed {
                    heal()
                    settleLimit = now + .seconds(3600)
                }
                if checkpoint?.hash == chain.tip.hash { break }
                if let settleLimit, now > settleLimit {
                    oracle.fail(
                        "the listener did not come to the tip: at \(checkpoint?.number.description ?? "-") of \(chain.height)"
                    )
                    break
                }
            }
            guard advance() else {
                oracle.fail("nobody does anything any more")
                break
            }
        }
        finish()
    }

    private func step(_ life: Life) {
        _ = life.executor.runNext()
        steps += 1
        outside.settle()
        guard let left = life.stepsLeft, !life.isDead else { return }
        life.stepsLeft = left - 1
        if left <= 0, !isHealed {
            counts[.crash] += 1
            kill(life)
        }
    }

    /// Moves to the next moment at which something happens; false where there is none.
    private func advance() -> Bool {
        let next = agenda.enumerated().min { ($0.1.at, $0.1.order) < ($1.1.at, $1.1.order) }
        let sleeper = lives.compactMap { life in
            life.pausedUntil == nil ? life.clock.nextDue.map { (life, $0) } : nil
        }.min { $0.1 < $1.1 }
        if let next, sleeper.map({ next.element.at <= $0.1 }) ?? true {
            agenda.remove(at: next.offset)
            now = max(now, next.element.at)
            for life in lives { life.clock.show(now) }
            happen(next.element.what)
            return true
        }
        guard let sleeper else { return false }
        now = max(now, sleeper.1)
        for life in lives { life.clock.show(now) }
        sleeper.0.clock.wake(at: now)
        return true
    }

    private func plan(_ what: Happening, after seconds: Double) {
        order += 1
        agenda.append((now + .nanoseconds(Int64(seconds * 1_000_000_000)), order, what))
    }

    private func happen(_ what: Happening) {
        switch what {
        case .block: block()
        case .mood(let node): mood(node)
        case .view(let node): show(node)
        case .birth: start()
        case .wakeUp(let life): life.pausedUntil = nil
        case .databaseBack: isDatabaseUp = true
        case .trouble: trouble()
        }
    }

    private func finish() {
        for life in lives where !life.isDead {
            life.isDead = true
            life.pausedUntil = nil
            life.task?.cancel()
            life.clock.stop()
        }
        var limit = 1_000_000
        while limit > 0, let life = lives.first(where: { $0.executor.hasWork }) {
            _ = life.executor.runNext()
            outside.settle()
            limit -= 1
        }
        if lives.contains(where: { !$0.isFinished }) { oracle.fail("a listener does not end when it is cancelled") }
        for node in nodes { counts.add(node.counts) }
        counts.add(chain.counts)
        oracle.finish(backing.feed, chain: chain)
        record("end \(chain.tip.hash) \(oracle.rows)")
    }

    // MARK: The listener's lives

    private func start() {
        lives.removeAll { $0.isDead && $0.isFinished }
        starts += 1
        let life = Life(world: self, number: starts)
        lives.append(life)
        if plan.crashes > 0, random.chance(50) { life.stepsLeft = Int.random(in: 0...4000, using: &random) }
        let pool = ProviderPool(
            chainID: chainID, urls: nodes.map { "http://node\($0.place).simulated" },
            transport: LifeTransport(life: life),
            clock: life.clock, random: SeededGenerator(seed: random.next()), logger: .silent)
        life.pool = pool
        let watched = Chain(
            id: chainID, name: "simulated", rpcURLs: ["http://simulated"], pollInterval: plan.pollInterval,
            blockTime: .milliseconds(Int64(plan.style.blockSeconds * 1000)), confirmations: plan.finalityDepth,
            finality: plan.finality, verification: plan.verification,
            explorerURL: nil, contracts: WorldChain.contracts)
        let listener = Listener(
            chain: watched, source: PooledChainSource(pool), store: WorldStore(life: life),
            ledger: WorldLedger(life: life), settings: plan.settings,
            board: StatusBoard([chainID]), meters: ListenerMeters(chain: chainID), logger: .silent, clock: life.clock)
        let generator = SeededGenerator(seed: random.next())
        life.task = Task.detached(executorPreference: life.executor) {
            await listener.run(using: generator)
            life.isFinished = true
        }
        record("birth \(life.number)")
    }

    private func trouble() {
        guard !isHealed else { return }
        plan(.trouble, after: Double.random(in: 5...200, using: &random))
        guard let life = lives.filter({ !$0.isDead && $0.pausedUntil == nil }).randomElement(using: &random) else {
            return
        }
        switch Int.random(in: 0..<5, using: &random) {
        case 0:
            counts[.databaseDown] += 1
            isDatabaseUp = false
            plan(.databaseBack, after: Double.random(in: 0...30, using: &random))
        case 1:
            counts[.clockLeap] += 1
            life.clock.leap(by: .seconds(Int.random(in: 1...4000, using: &random)))
        case 2:
            counts[.databaseClockLeap] += 1
            databaseLead += .seconds(Int.random(in: 1...4000, using: &random))
        case 3:
            counts[.pause] += 1
            let seconds = Double.random(in: 1...120, using: &random)
            life.pausedUntil = now + .seconds(seconds)
            plan(.wakeUp(life), after: seconds)
        default:
            // Another process that wants the chain too.
            guard lives.filter({ !$0.isDead }).count < 3 else { return }
            counts[.takeover] += 1
            start()
        }
    }

    // MARK: The chain and its nodes

    private func block() {
        guard produced < plan.blocks else { return }
        let before = Set(chain.canonical.suffix(plan.finalityDepth + 4))
        let deepest = chain.height - (highest - plan.finalityDepth) - 1
        let depth = min(Int.random(in: 1...plan.forkDepthMax, using: &random), deepest, chain.height - 1)
        let count = chain.blocks.count
        if depth >= 1, random.chance(plan.forks) {
            left = chain.canonical
            let length = depth + Int.random(in: 0...2, using: &random)
            chain.fork(depth: depth, length: max(1, length), using: &random)
        } else if let places = left, random.chance(plan.forks / 2), places.count > chain.canonical.count - 1,
            chain.height - zip(places, chain.canonical).prefix(while: { $0 == $1 }).count < deepest
        {
            left = nil
            chain.restore(places)
            chain.grow(using: &random)
        } else {
            let isBurst = random.chance(3)
            if isBurst { counts[.burst] += 1 }
            for _ in 0..<(isBurst ? Int.random(in: 2...12, using: &random) : 1) { chain.grow(using: &random) }
        }
        produced += chain.blocks.count - count
        highest = max(highest, chain.height)
        let after = Set(chain.canonical.suffix(plan.finalityDepth + 16))
        for place in before
        where !after.contains(place) && chain.canonical[min(chain.height, chain.blocks[place].number)] != place {
            oracle.isOrphaned(chain.blocks[place].hash, at: now)
        }
        oracle.reached(height: highest)
        // What comes after a stale branch stands against it as what was there before does.
        for node in nodes where node[.staleBranch] > 0 {
            for (place, seen) in zip(chain.canonical, node.view).suffix(plan.finalityDepth + 16) where place != seen {
                oracle.isContested(chain.blocks[place].hash, at: now)
            }
        }
        for node in nodes {
            plan(.view(node), after: Double.random(in: 0...0.3, using: &random) * plan.style.blockSeconds)
        }
        plan(.block, after: plan.style.blockSeconds * Double.random(in: 0.5...1.5, using: &random))
    }

    private func show(_ node: WorldNode) {
        if node[.staleBranch] > 0 { return }
        let known = node.view.count
        node.view = chain.canonical
        for place in node.view.suffix(max(24, node.view.count - known + 16)) where place > plan.history {
            oracle.isShown(chain.blocks[place].hash, at: now)
        }
    }

    /// Gives `node` other faults for a while.
    private func mood(_ node: WorldNode) {
        guard !isHealed else { return }
        if plan.liesForever, node.moods.contains(100) { return }
        node.moods = [Int](repeating: 0, count: Fault.allCases.count)
        let isLiar = !plan.lies.isEmpty && node.place == nodes.count - 1
        let isHonest = !plan.lies.isEmpty && node.place == 0
        let faults = isLiar ? plan.lies + (plan.liesForever ? [] : plan.faults) : isHonest ? [] : plan.faults
        if plan.liesForever, isLiar {
            guard produced >= plan.liesFrom else {
                plan(.mood(node), after: plan.style.blockSeconds)
                return
            }
            for fault in plan.lies { node[fault] = 100 }
        } else if !faults.isEmpty, random.chance(60) {
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                guard let fault = faults.randomElement(using: &random) else { break }
                node[fault] = [3, 20, 60, 100].randomElement(using: &random) ?? 20
            }
        }
        if node[.wrongChain] > 0 {
            // Whoever stood behind the URL before took the connections along.
            node[.wrongChain] = 100
            node.server.generation += 1
        }
        if node[.staleBranch] > 0, chain.height > 6 {
            let depth = Int.random(in: 1...3, using: &random)
            let length = Int.random(in: 1...(depth + 1), using: &random)
            node.view = chain.sprout(depth: depth, length: length, using: &random)
            for place in node.view.suffix(length) { oracle.isOrphaned(chain.blocks[place].hash, at: now) }
            // Whoever hears of that branch alone must believe it.
            for place in chain.canonical.suffix(depth) { oracle.isContested(chain.blocks[place].hash, at: now) }
            oracle.reached(height: max(highest, node.view.count - 1))
            note(.staleBranch, node)
        }
        node.rangeMax = .max
        node.resultsMax = .max
        node.prunedBelow = 0
        if !isHonest, !plan.faults.isEmpty {
            node.rangeMax = [Int.max, .max, 1, 7, 20].randomElement(using: &random) ?? .max
            node.resultsMax = [Int.max, .max, 1, 30].randomElement(using: &random) ?? .max
            node.prunedBelow = random.chance(30) ? max(0, chain.height - 20) : 0
        } else if isLiar {
            node.prunedBelow = max(0, chain.height - 20)
            if plan.lies.contains(.blockOverCap) { node.resultsMax = 1 }
        }
        plan(.view(node), after: 0)
        plan(.mood(node), after: plan.style.blockSeconds * Double.random(in: 2...40, using: &random))
    }

    /// Ends all faults, so that the listener can come to the tip.
    private func heal() {
        isHealed = true
        isDatabaseUp = true
        for node in nodes {
            if !plan.liesForever || node.place != nodes.count - 1 {
                node.moods = [Int](repeating: 0, count: Fault.allCases.count)
            }
            node.rangeMax = .max
            if !plan.liesForever {
                node.resultsMax = .max
                node.prunedBelow = 0
            }
            plan(.view(node), after: 0)
        }
    }
}
