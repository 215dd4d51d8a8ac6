public import Domain
import Ethereum
import EthereumRPC
import Storage

/// What comparing stored history with the nodes came to.
public struct HistoryReport: Sendable, Equatable {
    /// The blocks that were compared so far.
    public internal(set) var blocks = 0
    /// The logs that the nodes answered for them.
    public internal(set) var logs = 0
    /// Logs that lacked and were appended, those that are no events included.
    public internal(set) var appended = 0
    /// Stored logs that are not on the chain and were taken back.
    public internal(set) var retracted = 0
    /// Heights where another block is stored than the nodes show; nothing was changed there.
    public internal(set) var doubted: [BlockNumber] = []
}

/// Compares stored history with what the nodes answer, and appends what lacks.
///
/// It fetches as the listener does. What it appends are late rows of the feed: their heights lie under rows that are there
/// already. Repeating it is harmless.
struct HistoryRepair: Sendable {
    let token: Int64
    let fetcher: HistoryFetcher
    let ledger: any LedgerStoring
    /// Whether stored logs that the nodes do not have are taken back.
    let retractsSurplus: Bool

    /// What became of a stretch.
    ///
    /// Not a tuple: as one the optimiser of Swift 6.3 mixes up its parts.
    private struct Fetched: Sendable {
        let range: ClosedRange<BlockNumber>
        let result: Result<HistoryPiece, ChainSourceError>
    }

    /// How often the chain may change under one stretch while it is compared.
    private static let attemptsMax = 5

    /// Works through `range` in its order; `done` hears of each stretch once it is settled.
    ///
    /// - Throws: `ListenerError.fenced` where the lease was lost; `ChainSourceError`.
    func run(
        _ range: ClosedRange<BlockNumber>, done: (HistoryReport, BlockNumber) async throws -> Void = { _, _ in }
    ) async throws -> HistoryReport {
        var report = HistoryReport()
        let settings = fetcher.settings
        var plan = HistoryPlan<HistoryPiece>(range, limits: .init(inFlight: max(1, settings.callsMax)))
        try await withThrowingTaskGroup(of: Fetched.self) { group in
            defer { group.cancelAll() }
            while !plan.isDone {
                while let range = plan.plan(
                    longestAllowed: min(settings.rangeMax, max(1, fetcher.source.spanLength)))
                {
                    group.addTask {
                        do {
                            return Fetched(range: range, result: .success(try await fetcher.piece(range)))
                        } catch let error as ChainSourceError {
                            return Fetched(range: range, result: .failure(error))
                        }
                    }
                }
                for piece in try plan.take() {
                    try await settle(piece, &report)
                    try await done(report, piece.blocks.upperBound)
                }
                guard let fetched = try await group.next() else { continue }
                let range = fetched.range
                switch fetched.result {
                case .success(let piece): plan.answered(range, covered: piece.blocks, piece, logs: piece.rows.count)
                case .failure(let error): plan.failed(range, error)
                }
            }
        }
        return report
    }

    /// Compares one stretch with what is stored, and writes down the difference.
    private func settle(_ piece: HistoryPiece, _ report: inout HistoryReport) async throws {
        guard piece.contradicted.isEmpty else {
            throw ChainSourceError.inconsistent("logs that cannot belong to their block", by: piece.node)
        }
        for _ in 0..<Self.attemptsMax {
            let stored = try await ledger.stored(fetcher.chain.id, piece.blocks)
            let headers = piece.proofs.map(\.header) + [piece.first, piece.last]
            let hashes = Dictionary(headers.map { ($0.number, $0.hash) }, uniquingKeysWith: { first, _ in first })
            let doubted = Set(stored.hashes.filter { number, hash in hashes[number].map { $0 != hash } ?? false }.keys)
            var settlement = Settlement(
                chainID: fetcher.chain.id, token: token, range: piece.blocks, hashes: stored.hashes)
            let known = Set(stored.events.map { LogPlace($0.log) })
            settlement.late = piece.rows.filter {
                !known.contains(LogPlace($0.log)) && !doubted.contains($0.log.blockNumber)
            }
            settlement.blocks = blocks(of: settlement.late, piece, stored.events)
            if retractsSurplus {
                settlement.surplus = try await surplus(
                    stored.events.filter { !doubted.contains($0.log.blockNumber) }, piece)
            }
            if !settlement.late.isEmpty || !settlement.surplus.isEmpty {
                guard try await ledger.settle(settlement) != nil else { continue }
            }
            if !retractsSurplus, !piece.isAgreed {
                try await ledger.open([piece.blocks], of: fetcher.chain.id)
            }
            report.blocks += piece.blocks.count
            report.logs += piece.rows.count
            report.appended += settlement.late.count
            report.retracted += settlement.surplus.count
            report.doubted += doubted.sorted()
            return
        }
        throw ChainSourceError.inconsistent("blocks that change while they are compared")
    }

    /// The records of the blocks of `late`, with the count of all their logs.
    private func blocks(of late: [EventRow], _ piece: HistoryPiece, _ stored: [StoredLog]) -> [BlockRow] {
        let counts = Dictionary(grouping: late.map(\.log.blockHash) + stored.map(\.log.blockHash), by: \.self)
        let concerned = Set(late.map(\.log.blockHash))
        return piece.proofs.filter { concerned.contains($0.header.hash) }.map {
            BlockRow(
                header: $0.header, verification: $0.verification, logCount: counts[$0.header.hash]?.count ?? 0)
        }
    }

    /// Those of `stored` that neither the stretch nor their own block, asked for by its hash, holds.
    private func surplus(_ stored: [StoredLog], _ piece: HistoryPiece) async throws -> [EventID] {
        let watched = Set(fetcher.contracts.map(\.address))
        let places = Set(piece.rows.map { LogPlace($0.log) })
        let missing = stored.filter { watched.contains($0.log.address) && !places.contains(LogPlace($0.log)) }
        var surplus: [EventID] = []
        for (hash, events) in Dictionary(grouping: missing, by: \.log.blockHash) {
            let block: BlockLogs
            do {
                block = try await fetcher.source.block(hash, contracts: Array(watched))
            } catch ChainSourceError.notYet {
                // No node knows the block, but a node that lags does not either: taking back is for a rewind.
                continue
            }
            let held = Set(block.logs.map(LogPlace.init))
            surplus += events.filter { !held.contains(LogPlace($0.log)) }.map(\.id)
        }
        return surplus.sorted()
    }
}
