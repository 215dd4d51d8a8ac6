import Domain
import Ethereum
import EthereumRPC

/// A stretch of history as it is stored.
struct HistoryPiece: Sendable {
    private(set) var blocks: ClosedRange<BlockNumber>
    /// The block that must lie under it.
    private(set) var parent: Hash
    /// The lowest block of the answer that it came with.
    let first: Header
    let last: Header
    /// The node that answered it.
    let node: Int
    /// The blocks that hold logs, lowest first, with what proves them.
    var proofs: [BlockProver.Proof]
    /// Blocks whose logs their header or another node contradicts, by their place among `proofs`; they need a second look.
    var contradicted: [(place: Int, block: FetchedBlock)] = []
    /// The rows of `proofs`, in the order of the chain.
    var rows: [EventRow]
    /// Whether the nodes failed to say who sent the transactions.
    var lacksSenders = false
    /// Whether a second node answered the same logs.
    let isAgreed: Bool

    /// Takes the lower part off where the piece holds more than `logsMax` logs; nil where it does not, or is one block.
    mutating func cut(logsMax: Int) -> HistoryPiece? {
        guard rows.count > logsMax, contradicted.isEmpty else { return nil }
        // The rows of a block stay together, so the lower part may hold more than asked for.
        guard let number = rows[max(0, logsMax - 1)..<rows.count].first?.log.blockNumber, number < last.number,
            let place = proofs.firstIndex(where: { $0.header.number > number }), place > 0
        else { return nil }
        let header = proofs[place - 1].header
        let count = rows.prefix { $0.log.blockNumber <= number }.count
        let lower = HistoryPiece(
            blocks: blocks.lowerBound...header.number, parent: parent, first: first, last: header, node: node,
            proofs: Array(proofs[..<place]),
            rows: Array(rows[..<count]), isAgreed: isAgreed)
        parent = header.hash
        blocks = header.number.advanced(by: 1)...blocks.upperBound
        proofs.removeSubrange(..<place)
        rows.removeSubrange(..<count)
        return lower
    }
}

/// Fetches, checks and decodes stretches of history; it changes nothing, so that many are under way at once.
struct HistoryFetcher: Sendable {
    let chain: Chain
    let source: any ChainSource
    let settings: ListenerSettings
    let trust: BloomTrust
    /// The contracts whose logs are wanted.
    let contracts: [RegistryContract]

    private var addresses: [Address] { contracts.map(\.address) }

    /// How often another node is asked that does not answer.
    private static let attemptsMax = 3

    /// The beginning of `range`, as much of it as a node answers at once.
    func piece(_ range: ClosedRange<BlockNumber>) async throws -> HistoryPiece {
        try await piece(try await stretch(range))
    }

    /// The beginning of `range` as one node answers it, compared with another's answer where there is one.
    func stretch(_ range: ClosedRange<BlockNumber>) async throws -> Stretch {
        let answer = try await beginning(of: range)
        guard answer.range.lowerBound == range.lowerBound, answer.range.upperBound <= range.upperBound else {
            throw ChainSourceError.inconsistent("other blocks than those asked for", by: answer.node)
        }
        var stretch = try Stretch(answer, answer.range)
        if let other = try await elsewhere(answer.range, notBy: answer.node) { try stretch.compare(with: other) }
        return stretch
    }

    private func beginning(of range: ClosedRange<BlockNumber>) async throws -> BlockLogs {
        do {
            return try await source.span(range, contracts: addresses)
        } catch ChainSourceError.tooLarge {
            return try await dense(try await source.segment(range.lowerBound...range.lowerBound, contracts: []))
        }
    }

    /// The one block of `bare`, whose logs no node answers at once, with the watched ones out of its receipts.
    ///
    /// - Throws: `ChainSourceError.tooLarge` where no node offers receipts.
    func dense(_ bare: BlockLogs) async throws -> BlockLogs {
        guard let header = bare.headers.first, let receipts = try await source.receipts(of: header) else {
            throw ChainSourceError.tooLarge
        }
        var block = bare
        block.logs = receipts.flatMap(\.logs).filter { addresses.contains($0.address) }
        return block
    }

    /// What another node answers for `range`; nil where there is none, or none that can answer.
    ///
    /// A range brings no blooms along, so a second node's word is the evidence that none of its logs was left out.
    private func elsewhere(_ range: ClosedRange<BlockNumber>, notBy node: Int) async throws -> Stretch? {
        guard settings.comparesHistory else { return nil }
        var whole: Stretch?
        var next = range.lowerBound
        var failures = 0
        while next <= range.upperBound {
            do {
                let rest = next...range.upperBound
                guard let answer = try await source.span(rest, contracts: addresses, notBy: node) else { return nil }
                guard answer.range.lowerBound == next, answer.range.upperBound <= range.upperBound else {
                    throw ChainSourceError.inconsistent("other blocks than those asked for", by: answer.node)
                }
                let part = try Stretch(answer, answer.range)
                if whole == nil { whole = part } else { try whole?.append(part) }
                next = answer.range.upperBound.advanced(by: 1)
            } catch ChainSourceError.tooLarge {
                return nil
            } catch is ChainSourceError {
                failures += 1
                guard failures < Self.attemptsMax else { return nil }
            }
        }
        return whole
    }

    /// The piece of `stretch`.
    ///
    /// Blocks of history get no second look for being only doubtful. A bloom that allows more logs does so by chance in
    /// most blocks of a busy chain; whether history is complete is worked off apart from storing it, from the ledger of
    /// what is unverified.
    private func piece(_ stretch: Stretch) async throws -> HistoryPiece {
        let check = BlockCheck(contracts: addresses, trust: trust)
        var piece = HistoryPiece(
            blocks: stretch.first.number...max(stretch.first.number, stretch.last.number),
            parent: stretch.first.parentHash, first: stretch.first, last: stretch.last, node: stretch.node,
            proofs: [], rows: [],
            isAgreed: stretch.isAgreed)
        for block in try await blocks(of: stretch) {
            let verification: Verification?
            switch check.verdict(header: block.header, logs: block.logs) {
            case .unproved where stretch.disputed.contains(block.header.number):
                verification = nil
                piece.contradicted.append((piece.proofs.count, block))
            case .proved, .unproved: verification = stretch.isAgreed ? .quorum : nil
            case .contradicted:
                verification = nil
                piece.contradicted.append((piece.proofs.count, block))
            }
            piece.proofs.append(
                BlockProver.Proof(
                    header: block.header, logs: block.logs, verification: verification,
                    bloomHolds: verification == nil || trust.evidence(in: block.header) == nil ? nil : true))
        }
        guard piece.contradicted.isEmpty else { return piece }
        piece.rows = rows(of: piece.proofs)
        do {
            let senders = try await senders(of: piece.rows.filter { $0.type != nil }.map(\.log))
            for index in piece.rows.indices {
                piece.rows[index].transactionFrom = senders[piece.rows[index].log.transactionHash]
            }
        } catch is ChainSourceError {
            piece.lacksSenders = true
        }
        return piece
    }

    /// The rows of proved blocks, in the order of the chain, without senders.
    func rows(of proofs: [BlockProver.Proof]) -> [EventRow] {
        var rows: [EventRow] = []
        rows.reserveCapacity(proofs.reduce(0) { $0 + $1.logs.count })
        for proof in proofs {
            for log in chain.watched(proof.logs).sorted(by: { $0.logIndex < $1.logIndex }) {
                guard let registry = chain.registry(at: log.address) else { continue }
                rows.append(EventRow(log: log, registry: registry, timestamp: proof.header.timestamp))
            }
        }
        return rows
    }

    /// Who sent the transactions of `logs`.
    func senders(of logs: [Log]) async throws -> [Hash: Address] {
        var transactions: [Hash] = []
        for log in logs where transactions.last != log.transactionHash { transactions.append(log.transactionHash) }
        guard settings.fetchesSenders, !transactions.isEmpty else { return [:] }
        return try await source.senders(of: transactions)
    }

    /// The blocks of `stretch` that hold logs, lowest first, with headers that agree with the logs.
    private func blocks(of stretch: Stretch) async throws -> [FetchedBlock] {
        let logs = Dictionary(grouping: stretch.logs, by: \.blockNumber)
        let numbers = logs.keys.sorted()
        var headers = stretch.headers
        var missing: [Hash] = []
        for number in numbers where headers[number] == nil {
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
        return try numbers.map { number in
            guard let header = headers[number] else {
                throw ChainSourceError.inconsistent("logs at another height than their block", by: stretch.node)
            }
            return FetchedBlock(header: header, logs: logs[number] ?? [], node: stretch.node(at: number))
        }
    }
}
