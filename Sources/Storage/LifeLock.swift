/// The advisory lock by which a living process is known, so that a dead one's leases are free before they expire.
///
/// PostgreSQL drops the lock with the connection that holds it, however the process ended. Leases still carry a token
/// that fences an old holder: losing the lock while the process lives only lets another one take over.
public struct LifeLock: Sendable {
    /// The lock's number, by chance different in every process.
    public let number: Int32

    /// The process's name in columns such as `listener_holder`.
    public var holder: String { String(UInt32(bitPattern: number)) }

    /// A lock for this process.
    public init(using random: inout some RandomNumberGenerator) {
        number = Int32.random(in: .min ... .max, using: &random)
    }

    /// A subquery for the `holder` of every living process; each row is a `text`.
    ///
    /// The number is arbitrary, the same in every version, and keeps these locks apart from others.
    public static let livingHolders = """
        SELECT objid::bigint::text FROM pg_locks
        WHERE locktype = 'advisory' AND granted AND classid = \(lockClass)::oid AND objsubid = 2
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        """

    private static let lockClass = 7_390_484

    /// Holds the lock on a connection of its own until the task is cancelled; takes it again when the connection broke.
    ///
    /// - Parameters:
    ///   - interval: how often the connection is asked for a sign of life.
    ///   - taken: called each time the lock was taken; before, this process can have no lease.
    public func keep(
        on database: Database, clock: some Clock<Duration>, interval: Duration = .seconds(5),
        taken: @Sendable () -> Void = {}
    ) async {
        while !Task.isCancelled {
            do {
                try await database.withConnection { connection in
                    // The server may not have noticed yet that the connection before this one broke.
                    while try await connection.first(Take(number: number)) != true {
                        try await clock.sleep(for: interval / 10)
                    }
                    taken()
                    while true {
                        try await clock.sleep(for: interval)
                        try await connection.execute(Ping())
                    }
                }
            } catch {
                try? await clock.sleep(for: interval / 10)
            }
        }
    }

    /// Takes the lock for the connection; false where another connection has it.
    private struct Take: Statement {
        static let sql = "SELECT pg_try_advisory_lock(\(LifeLock.lockClass), $1::int)"
        let number: Int32
        var arguments: [SQLValue] { [.integer(Int64(number))] }
        func decode(_ row: borrowing RowReader) throws(StorageError) -> Bool { try row.boolean(0) }
    }

    /// Answers as long as the connection lives.
    private struct Ping: Statement {
        static let sql = "SELECT 1"
    }
}
