import Domain
import Ethereum
import EthereumRPC

/// What one of the tasks of a fill came to.
private enum HistoryStep: Sendable {
    case fetched(ClosedRange<BlockNumber>, Result<HistoryPiece, ChainSourceError>)
    case stored(CommitOutcome)
    case looked(BlockMarks?)
}

extension Follower {
    /// How long until the head is looked at again while history is stored.
    private static let lookPause: Duration = .seconds(5)
    /// The most logs of one stretch that are stored with one commit.
    private static let logsPerCommitMax = 40_000

    /// Stores history up to `end`: many stretches are fetched at once, each commit while the next ones are fetched.
    ///
    /// What was fetched when a stretch fails is stored up to that one.
    mutating func fill(upTo end: BlockNumber, _ sight: FinalityMarks.Sight) async throws -> Pace {
        rate = HistoryRate()
        rate.note(next, at: elapsed())
        defer { rate = HistoryRate() }
        var plan = HistoryPlan<HistoryPiece>(next...end, limits: .init(inFlight: max(1, settings.callsMax)))
        var waiting: [HistoryPiece] = []
        var draft: Draft?
        let isConcurrent = settings.callsMax > 1
        let (fetcher, source, clock, store, meters, depth) = (fetcher, source, clock, store, meters, tracker.depth)
        let tags = chain.finality == .tags
        let stray = try await withThrowingTaskGroup(of: HistoryStep.self) { group -> HistoryPiece? in
            defer { group.cancelAll() }
            func look() {
                group.addTask {
                    try await clock.sleep(for: Self.lookPause)
                    return .looked(try? await Self.witnessedTip(source, tags: tags, depth: depth))
                }
            }
            if isConcurrent { look() }
            while true {
                while isConcurrent || draft == nil, let range = plan.plan(longestAllowed: spanLength) {
                    group.addTask {
                        do {
                            return .fetched(range, .success(try await fetcher.piece(range)))
                        } catch let error as ChainSourceError {
                            return .fetched(range, .failure(error))
                        }
                    }
                }
                if draft == nil {
                    if waiting.isEmpty { waiting = try plan.take() }
                    if let checkpoint, let first = waiting.first, first.parent != checkpoint.hash { return first }
                    if let ready = try await self.draft(&waiting, sight) {
                        draft = ready
                        group.addTask { .stored(try await meters.timed { try await store.commit(ready.commit) }) }
                    } else if plan.isDone {
                        return nil
                    }
                }
                guard let step = try await group.next() else { return nil }
                switch step {
                case .fetched(let range, .success(let piece)):
                    plan.answered(range, covered: piece.blocks, piece, logs: piece.rows.count)
                case .fetched(let range, .failure(let error)): plan.failed(range, error)
                case .stored(let outcome):
                    if let stored = draft { remember(stored, outcome) }
                    draft = nil
                    meters.lag(head: head, checkpoint: checkpoint?.number)
                    meters.left(rate.timeLeft(to: plan.end))
                    report?(self)
                case .looked(let tip):
                    if let tip { plan.extend(to: see(tip)) }
                    look()
                }
            }
        }
        // The stored chain ends on a branch that is no longer followed: go back as from any other head.
        if let stray { return try await follow(stray.first, by: stray.node, sight) }
        return .behind
    }

    /// The most blocks that one stretch may have.
    private var spanLength: Int { min(settings.rangeMax, max(1, source.spanLength)) }

    /// The newest blocks, where a node has the block at half the window's depth below them.
    private static func witnessedTip(_ source: any ChainSource, tags: Bool, depth: Int) async throws -> BlockMarks {
        let tip = try await source.tip(tags: tags)
        let number = tip.latest.number.advanced(by: -depth / 2)
        _ = try await source.segment(number...number, contracts: [])
        return tip
    }

    /// Takes in a look at the nodes; the last block of history then.
    private mutating func see(_ tip: BlockMarks) -> BlockNumber {
        head = max(tip.latest.number, head ?? tip.latest.number)
        marks.look(sight(tip))
        return tip.latest.number.advanced(by: -tracker.depth)
    }

    /// The commit of as much of `waiting` as lies on each other; nil where nothing waits.
    private mutating func draft(
        _ waiting: inout [HistoryPiece], _ sight: FinalityMarks.Sight
    ) async throws -> Draft? {
        var blocks: [BlockRow] = []
        var events: [EventRow] = []
        var unverified: [ClosedRange<BlockNumber>] = []
        var last: HistoryPiece?
        while var piece = waiting.first, last == nil || last?.last.hash == piece.parent {
            let isPlain = piece.contradicted.isEmpty
            do {
                try await settle(&piece)
            } catch is ChainSourceError where last != nil {
                // What lies under it is stored first.
                break
            }
            waiting.removeFirst()
            if let lower = piece.cut(logsMax: Self.logsPerCommitMax) {
                waiting.insert(piece, at: 0)
                piece = lower
            }
            // What took a second look was learned from then.
            if isPlain { try learn(from: piece.proofs) }
            if !piece.isAgreed { unverified.append(piece.blocks) }
            blocks += blockRows(of: piece.proofs)
            events += piece.rows
            last = piece
            if events.count >= Self.logsPerCommitMax { break }
        }
        guard let last else { return nil }
        if blocks.last?.header.number != last.last.number {
            blocks.append(
                BlockRow(header: last.last, verification: last.isAgreed ? .quorum : nil, logCount: 0))
        }
        rate.note(last.last.number, at: elapsed())
        return self.draft(
            blocks: blocks, events: events, unverified: unverified,
            checkpoint: Checkpoint(number: last.last.number, hash: last.last.hash),
            tracker: HeadTracker(depth: tracker.depth, window: [last.last]), sight)
    }

    /// Looks again at what the first look at `piece` left open.
    private mutating func settle(_ piece: inout HistoryPiece) async throws {
        if !piece.contradicted.isEmpty {
            for (place, block) in piece.contradicted {
                guard let proof = try await prove([block]).first else {
                    throw ChainSourceError.inconsistent("logs that cannot belong to their block", by: block.node)
                }
                piece.proofs[place] = proof
            }
            piece.rows = try await rows(of: piece.proofs)
            piece.contradicted = []
        } else if piece.lacksSenders {
            let senders = try await patientSenders(of: piece.rows.filter { $0.type != nil }.map(\.log))
            for index in piece.rows.indices {
                piece.rows[index].transactionFrom = senders[piece.rows[index].log.transactionHash]
            }
        } else if !piece.rows.isEmpty {
            senderFailures = 0
        }
        piece.lacksSenders = false
    }
}
