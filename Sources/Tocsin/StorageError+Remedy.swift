import Storage

extension StorageError {
    /// The error in words, and what to do about it.
    var remedy: String {
        switch self {
        case .unavailable(let reason):
            """
            \(reason)
              Check DATABASE_URL, or DB_HOST, DB_PORT, DB_USER and DB_PASSWORD, and that the server runs; without them \
            Tocsin runs a private cluster of its own.
            """
        case .invalidConfiguration(let reason): reason
        case .migration(let problem): problem.remedy
        case .embedded(let problem): problem.remedy
        default: "\(self)"
        }
    }
}

extension EmbeddedProblem {
    fileprivate var remedy: String {
        switch self {
        case .binariesMissing:
            """
            no PostgreSQL server is installed
              Install it (apt-get install postgresql), or name a server of version 15 or newer with DATABASE_URL.
            """
        case .tooOld(let version):
            """
            the newest PostgreSQL server here is of version \(version)
              Install version 15 or newer, or name such a server with DATABASE_URL.
            """
        case .versionMissing(let version):
            """
            the cluster in the data directory was made by PostgreSQL \(version), which is not installed
              Install it (apt-get install postgresql-\(version)), or choose another TOCSIN_DATA_DIR.
            """
        case .inUse(let directory, let process):
            """
            another process\(process.map { " (\($0))" } ?? "") uses \(directory)
              Stop it, or choose another TOCSIN_DATA_DIR; several processes share a database through DATABASE_URL.
            """
        case .inaccessible(let path, let reason):
            "\(path): \(reason)\n  Choose a TOCSIN_DATA_DIR that this user can write."
        case .clusterGone(let path, let pointer):
            """
            the cluster at \(path) is gone
              Restore it, or remove \(pointer) to begin with an empty one.
            """
        case .noServerUser(let reason): reason
        case .failed(let program, let output): "\(program) failed:\n\(output)"
        }
    }
}

extension MigrationProblem {
    fileprivate var remedy: String {
        switch self {
        case .newerDatabase(let version):
            """
            the database has migration \(version), which this program does not know
              Run the newer tocsin that made it.
            """
        case .changed(let version, let name):
            """
            migration \(version) (\(name)) was applied with another text
              Run the tocsin that applied it; migrations are never edited.
            """
        case .failed(let version, let name, let reason): "migration \(version) (\(name)) failed: \(reason)"
        default: "\(self)"
        }
    }
}
