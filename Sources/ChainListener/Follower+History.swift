import Domain
import Ethereum
import EthereumRPC

extension Follower {
    /// Stores the next stretch of history, at most up to `end`, with one call for its logs.
    mutating func fill(upTo end: BlockNumber, _ sight: FinalityMarks.Sight) async throws -> Pace {
        let range = next...min(end, next.advanced(by: rangeSize.current - 1))
        let span: Span
        do {
            span = try await source.span(range, contracts: contracts(upTo: range.upperBound))
        } catch ChainSourceError.tooLarge {
            guard rangeSize.shrink(from: range.count) else { return try await fillDense(range.lowerBound, sight) }
            return .behind
        }
        rangeSize.grow(from: range.count)
        try check(span, range)
        if let checkpoint, span.first.parentHash != checkpoint.hash {
            // The stored chain ends on a branch that is no longer followed: go back as from any other head.
            return try await follow(span.first, by: span.endpoint, sight)
        }
        try await store(span, logs: try await blocks(of: span), sight)
        return .behind
    }

    /// Stores one block whose logs no node answers at once, from its receipts.
    private mutating func fillDense(_ number: BlockNumber, _ sight: FinalityMarks.Sight) async throws -> Pace {
        let contracts = contracts(upTo: number)
        let segment = try await source.segment(number...number, contracts: [])
        guard segment.headers.count == 1, let header = segment.headers.first, header.number == number else {
            throw ChainSourceError.inconsistent("another block than the one asked for", by: segment.endpoint)
        }
        guard let all = try await source.receiptLogs(of: header.hash) else { throw ChainSourceError.tooLarge }
        if let checkpoint, header.parentHash != checkpoint.hash {
            return try await follow(header, by: segment.endpoint, sight)
        }
        let logs = all.filter { contracts.contains($0.address) }
        let span = Span(first: header, last: header, logs: logs, endpoint: segment.endpoint)
        try check(span, number...number)
        try await store(
            span, logs: [FetchedBlock(header: header, logs: logs, endpoint: segment.endpoint)], sight)
        return .behind
    }

    /// Holds an answer against what was asked.
    private func check(_ span: Span, _ range: ClosedRange<BlockNumber>) throws {
        guard span.first.number == range.lowerBound, span.last.number == range.upperBound,
            range.count > 1 || span.first.hash == span.last.hash
        else { throw ChainSourceError.inconsistent("other blocks than those asked for", by: span.endpoint) }
        guard span.logs.allSatisfy({ range.contains($0.blockNumber) }) else {
            throw ChainSourceError.inconsistent("logs of other blocks than those asked for", by: span.endpoint)
        }
    }

    /// The blocks of `span` that hold logs, lowest first, with headers that agree with the logs.
    private func blocks(of span: Span) async throws -> [FetchedBlock] {
        let logs = Dictionary(grouping: span.logs, by: \.blockNumber)
        var headers: [BlockNumber: Header] = [span.first.number: span.first, span.last.number: span.last]
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
                throw ChainSourceError.inconsistent("logs at another height than their block", by: span.endpoint)
            }
            return FetchedBlock(header: header, logs: logs[number] ?? [], endpoint: span.endpoint)
        }
    }

    /// Commits the checked `span`, whose blocks with logs are `found`.
    private mutating func store(_ span: Span, logs found: [FetchedBlock], _ sight: FinalityMarks.Sight) async throws {
        let contracts = contracts(upTo: span.last.number)
        let check = BlockCheck(contracts: contracts, trustsBloom: bloomTrust.isTrusted)
        var proofs: [BlockProver.Proof] = []
        for block in found {
            switch check.verdict(header: block.header, logs: block.logs) {
            case .proved:
                proofs.append(.init(header: block.header, logs: block.logs, verification: .bloom, bloomHolds: true))
            case .unproved, .doubtful:
                // Whether history is complete is worked off apart from storing it.
                proofs.append(.init(header: block.header, logs: block.logs, verification: nil, bloomHolds: nil))
            case .contradicted:
                proofs += try await prove([block])
            }
        }
        var blocks = proofs.map { BlockRow(header: $0.header, verification: $0.verification, logCount: $0.logs.count) }
        if blocks.last?.header.number != span.last.number {
            let isProved = check.verdict(header: span.last, logs: []) == .proved
            blocks.append(BlockRow(header: span.last, verification: isProved ? .bloom : nil, logCount: 0))
        }
        try await commit(
            blocks: blocks, events: try await rows(of: proofs),
            checkpoint: Checkpoint(number: span.last.number, hash: span.last.hash),
            tracker: HeadTracker(depth: tracker.depth, window: [span.last]), sight)
    }
}
