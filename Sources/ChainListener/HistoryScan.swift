public import Domain
import EthereumRPC

/// Goes through history as a listener does, with every check, and keeps nothing of it.
public struct HistoryScan: Sendable {
    /// What was seen.
    public struct Findings: Sendable, Equatable {
        /// Logs of the chain's contracts.
        public var logs = 0
        /// Logs that are events.
        public var events = 0
        /// Blocks whose header contradicts the logs.
        public var contradictedBlocks = 0
        /// The stretches that were fetched.
        public var stretches = 0
    }

    private let chain: Chain
    private let source: any ChainSource
    private let settings: ListenerSettings

    /// A scan of `chain`, as `source` answers it.
    public init(chain: Chain, source: any ChainSource, settings: ListenerSettings = ListenerSettings()) {
        self.chain = chain
        self.source = source
        self.settings = settings
    }

    /// Fetches, checks and decodes `range`, several stretches at once, and goes over them in the order of the chain.
    ///
    /// - Throws: `ChainSourceError` of the first stretch that failed, or `inconsistent` where two do not lie on each other.
    public func run(_ range: ClosedRange<BlockNumber>) async throws -> Findings {
        let fetcher = HistoryFetcher(
            chain: chain, source: source, settings: settings, trust: BloomTrust(), contracts: chain.contracts)
        let longest = min(settings.rangeMax, max(1, source.spanLength))
        var plan = HistoryPlan<HistoryPiece>(range, limits: .init(inFlight: max(1, settings.callsMax)))
        var findings = Findings()
        var below: HistoryPiece?
        try await withThrowingTaskGroup(of: (ClosedRange<BlockNumber>, HistoryPiece).self) { group in
            while !plan.isDone {
                while let range = plan.plan(longestAllowed: longest) {
                    group.addTask { (range, try await fetcher.piece(range)) }
                }
                guard let (range, piece) = try await group.next() else { return }
                plan.answered(range, covered: piece.blocks, piece, logs: piece.rows.count)
                // What was given out counts as held until the plan is asked again.
                while case let pieces = try plan.take(), !pieces.isEmpty {
                    for piece in pieces {
                        if let below, below.last.hash != piece.parent {
                            throw ChainSourceError.inconsistent(
                                "stretches that do not lie on each other", by: piece.node)
                        }
                        findings.add(piece)
                        below = piece
                    }
                }
            }
        }
        return findings
    }
}

extension HistoryScan.Findings {
    fileprivate mutating func add(_ piece: HistoryPiece) {
        logs += piece.rows.count
        events += piece.rows.count { $0.defect == nil }
        contradictedBlocks += piece.contradicted.count
        stretches += 1
    }
}
