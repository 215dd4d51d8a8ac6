import Domain
import Ethereum
import Storage

/// What an audit found out about some heights.
struct Settlement: Sendable {
    let chainID: ChainID
    let token: Int64
    /// All heights that were looked at.
    let range: ClosedRange<BlockNumber>
    /// The canonical blocks that were stored among them when they were looked at.
    let hashes: [BlockNumber: Hash]
    /// The heights whose logs are complete now, ascending.
    var verified: [BlockNumber] = []
    /// How stored blocks were verified.
    var marks: [(number: BlockNumber, hash: Hash, verification: Verification)] = []
    /// The blocks of late events.
    var blocks: [BlockRow] = []
    /// Logs that should have been stored before, in the order of the chain.
    var late: [EventRow] = []
    /// Stored logs that are not on the chain.
    var surplus: [EventID] = []
}

/// A stored log and the number of its row.
struct StoredLog: Sendable {
    let id: EventID
    let log: Log

    init(id: EventID, log: Log) {
        self.id = id
        self.log = log
    }

    init(_ event: StoredEvent) { self.init(id: event.id, log: event.log) }
}

/// The ledger of unverified heights, and what is stored at them, wherever both are.
protocol LedgerStoring: Sendable {
    /// The lowest unverified range that reaches to `position` or above it.
    func next(_ chainID: ChainID, from position: BlockNumber) async throws -> FindUnverified.Found?
    /// How many heights are unverified.
    func count(_ chainID: ChainID) async throws -> Int64
    /// The canonical blocks and logs that are stored in `range`.
    func stored(
        _ chainID: ChainID, _ range: ClosedRange<BlockNumber>
    ) async throws -> (hashes: [BlockNumber: Hash], events: [StoredLog])
    /// The newest canonical logs, at most `limit`.
    func newest(_ chainID: ChainID, limit: Int) async throws -> [StoredLog]
    /// Writes `settlement`, all or nothing; nil where the chain changed at these heights meanwhile.
    ///
    /// - Returns: how many events and retractions the feed got.
    /// - Throws: `ListenerError.fenced` where the lease was lost.
    func settle(_ settlement: Settlement) async throws -> (events: Int, retractions: Int)?
    /// Puts heights on the ledger.
    func open(_ ranges: [ClosedRange<BlockNumber>], of chainID: ChainID) async throws
    /// Begins to cover contracts that were not watched before.
    func openCoverage(_ chain: Chain, checkpoint: BlockNumber?) async throws
    /// What is stored of each watched contract.
    func coverage(_ chainID: ChainID) async throws -> [Coverage]
    /// Notes how far a contract is filled; throws `.fenced` where the lease was lost.
    func save(_ coverage: Coverage, of chainID: ChainID, token: Int64) async throws
}

extension LedgerStoring {
    /// Where coverage is not kept, every contract counts as watched from its start.
    func open(_ ranges: [ClosedRange<BlockNumber>], of chainID: ChainID) async throws {}
    func openCoverage(_ chain: Chain, checkpoint: BlockNumber?) async throws {}
    func coverage(_ chainID: ChainID) async throws -> [Coverage] { [] }
    func save(_ coverage: Coverage, of chainID: ChainID, token: Int64) async throws {}
}

/// The ledger in PostgreSQL.
struct LedgerStore: LedgerStoring {
    let database: Database

    func next(_ chainID: ChainID, from position: BlockNumber) async throws -> FindUnverified.Found? {
        try await database.first(FindUnverified(chainID: chainID, position: position))
    }

    func count(_ chainID: ChainID) async throws -> Int64 {
        try await database.first(CountUnverified(chainID: chainID)) ?? 0
    }

    func stored(
        _ chainID: ChainID, _ range: ClosedRange<BlockNumber>
    ) async throws -> (hashes: [BlockNumber: Hash], events: [StoredLog]) {
        let rows = try await database.query(LoadCanonicalHashes(chainID: chainID, range: range))
        let events = try await database.query(LoadCanonicalLogs(chainID: chainID, range: range))
        return (Dictionary(rows, uniquingKeysWith: { first, _ in first }), events.map(StoredLog.init))
    }

    func newest(_ chainID: ChainID, limit: Int) async throws -> [StoredLog] {
        try await database.query(LoadNewestLogs(chainID: chainID, limit: limit)).map(StoredLog.init)
    }

    func settle(_ settlement: Settlement) async throws -> (events: Int, retractions: Int)? {
        let outcome = try await database.transaction { connection in try await write(settlement, on: connection) }
        if let outcome, outcome.events + outcome.retractions > 0 { database.notify("tocsin_feed") }
        return outcome
    }

    private nonisolated(nonsending) func write(
        _ settlement: Settlement, on connection: Connection
    ) async throws -> (events: Int, retractions: Int)? {
        let chainID = settlement.chainID
        let hold = HoldChain(chainID: chainID, token: settlement.token)
        guard try await connection.first(hold) != nil else { throw ListenerError.fenced }
        let hashes = try await connection.query(LoadCanonicalHashes(chainID: chainID, range: settlement.range))
        guard Dictionary(hashes, uniquingKeysWith: { first, _ in first }) == settlement.hashes else { return nil }
        var (events, retractions) = (0, 0)
        if !settlement.surplus.isEmpty {
            let retract = RetractListed(chainID: chainID, events: settlement.surplus)
            retractions = Int(try await connection.first(retract) ?? 0)
        }
        if !settlement.blocks.isEmpty {
            try await connection.execute(InsertBlocks(chainID: chainID, blocks: settlement.blocks))
        }
        if !settlement.late.isEmpty {
            let insert = InsertEvents(chainID: chainID, events: settlement.late)
            let counts = try await connection.first(insert)
            guard let counts, counts.stored == settlement.late.count else {
                throw ListenerError.conflictingLogs(
                    stored: Int(counts?.stored ?? 0), expected: settlement.late.count)
            }
            events = Int(counts.appended)
        }
        if !settlement.marks.isEmpty {
            try await connection.execute(MarkVerified(chainID: chainID, blocks: settlement.marks))
        }
        if !settlement.verified.isEmpty {
            try await connection.execute(RemoveUnverified(chainID: chainID, ranges: settlement.verified.ranges))
        }
        guard events + retractions > 0 else { return (0, 0) }
        let move = MoveFeedEnd(chainID: chainID, token: settlement.token)
        guard try await connection.execute(move) == 1 else { throw ListenerError.fenced }
        return (events, retractions)
    }
}
