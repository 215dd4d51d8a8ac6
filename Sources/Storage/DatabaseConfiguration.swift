import CPostgres

/// Where the database is and how it is used.
///
/// Printing one shows neither password nor anything else of the connection string.
public struct DatabaseConfiguration: Sendable, CustomStringConvertible, CustomReflectable {
    /// libpq's parameters by their keywords, the password among them.
    private(set) var parameters: [String: String]
    /// The most connections that the pool opens, 1...1000.
    public var maximumConnections = 16
    /// How long a call waits for a free connection, and for an unreachable server, before it fails.
    public var acquireTimeout: Duration = .seconds(10)
    /// How long one attempt to connect may take.
    public var connectTimeout: Duration = .seconds(5)
    /// The server cancels a statement that runs longer; zero is no limit.
    public var statementTimeout: Duration = .seconds(10)
    /// The server ends a connection whose transaction waits longer for its next statement; zero is no limit.
    public var idleInTransactionTimeout: Duration = .seconds(30)
    /// The schemas to look in, in order; empty for the server's setting.
    public var searchPath: [String] = []
    /// The name that `pg_stat_activity` shows.
    public var applicationName = "tocsin"

    /// Reads a `postgres://` URI or a `keyword=value` list.
    ///
    /// - Throws: `StorageError.invalidConfiguration`, which does not quote the text.
    /// - SeeAlso: PostgreSQL, "Connection Strings".
    public init(connectionString: String) throws(StorageError) {
        var message: UnsafeMutablePointer<CChar>?
        guard !connectionString.utf8.contains(0), let options = PQconninfoParse(connectionString, &message) else {
            PQfreemem(message)
            throw .invalidConfiguration(
                reason: "the database URL is malformed; expected postgres://user:password@host:5432/name")
        }
        defer { PQconninfoFree(options) }
        var parameters: [String: String] = [:]
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val { parameters[String(cString: keyword)] = String(cString: value) }
            option += 1
        }
        self.parameters = parameters
    }

    /// A server at `host`, which is a name, an address or the absolute path of a socket directory.
    public init(host: String, port: Int = 5432, database: String, user: String, password: String? = nil) {
        var parameters = ["host": host, "port": String(port), "dbname": database, "user": user]
        parameters["password"] = password
        self.parameters = parameters
    }

    /// The same server and settings with another database, and another user where one is given.
    package func with(database: String, user: String? = nil) -> DatabaseConfiguration {
        var changed = self
        changed.parameters["dbname"] = database
        if let user { changed.parameters["user"] = user }
        return changed
    }

    /// Whether the server is reached through a socket in the file system.
    var isLocal: Bool { parameters["host"]?.hasPrefix("/") ?? false }

    /// What `PQconnectStartParams` gets.
    var connectParameters: [String: String] {
        var merged = [
            "application_name": applicationName, "gssencmode": "disable", "client_encoding": "UTF8",
            // A peer that vanished without a word is noticed within half a minute.
            "keepalives_idle": "10", "keepalives_interval": "5", "keepalives_count": "3", "tcp_user_timeout": "20000",
        ]
        merged.merge(parameters) { _, given in given }
        merged["client_encoding"] = "UTF8"
        return merged
    }

    /// What every new connection sets, as pairs of name and value; only what every role may set.
    var sessionSettings: [(name: String, value: String)] {
        var settings = [
            ("statement_timeout", "\(statementTimeout.wholeMilliseconds)"),
            ("idle_in_transaction_session_timeout", "\(idleInTransactionTimeout.wholeMilliseconds)"),
            ("TimeZone", "UTC"), ("DateStyle", "ISO"),
            // Every statement is short: compiling one would take longer than running it.
            ("jit", "off"),
        ]
        if !searchPath.isEmpty {
            settings.append(("search_path", searchPath.map(Self.quoted).joined(separator: ", ")))
        }
        return settings
    }

    /// `name` as an SQL identifier.
    static func quoted(_ name: String) -> String { "\"\(name.replacing("\"", with: "\"\""))\"" }

    /// Nothing that identifies the server or its user.
    public var description: String { "DatabaseConfiguration(maximumConnections: \(maximumConnections))" }
    /// Nothing that identifies the server or its user.
    public var customMirror: Mirror { Mirror(self, children: ["maximumConnections": maximumConnections]) }
}

extension Duration {
    /// Whole milliseconds within 0...2^31 - 1, rounded up, so that only zero becomes zero.
    var wholeMilliseconds: Int32 {
        let (seconds, attoseconds) = components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        guard !overflow else { return seconds < 0 ? 0 : .max }
        let part = attoseconds / 1_000_000_000_000_000
        let rest: Int64 = attoseconds % 1_000_000_000_000_000 > 0 ? 1 : 0
        return Int32(clamping: max(0, whole.addingReportingOverflow(part + rest).partialValue))
    }
}
