import Domain
import Ethereum
import EthereumRPC

extension Follower {
    /// Stores the next stretch of history, at most up to `end`, with one call for its logs.
    mutating func fill(upTo end: BlockNumber, _ sight: FinalityMarks.Sight) async throws -> Pace {
        let wanted = next...min(end, next.advanced(by: settings.rangeMax - 1))
        let answer: BlockLogs
        do {
            answer = try await source.span(wanted, contracts: contracts)
        } catch ChainSourceError.tooLarge {
            return try await fillDense(wanted.lowerBound, sight)
        }
        let range = try answer.beginning(of: wanted)
        var stretch = try Stretch(answer, range)
        if let other = try await elsewhere(range, notBy: answer.node) { try stretch.compare(with: other) }
        return try await store(stretch, sight)
    }

    /// What another node answers for `range`; nil where there is none, or none that can answer.
    ///
    /// A range brings no blooms along, so a second node's word is the evidence that none of its logs was left out.
    private func elsewhere(_ range: ClosedRange<BlockNumber>, notBy node: Int) async throws -> Stretch? {
        guard settings.comparesHistory else { return nil }
        var pieces: BlockLogs?
        var failures = 0
        while failures < 3 {
            let rest = (pieces?.range.upperBound.advanced(by: 1) ?? range.lowerBound)...range.upperBound
            do {
                guard let piece = try await source.span(rest, contracts: contracts, notBy: node) else { return nil }
                let covered = try piece.beginning(of: rest)
                _ = try Stretch(piece, covered)
                let whole = try pieces?.followed(by: piece) ?? piece
                if covered.upperBound == range.upperBound { return try Stretch(whole, range) }
                pieces = whole
            } catch ChainSourceError.tooLarge {
                return nil
            } catch is ChainSourceError {
                failures += 1
            }
        }
        return nil
    }

    /// Stores one block whose logs no node answers at once, from its receipts.
    private mutating func fillDense(_ number: BlockNumber, _ sight: FinalityMarks.Sight) async throws -> Pace {
        let bare = try await source.segment(number...number, contracts: [])
        let answer = try await denseBlock(bare)
        return try await store(Stretch(answer, number...number), sight)
    }

    /// The one block of `bare` with the watched logs out of its receipts.
    ///
    /// - Throws: `ChainSourceError.tooLarge` where no node offers receipts.
    func denseBlock(_ bare: BlockLogs) async throws -> BlockLogs {
        guard let header = bare.headers.first, let all = try await source.receiptLogs(of: header.hash) else {
            throw ChainSourceError.tooLarge
        }
        var block = bare
        block.logs = all.filter { contracts.contains($0.address) }
        return block
    }

    private mutating func store(_ stretch: Stretch, _ sight: FinalityMarks.Sight) async throws -> Pace {
        if let checkpoint, stretch.first.parentHash != checkpoint.hash {
            // The stored chain ends on a branch that is no longer followed: go back as from any other head.
            return try await follow(stretch.first, by: stretch.node, sight)
        }
        let proofs = try await prove(history: try await blocks(of: stretch), isAgreed: stretch.isAgreed)
        var blocks = blockRows(of: proofs)
        let last = stretch.last
        if blocks.last?.header.number != last.number {
            blocks.append(BlockRow(header: last, verification: stretch.isAgreed ? .quorum : nil, logCount: 0))
        }
        try await commit(
            blocks: blocks, events: try await rows(of: proofs),
            unverified: stretch.isAgreed ? [] : [stretch.first.number...last.number],
            checkpoint: Checkpoint(number: last.number, hash: last.hash),
            tracker: HeadTracker(depth: tracker.depth, window: [last]), sight)
        return .behind
    }

    /// The blocks of `stretch` that hold logs, lowest first, with headers that agree with the logs.
    private func blocks(of stretch: Stretch) async throws -> [FetchedBlock] {
        let logs = Dictionary(grouping: stretch.logs, by: \.blockNumber)
        var headers = stretch.headers
        var missing: [Hash] = []
        for number in logs.keys.sorted() where headers[number] == nil {
            // Logs of two blocks of one height are found out against the one header.
            if let hash = logs[number]?.first?.blockHash { missing.append(hash) }
        }
        let chunks = stride(from: 0, to: missing.count, by: settings.segmentMax).map {
            Array(missing[$0..<min($0 + settings.segmentMax, missing.count)])
        }
        let source = source
        let answers = try await concurrently(chunks, atOnce: settings.callsMax) { chunk in
            let headers = try await source.headers(chunk)
            guard headers.map(\.hash) == chunk else {
                throw ChainSourceError.inconsistent("other blocks than those asked for")
            }
            return headers
        }
        for header in answers.joined() { headers[header.number] = header }
        return try logs.keys.sorted().map { number in
            guard let header = headers[number] else {
                throw ChainSourceError.inconsistent("logs at another height than their block", by: stretch.node)
            }
            return FetchedBlock(header: header, logs: logs[number] ?? [], node: stretch.node)
        }
    }

    /// Proves blocks of history, without second looks at what is only doubtful.
    ///
    /// A bloom that allows more logs does so by chance in most blocks of a busy chain; whether history is complete is
    /// worked off apart from storing it, from the ledger of what is unverified.
    private mutating func prove(
        history blocks: [FetchedBlock], isAgreed: Bool
    ) async throws -> [BlockProver.Proof] {
        let check = BlockCheck(contracts: contracts, trust: bloomTrust)
        var proofs: [BlockProver.Proof] = []
        for block in blocks {
            switch check.verdict(header: block.header, logs: block.logs) {
            case .proved, .unproved:
                let verification: Verification? = isAgreed ? .quorum : nil
                proofs.append(
                    .init(header: block.header, logs: block.logs, verification: verification, bloomHolds: nil))
            case .contradicted:
                proofs += try await prove([block])
            }
        }
        return proofs
    }
}

extension BlockLogs {
    /// The blocks that the answer covers.
    ///
    /// - Throws: `ChainSourceError.inconsistent` where they are not the beginning of `wanted`.
    func beginning(of wanted: ClosedRange<BlockNumber>) throws(ChainSourceError) -> ClosedRange<BlockNumber> {
        guard range.lowerBound == wanted.lowerBound, range.upperBound <= wanted.upperBound else {
            throw .inconsistent("other blocks than those asked for", by: node)
        }
        return range
    }

    /// This answer and the one for the blocks behind it as one.
    fileprivate func followed(by next: BlockLogs) throws(ChainSourceError) -> BlockLogs {
        guard headers.last?.hash == next.headers.first?.parentHash else {
            throw .inconsistent("blocks that are not each other's parents", by: next.node)
        }
        return BlockLogs(
            range: range.lowerBound...next.range.upperBound, headers: headers + next.headers, logs: logs + next.logs,
            malformed: malformed + next.malformed, node: node)
    }
}
