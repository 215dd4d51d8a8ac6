import Domain
import Storage

/// Where an engine keeps a chain's cursor and deliveries, so that tests can break it off anywhere.
protocol CursorStoring: Sendable {
    /// Takes the chain's lease; nil while another living engine has it.
    func acquire(_ chainID: ChainID) async throws -> Cursor?
    /// Keeps the lease; throws `.fenced` where it was lost.
    func renew(_ cursor: Cursor) async throws
    /// The feed rows behind the cursor; nil for a chain without a feed.
    func read(_ cursor: Cursor, limit: Int) async throws -> FeedPage?
    /// The canonical events behind a position, up to the height `last`.
    func events(
        _ chainID: ChainID, after: (height: Int64, logIndex: Int64), last: Int64, limit: Int
    ) async throws -> [StoredEvent]
    /// Moves the cursor and stores deliveries, both or nothing; throws `.fenced` where the lease was lost.
    ///
    /// - Parameter mayRepeat: whether the events may have been evaluated before, so that finished deliveries count too.
    func commit(
        _ deliveries: [PlannedDelivery], from old: Cursor, to new: Cursor, mayRepeat: Bool
    ) async throws
    /// Moves the cursor and takes back what was said about `events`, both or nothing.
    func retract(_ events: [EventID], from old: Cursor, to new: Cursor) async throws -> RetractDeliveries.Outcome
}

/// Feed rows behind a cursor, and how far the chain is.
struct FeedPage: Sendable {
    /// The sequence of the newest row.
    let end: Int64
    /// The heights that are safe and finalized now; -1 for none.
    let safe: Int64
    let finalized: Int64
    let rows: [(sequence: Int64, content: FeedRow)]
}

/// The rows in PostgreSQL.
struct CursorStore: CursorStoring {
    /// More deliveries than this are stored by several statements of one transaction.
    static let chunk = 10_000

    let database: Database
    /// Names the life lock that this process holds.
    let holder: String
    let leaseDuration: Duration

    func acquire(_ chainID: ChainID) async throws -> Cursor? {
        try await database.execute(EnsureCursor(chainID: chainID))
        return try await database.first(TakeLease(chainID: chainID, holder: holder, duration: leaseDuration))
    }

    func renew(_ cursor: Cursor) async throws {
        let renew = RenewLease(chainID: cursor.chainID, token: cursor.token, duration: leaseDuration)
        guard try await database.execute(renew) == 1 else { throw EngineError.fenced }
    }

    func read(_ cursor: Cursor, limit: Int) async throws -> FeedPage? {
        let looks = try await database.query(
            ReadFeed(chainID: cursor.chainID, after: cursor.sequence, limit: limit))
        return looks.first.map { first in
            FeedPage(
                end: first.end, safe: first.safe, finalized: first.finalized, rows: looks.compactMap { $0.row })
        }
    }

    func events(
        _ chainID: ChainID, after: (height: Int64, logIndex: Int64), last: Int64, limit: Int
    ) async throws -> [StoredEvent] {
        try await database.query(
            SelectCanonicalEvents(chainID: chainID, after: after, last: last, limit: limit))
    }

    func commit(
        _ deliveries: [PlannedDelivery], from old: Cursor, to new: Cursor, mayRepeat: Bool
    ) async throws {
        let move = MoveCursor(old: old, new: new, lease: leaseDuration)
        if deliveries.count <= Self.chunk, !mayRepeat {
            let outcome = try await database.first(CommitDeliveries(move: move, deliveries: deliveries))
            guard outcome?.didMove == true else { throw EngineError.fenced }
        } else {
            try await database.transaction { connection in
                guard try await connection.execute(move) == 1 else { throw EngineError.fenced }
                for start in stride(from: 0, to: deliveries.count, by: Self.chunk) {
                    let chunk = deliveries[start..<min(start + Self.chunk, deliveries.count)]
                    try await connection.execute(InsertDeliveries(deliveries: Array(chunk), mayRepeat: mayRepeat))
                }
            }
        }
        if !deliveries.isEmpty { database.notify("tocsin_deliveries") }
    }

    func retract(_ events: [EventID], from old: Cursor, to new: Cursor) async throws -> RetractDeliveries.Outcome {
        let move = MoveCursor(old: old, new: new, lease: leaseDuration)
        let outcome = try await database.transaction { connection in
            guard try await connection.execute(move) == 1 else { throw EngineError.fenced }
            return try await connection.first(RetractDeliveries(events: events))
        }
        guard let outcome else { throw EngineError.fenced }
        if outcome.notices > 0 { database.notify("tocsin_deliveries") }
        return outcome
    }
}
