import Domain
import Ethereum
import EthereumRPC

/// A stretch of history that holds against what was asked.
private struct Stretch {
    let first: Header
    let last: Header
    let logs: [Log]
    let node: Int
    /// What headers came along, by height.
    let headers: [BlockNumber: Header]

    /// The stretch in `answer`.
    ///
    /// - Throws: `ChainSourceError.inconsistent` where it is not about `range`.
    init(_ answer: BlockLogs, _ range: ClosedRange<BlockNumber>) throws(ChainSourceError) {
        guard answer.malformed.isEmpty else { throw .inconsistent("logs that cannot be read", by: answer.node) }
        guard let first = answer.headers.first, let last = answer.headers.last, first.number == range.lowerBound,
            last.number == range.upperBound, range.count > 1 || first.hash == last.hash,
            answer.headers.allSatisfy({ range.contains($0.number) })
        else { throw .inconsistent("other blocks than those asked for", by: answer.node) }
        guard answer.logs.allSatisfy({ range.contains($0.blockNumber) }) else {
            throw .inconsistent("logs of other blocks than those asked for", by: answer.node)
        }
        self.first = first
        self.last = last
        logs = answer.logs
        node = answer.node
        headers = Dictionary(answer.headers.map { ($0.number, $0) }, uniquingKeysWith: { first, _ in first })
    }
}

extension Follower {
    /// Stores the next stretch of history, at most up to `end`, with one call for its logs.
    mutating func fill(upTo end: BlockNumber, _ sight: FinalityMarks.Sight) async throws -> Pace {
        let range = next...min(end, next.advanced(by: rangeSize.current - 1))
        let answer: BlockLogs
        do {
            answer = try await source.span(range, contracts: contracts(upTo: range.upperBound))
        } catch ChainSourceError.tooLarge(let suggestion) {
            guard rangeSize.shrink(from: range.count, suggestion: suggestion) else {
                return try await fillDense(range.lowerBound, sight)
            }
            return .behind
        }
        rangeSize.grow(from: range.count)
        return try await store(Stretch(answer, range), sight)
    }

    /// Stores one block whose logs no node answers at once, from its receipts.
    private mutating func fillDense(_ number: BlockNumber, _ sight: FinalityMarks.Sight) async throws -> Pace {
        let contracts = contracts(upTo: number)
        var answer = try await source.segment(number...number, contracts: [])
        guard let header = answer.headers.first, let all = try await source.receiptLogs(of: header.hash) else {
            throw ChainSourceError.tooLarge()
        }
        answer.logs = all.filter { contracts.contains($0.address) }
        return try await store(Stretch(answer, number...number), sight)
    }

    private mutating func store(_ stretch: Stretch, _ sight: FinalityMarks.Sight) async throws -> Pace {
        if let checkpoint, stretch.first.parentHash != checkpoint.hash {
            // The stored chain ends on a branch that is no longer followed: go back as from any other head.
            return try await follow(stretch.first, by: stretch.node, sight)
        }
        let proofs = try await prove(history: try await blocks(of: stretch))
        var blocks = proofs.map { BlockRow(header: $0.header, verification: $0.verification, logCount: $0.logs.count) }
        let last = stretch.last
        if blocks.last?.header.number != last.number {
            let check = BlockCheck(contracts: contracts(upTo: last.number), trustsBloom: bloomTrust.isTrusted)
            let isProved = check.verdict(header: last, logs: []) == .proved
            blocks.append(BlockRow(header: last, verification: isProved ? .bloom : nil, logCount: 0))
        }
        try await commit(
            blocks: blocks, events: try await rows(of: proofs),
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
    /// worked off apart from storing it, from the blocks without verification.
    private mutating func prove(history blocks: [FetchedBlock]) async throws -> [BlockProver.Proof] {
        guard let highest = blocks.last?.header.number else { return [] }
        let check = BlockCheck(contracts: contracts(upTo: highest), trustsBloom: bloomTrust.isTrusted)
        var proofs: [BlockProver.Proof] = []
        for block in blocks {
            switch check.verdict(header: block.header, logs: block.logs) {
            case .proved:
                proofs.append(.init(header: block.header, logs: block.logs, verification: .bloom, bloomHolds: true))
            case .unproved, .doubtful:
                proofs.append(.init(header: block.header, logs: block.logs, verification: nil, bloomHolds: nil))
            case .contradicted:
                proofs += try await prove([block])
            }
        }
        return proofs
    }
}
