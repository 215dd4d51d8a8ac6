public import Domain
import Ethereum
import EthereumRPC
public import Logging
public import Storage

/// Why an operator's command on a chain was not carried out.
public enum ChainToolError: Error, Equatable {
    /// A living process listens to the chain.
    case busy(ChainID)
    /// Nothing is stored of the chain yet.
    case nothingStored(ChainID)
    /// The block lies above the last one whose events are all stored.
    case aboveCheckpoint(BlockNumber, checkpoint: BlockNumber)
    /// No watched contract can have logs in these blocks; `first` is the lowest that one can have them in.
    case belowStart(first: BlockNumber)
    /// Another block is stored at this height than the nodes show.
    case otherBlock(BlockNumber)
    /// The nodes did not answer; the text says how, without URLs and keys.
    case nodes(String)
    /// The lease was lost while the command ran.
    case leaseLost(ChainID)
}

/// What an operator does to one chain's stored history while nobody listens to the chain.
///
/// Each command takes the chain's lease, on the same terms as a listener, and gives it back at its end.
public struct ChainTools: Sendable {
    private let chain: Chain
    private let source: any ChainSource
    private let database: Database
    private let settings: ListenerSettings
    private let logger: Logger
    private let lock: LifeLock

    /// Tools for `chain`, whose nodes `source` asks.
    public init(
        chain: Chain, source: any ChainSource, database: Database, settings: ListenerSettings = ListenerSettings(),
        logger: Logger
    ) {
        var random = SystemRandomNumberGenerator()
        self.init(
            chain: chain, source: source, database: database, settings: settings, logger: logger,
            lock: LifeLock(using: &random))
    }

    init(
        chain: Chain, source: any ChainSource, database: Database, settings: ListenerSettings, logger: Logger,
        lock: LifeLock
    ) {
        self.chain = chain
        self.source = source
        self.database = database
        self.settings = settings
        self.logger = logger
        self.lock = lock
    }

    /// Fetches `range` again and appends the logs that lack.
    ///
    /// - Parameter progress: hears what was done and up to which block, after each stretch.
    /// - Throws: ``ChainToolError``, `StorageError`.
    public func backfill(
        _ range: ClosedRange<BlockNumber>, progress: @escaping @Sendable (HistoryReport, BlockNumber) -> Void
    ) async throws -> HistoryReport {
        try await holding { lease in
            let range = try within(range, lease)
            return try await repair(lease, retractsSurplus: false).run(range) { progress($0, $1) }
        }
    }

    /// Compares what is stored with the nodes, appends what lacks and takes back what is not on the chain.
    ///
    /// - Parameters:
    ///   - first: Where to begin; nil for the first block that can have logs.
    ///   - last: Where to end; nil for the last final block.
    /// - Throws: ``ChainToolError``, `StorageError`.
    public func verify(
        from first: BlockNumber?, to last: BlockNumber?,
        progress: @escaping @Sendable (HistoryReport, BlockNumber) -> Void
    ) async throws -> HistoryReport {
        try await holding { lease in
            guard let checkpoint = lease.checkpoint else { throw ChainToolError.nothingStored(chain.id) }
            let low = first ?? start
            let high = last ?? lease.finalized ?? checkpoint.number
            guard low <= high else { throw ChainToolError.aboveCheckpoint(low, checkpoint: high) }
            let range = try within(low...high, lease)
            return try await repair(lease, retractsSurplus: true).run(range) { progress($0, $1) }
        }
    }

    /// Takes everything above `number` back, moves the checkpoint there and lets a halted chain go on.
    ///
    /// Every event above is retracted in the feed, whether it was final or not; the listener reads the blocks anew.
    /// - Returns: How many events were taken back.
    /// - Throws: ``ChainToolError``, `StorageError`.
    public func rewind(to number: BlockNumber) async throws -> Int {
        try await holding { lease in
            guard let checkpoint = lease.checkpoint else { throw ChainToolError.nothingStored(chain.id) }
            guard number <= checkpoint.number else {
                throw ChainToolError.aboveCheckpoint(number, checkpoint: checkpoint.number)
            }
            let answer = try await source.segment(number...number, contracts: [])
            guard let header = answer.headers.first, header.number == number else {
                throw ChainSourceError.inconsistent("other blocks than those asked for", by: answer.node)
            }
            let stored = try await LedgerStore(database: database).stored(chain.id, number...number)
            if let hash = stored.hashes[number], hash != header.hash { throw ChainToolError.otherBlock(number) }
            let marks = FinalityMarks(
                safe: lease.safe.map { min($0, number) }, finalized: lease.finalized.map { min($0, number) })
            let commit = FeedCommit(
                chainID: chain.id, token: lease.token, parent: checkpoint.hash, fork: number,
                blocks: [BlockRow(header: header, verification: nil, logCount: stored.events.count)],
                checkpoint: Checkpoint(number: number, hash: header.hash), head: lease.head ?? checkpoint.number,
                marksBefore: marks, marks: marks, pruneBelow: nil)
            let outcome = try await store.commit(commit)
            try await database.execute(RewindCoverage(chainID: chain.id, fork: number))
            try await database.execute(ClearHalt(chainID: chain.id, token: lease.token))
            return outcome.retractions
        }
    }

    // MARK: Details

    private var store: FeedStore {
        FeedStore(
            database: database, holder: lock.holder, leaseDuration: settings.leaseDuration,
            pruneMax: settings.pruneMax)
    }

    /// The first block that can have logs.
    private var start: BlockNumber { chain.contracts.map(\.startBlock).min() ?? 0 }

    private func repair(_ lease: Lease, retractsSurplus: Bool) -> HistoryRepair {
        HistoryRepair(
            token: lease.token,
            fetcher: HistoryFetcher(
                chain: chain, source: source, settings: settings, trust: .none, contracts: chain.contracts),
            ledger: LedgerStore(database: database), retractsSurplus: retractsSurplus)
    }

    /// `range` without what lies below the first block that can have logs.
    private func within(
        _ range: ClosedRange<BlockNumber>, _ lease: Lease
    ) throws(ChainToolError) -> ClosedRange<BlockNumber> {
        guard let checkpoint = lease.checkpoint else { throw .nothingStored(chain.id) }
        guard range.upperBound <= checkpoint.number else {
            throw .aboveCheckpoint(range.upperBound, checkpoint: checkpoint.number)
        }
        guard range.upperBound >= start else { throw .belowStart(first: start) }
        return max(range.lowerBound, start)...range.upperBound
    }

    /// Runs `work` under the chain's lease, which is kept until it ends.
    private func holding<Output: Sendable>(
        _ work: @escaping @Sendable (Lease) async throws -> Output
    ) async throws -> Output {
        let (taken, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        return try await withThrowingTaskGroup(of: Output?.self) { group in
            defer { group.cancelAll() }
            group.addTask {
                await lock.keep(on: database, clock: ContinuousClock()) { continuation.yield() }
                return nil
            }
            for await _ in taken { break }
            guard let lease = try await store.acquire(chain.id) else { throw ChainToolError.busy(chain.id) }
            group.addTask {
                while true {
                    try await Task.sleep(for: settings.leaseDuration / 3)
                    try await store.renew(lease, head: nil, error: nil)
                }
            }
            group.addTask { try await work(lease) }
            do {
                while let output = try await group.next() {
                    guard let output else { continue }
                    try await store.release(lease)
                    return output
                }
                throw CancellationError()
            } catch {
                try? await store.release(lease)
                throw Self.translation(of: error, chain.id)
            }
        }
    }

    private static func translation(of error: any Error, _ chainID: ChainID) -> any Error {
        switch error {
        case ListenerError.fenced, ListenerError.stale: ChainToolError.leaseLost(chainID)
        case let error as ChainSourceError: ChainToolError.nodes(Listener.text(error))
        case let error as ListenerError: ChainToolError.nodes(Listener.text(error))
        default: error
        }
    }
}

/// Lets a halted chain go on.
struct ClearHalt: Statement {
    static let sql = "UPDATE chains SET halted_reason = NULL WHERE chain_id = $1 AND listener_token = $2"
    let chainID: ChainID
    let token: Int64
    var arguments: [SQLValue] { [.integer(chainID.rawValue), .integer(token)] }
}
