import Domain
import Ethereum
import EthereumRPC

extension Follower {
    /// What following a head came to, before anything is stored.
    private struct Walk {
        var tracker: HeadTracker
        /// The lowest block that the walk went back to under the stored tip; nil where it only grew.
        var fork: Header?
        /// New blocks, lowest first, each the parent of the next.
        var taken: [FetchedBlock] = []
        /// The block of the other branch at the oldest height that is kept, where the branch starts lower still.
        var outside: Header?
        /// Whether blocks between here and the head were left for the next step.
        var isCut = false
    }

    /// Brings the stored chain to `newest`, or as near as one segment reaches.
    mutating func follow(_ newest: Header, by node: Int, _ sight: FinalityMarks.Sight) async throws -> Pace {
        judge.saw(newest.hash, by: node)
        if newest.hash == tracker.tip?.hash { judge.followedTipSeen() }
        let walk = try await walk(to: newest)
        if let outside = walk.outside {
            try await haltIfCertain(outside, newest, by: node)
            return .atTip
        }
        guard let last = walk.taken.last?.header else {
            try await storeMarks(sight)
            return .atTip
        }
        if walk.fork != nil, let tip = tracker.tip, let first = walk.taken.first?.header {
            let opinion = try await opinion(on: first, notBy: node)
            let sight = ReorgJudge.Sight(branch: first.hash, head: newest.number, node: node)
            guard judge.judge(sight, tip: tip.number, opinion: opinion) else { return .atTip }
        }
        let (proofs, senders) = try await proveAndAsk(walk.taken)
        let events = try await rows(of: proofs, known: senders)
        let blocks = blockRows(of: proofs)
        try await commit(
            fork: walk.fork?.number, blocks: blocks, events: events, unverified: blocks.unverified,
            checkpoint: Checkpoint(number: last.number, hash: last.hash), tracker: walk.tracker, sight)
        judge.followedBranchGrew()
        return walk.isCut ? .behind : .atTip
    }

    /// Proves `blocks` and asks meanwhile who sent their transactions.
    private mutating func proveAndAsk(
        _ blocks: [FetchedBlock]
    ) async throws -> ([BlockProver.Proof], [Hash: Address]) {
        guard settings.callsMax > 1 else { return (try await prove(blocks), [:]) }
        let logs = blocks.flatMap(\.logs)
        let follower = self
        async let asked = follower.senders(of: logs)
        let proofs = try await prove(blocks)
        do {
            return (proofs, try await asked)
        } catch is ChainSourceError {
            // What is missing is asked for again.
            return (proofs, [:])
        }
    }

    /// Observes `newest` and whatever must be observed before it.
    private func walk(to newest: Header) async throws -> Walk {
        var walk = Walk(tracker: tracker)
        var found: [Hash: FetchedBlock] = [:]
        var queue: [Header] = []
        if tracker.tip == nil {
            try await enqueue(next...newest.number, for: newest, &walk, &found, &queue)
        } else {
            queue = [newest]
        }
        // Each block of the window is asked for once and observed at most three times.
        var steps = 4 * (tracker.depth + settings.segmentMax) + 8
        while let header = queue.popLast() {
            steps -= 1
            guard steps > 0 else { throw ChainSourceError.inconsistent("a branch that does not end") }
            switch walk.tracker.observe(header) {
            case .ignore: break
            case .accept:
                if let block = found[header.hash] {
                    walk.taken.append(block)
                } else {
                    walk.taken.append(try await fetch(header.hash, at: header.number).disputing(header))
                }
            case .fetch(let gap):
                try await enqueue(gap.lowerBound...header.number, for: header, &walk, &found, &queue)
            case .fetchParent(let hash):
                let block = try await fetch(hash, at: header.number.advanced(by: -1))
                found[hash] = block
                queue.append(header)
                queue.append(block.header)
            case .rewind(let fork):
                walk.taken.removeAll { $0.header.number > fork.number }
                if let tip = tracker.tip, fork.number < tip.number, fork.number < walk.fork?.number ?? tip.number {
                    walk.fork = fork
                }
                queue.append(header)
            case .halt:
                walk.outside = header
                return walk
            }
        }
        return walk
    }

    /// Fetches the lower end of `gap`, as much as one segment holds, and puts it in front of what is to be observed.
    ///
    /// `head` itself is among it or left for the next step.
    private func enqueue(
        _ gap: ClosedRange<BlockNumber>, for head: Header, _ walk: inout Walk, _ found: inout [Hash: FetchedBlock],
        _ queue: inout [Header]
    ) async throws {
        let upper = min(gap.upperBound, gap.lowerBound.advanced(by: settings.segmentMax - 1))
        let blocks = try await segment(gap.lowerBound...upper)
        if upper < gap.upperBound { walk.isCut = true }
        for block in blocks.reversed() {
            found[block.header.hash] = block.disputing(head)
            queue.append(block.header)
        }
    }

    /// The blocks of `range` with their logs, each the parent of the next.
    private func segment(_ range: ClosedRange<BlockNumber>) async throws -> [FetchedBlock] {
        let segment: BlockLogs
        do {
            segment = try await source.segment(range, contracts: contracts)
        } catch ChainSourceError.tooLarge where range.count == 1 {
            segment = try await fetcher.dense(
                try await source.segment(range, contracts: []))
        }
        guard segment.malformed.isEmpty else {
            throw ChainSourceError.inconsistent("logs that cannot be read", by: segment.node)
        }
        guard segment.headers.map(\.number) == Array(range) else {
            throw ChainSourceError.inconsistent("other blocks than those asked for", by: segment.node)
        }
        for (lower, upper) in zip(segment.headers, segment.headers.dropFirst()) where upper.parentHash != lower.hash {
            throw ChainSourceError.inconsistent("blocks that are not each other's parents", by: segment.node)
        }
        guard segment.logs.allSatisfy({ range.contains($0.blockNumber) }) else {
            throw ChainSourceError.inconsistent("logs of other blocks than those asked for", by: segment.node)
        }
        let logs = Dictionary(grouping: segment.logs, by: \.blockNumber)
        return segment.headers.map {
            FetchedBlock(header: $0, logs: logs[$0.number] ?? [], node: segment.node(at: $0.number))
        }
    }

    /// The block `hash` with its logs, which must stand at `number`.
    private func fetch(_ hash: Hash, at number: BlockNumber) async throws -> FetchedBlock {
        let segment: BlockLogs
        do {
            segment = try await source.block(hash, contracts: contracts)
        } catch ChainSourceError.tooLarge {
            let headers = try await source.headers([hash])
            segment = try await fetcher.dense(
                BlockLogs(range: number...number, headers: headers, logs: []))
        }
        guard segment.malformed.isEmpty else {
            throw ChainSourceError.inconsistent("logs that cannot be read", by: segment.node)
        }
        guard segment.headers.count == 1, let header = segment.headers.first, header.hash == hash,
            header.number == number
        else { throw ChainSourceError.inconsistent("another block than the one asked for", by: segment.node) }
        return FetchedBlock(header: header, logs: segment.logs, node: segment.node)
    }

    /// What a node other than `node` says about `block`, which stands where the followed branch has another one.
    private func opinion(on block: Header, notBy node: Int) async throws -> ReorgJudge.Opinion {
        guard source.nodeCount > 1 else { return .alone }
        do {
            let (source, number) = (source, block.number)
            let answer = try await withinLimit(secondLookLimit, clock) {
                try await source.tip(tags: false, notBy: node, at: [number])
            }
            guard let (marks, blocks) = answer, let other = blocks.first else { return .silent }
            if other.hash == block.hash { return .confirms }
            return other.hash == tracker.header(at: number)?.hash ? .denies(marks?.latest.number) : .silent
        } catch is ChainSourceError {
            return .silent
        }
    }

    /// Stops the chain if the branch of `outside`, which leaves the kept chain below all of it, is certain.
    private mutating func haltIfCertain(_ outside: Header, _ newest: Header, by node: Int) async throws {
        guard let tip = tracker.tip else { return }
        let opinion = try await opinion(on: outside, notBy: node)
        let sight = ReorgJudge.Sight(branch: outside.hash, head: newest.number, node: node)
        guard judge.judgeFinal(sight, tip: tip.number, opinion: opinion) else {
            guard opinion != .alone else { return }
            throw ChainSourceError.inconsistent("another chain below what is final", by: node)
        }
        throw ListenerError.halted(
            """
            The nodes show another chain from block \(outside.number) or below on, which was taken as final. \
            Check that every endpoint of chain \(chain.id) in chains.json serves the right network and is in sync. \
            If the nodes were wrong, correct them and run tocsin rewind --chain \(chain.id) --to \(tip.number), which \
            takes nothing back. If the chain really changed, run tocsin rewind --chain \(chain.id) --to the last block \
            that both chains share: the events above it are retracted, and the new chain is read from there on.
            """)
    }

    /// Asks another node about the tags of `tip`, where they would move a mark, and stores what both say.
    mutating func confirm(_ told: FinalityMarks.Sight, of tip: BlockMarks) async throws {
        guard let checkpoint, source.nodeCount > 1 else { return }
        // A tag says nothing about blocks that are not among its own.
        let told = told.on(tracker, upTo: checkpoint.number)
        guard finality.isDue(told, marks, at: elapsed()) else { return }
        let opinion = try await opinion(on: told, notBy: tip.node)
        finality.judge(told, latest: tip.latest.number, opinion, at: elapsed())
        try await storeMarks(finality.believed(of: told))
    }

    /// What a node other than `node` says about the tags.
    private func opinion(on told: FinalityMarks.Sight, notBy node: Int) async throws -> FinalityJudge.Opinion {
        let claims = [told.safe, told.finalized].compactMap { $0?.number }
        // What is tagged below the kept headers must lie under them.
        let oldest = tracker.window.first.flatMap { oldest in claims.contains { $0 < oldest.number } ? oldest : nil }
        let numbers = Set(claims + [oldest?.number].compactMap { $0 }).sorted()
        do {
            let source = source
            let answer = try await withinLimit(secondLookLimit, clock) {
                try await source.tip(tags: true, notBy: node, at: numbers)
            }
            guard let (marks, blocks) = answer, let marks else { return .silent }
            if let oldest, !blocks.contains(where: { $0.hash == oldest.hash }) { return .silent }
            return .told(marks, blocks: blocks)
        } catch is ChainSourceError {
            return .silent
        }
    }

    /// Stores marks that moved although no block came.
    private mutating func storeMarks(_ sight: FinalityMarks.Sight) async throws {
        guard let checkpoint else { return }
        var after = marks
        after.advance(sight, checkpoint: checkpoint.number) { tracker.header(at: $0) }
        guard after.safe != marks.safe || after.finalized != marks.finalized else { return }
        try await commit(checkpoint: nil, tracker: tracker, sight)
    }
}
