/// How the stored schema and the known migrations disagree.
public enum MigrationProblem: Equatable, Sendable {
    /// The numbers do not run from 1 without a gap or a double.
    case numbering(expected: Int, found: Int)
    /// A file is not named `NNNN_name.sql`.
    case badName(String)
    /// No migration files where they were looked for.
    case notFound(path: String)
    /// An applied migration's text has changed since.
    case changed(version: Int, name: String)
    /// The database is newer than this program.
    case newerDatabase(version: Int)
    /// A migration that was applied is not among the known ones in its place.
    case unknown(version: Int, name: String)
    /// The server refused a migration; nothing of it remains.
    case failed(version: Int, name: String, reason: String)
}
