import CPostgres

/// Why libpq could not connect.
struct ConnectFailure {
    private let message: String

    /// Reads the failure of `connection`.
    init(_ connection: OpaquePointer) { message = String(cString: PQerrorMessage(connection)) }

    /// Reads the failure from libpq's text.
    init(message: String) { self.message = message }

    /// The error to throw, without `secret`.
    ///
    /// PostgreSQL tells a refusal at the start of a session by text alone; these are the ones that no retry mends.
    func error(hiding secret: String?) -> StorageError {
        let lines = message.split(separator: "\n").map(String.init)
        let attempts = lines.compactMap(Self.reason)
        var reason = attempts.last ?? lines.first ?? "no reason given"
        if let secret, !secret.isEmpty { reason = reason.replacing(secret, with: "…") }
        let hopeless = [
            "password authentication failed", "no password supplied", "fe_sendauth", "no pg_hba.conf entry",
            "Peer authentication failed", "authentication failed for user", "\" does not exist",
            "is not permitted to log in", "permission denied for database", "server does not support SSL",
            "certificate", "not currently accepting connections",
        ]
        return message.hasPrefix("invalid ") || hopeless.contains { message.contains($0) }
            ? .invalidConfiguration(reason: reason) : .unavailable(reason: reason)
    }

    /// What follows "connection to server at …, port … failed: ".
    private static func reason(_ line: String) -> String? {
        line.firstRange(of: " failed: ").map { String(line[$0.upperBound...]) }
    }
}
