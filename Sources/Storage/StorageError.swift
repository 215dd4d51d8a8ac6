/// Why the store did not do what was asked.
///
/// No case holds a bound value, a password or a connection string: `message` is PostgreSQL's primary message, and for
/// data exceptions (class 22), whose message quotes the value, only the name of the condition.
public enum StorageError: Error, Equatable, Sendable {
    /// No usable connection: the server is down, refuses, or the connection broke before anything could be lost.
    case unavailable(reason: String)
    /// Every connection stayed in use for the whole of `acquireTimeout`.
    case poolExhausted(waited: Duration)
    /// The database was closed by its owner.
    case closed
    /// A row with the same key exists.
    case uniqueViolation(constraint: String)
    /// A referenced row does not exist, or a row to delete is referenced.
    case foreignKeyViolation(constraint: String)
    /// A row breaks a `CHECK`.
    case checkViolation(constraint: String)
    /// A column that must have a value got none.
    case notNullViolation(column: String)
    /// Concurrent transactions could not be put in any order; run the transaction again.
    case serializationFailure
    /// PostgreSQL broke a deadlock by failing this transaction; run it again.
    case deadlock
    /// Any other refusal by the server. `sqlState` is of five characters.
    case queryFailed(sqlState: String, message: String)
    /// An argument cannot be sent: its number in the statement, counted from 1, and what is wrong with it.
    case invalidArgument(position: Int, reason: String)
    /// A column does not hold what the statement's `decode` expects.
    case decoding(column: String, expected: String)
    /// The connection broke after the work was sent and before its outcome was known: it may have been committed.
    case commitUnknown
    /// The body of a transaction swallowed the failure of a statement, so PostgreSQL rolled back instead of committing.
    case transactionAborted
    /// The task was cancelled; the statement was cancelled at the server too.
    case cancelled
    /// The statement ran longer than `statementTimeout`, or the server fell silent.
    case timedOut
    /// The connection went back to the pool before this call.
    case connectionReleased
    /// A setting of the connection is wrong.
    case invalidConfiguration(reason: String)
    /// The stored schema and the known migrations disagree.
    case migration(MigrationProblem)
    /// The private cluster cannot run.
    case embedded(EmbeddedProblem)

    /// Whether the same call can succeed later without a change by anybody.
    ///
    /// After `.commitUnknown` repeat only what unique keys or fencing make harmless.
    public var isTransient: Bool {
        switch self {
        case .unavailable, .poolExhausted, .serializationFailure, .deadlock, .commitUnknown, .timedOut: true
        case .queryFailed(let sqlState, let message):
            // 53: out of resources; 55P03: lock not available; 57P: the server shuts down or starts.
            sqlState.hasPrefix("53") || sqlState == "55P03" || sqlState.hasPrefix("57P")
                || Self.isStale(sqlState: sqlState, message: message)
        default: false
        }
    }

    /// Whether a prepared statement is no longer what the server has under its name; it is prepared anew next time.
    static func isStale(sqlState: String, message: String) -> Bool {
        sqlState == "26000" || sqlState == "0A000" && message.contains("cached plan")
    }
}
