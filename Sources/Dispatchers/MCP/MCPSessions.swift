import Foundation
import Synchronization

/// An MCP server as one organization uses it.
struct MCPServer: Hashable, Sendable {
    let organization: UUID
    let url: String
    let token: String?
}

/// What a handshake agreed upon.
struct MCPSession: Hashable, Sendable {
    /// Nil where the server keeps no sessions.
    let id: String?
    let version: String

    /// Whether a server may call a session `text`: visible ASCII, and not without end.
    static func isID(_ text: String) -> Bool {
        (1...512).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21...0x7e).contains($0) }
    }
}

/// The sessions that are open, one for each server at most, and the handshakes under way.
///
/// While one caller shakes hands, the others wait for its outcome; each handshake has a deadline, so the wait has one.
final class MCPSessions: Sendable {
    /// How long a session stays open unused.
    static let idleMaximum = Duration.seconds(600)

    private enum Entry {
        case connecting(waiters: [CheckedContinuation<Result<MCPSession, Failure>?, Never>])
        case open(MCPSession, lastUse: ContinuousClock.Instant)
    }

    private let entries = Mutex<[MCPServer: Entry]>([:])

    /// The session of `server`, or the failure of the handshake that was under way.
    ///
    /// Nil makes the caller the one who shakes hands: it must call ``finish(_:with:)`` in any case.
    func session(of server: MCPServer) async -> Result<MCPSession, Failure>? {
        await withCheckedContinuation { continuation in
            let known: Result<MCPSession, Failure>?? = entries.withLock { entries in
                switch entries[server] {
                case nil:
                    entries[server] = .connecting(waiters: [])
                    return .some(nil)
                case .open(let session, _):
                    entries[server] = .open(session, lastUse: .now)
                    return .some(.success(session))
                case .connecting(let waiters):
                    entries[server] = .connecting(waiters: waiters + [continuation])
                    return nil
                }
            }
            if let known { continuation.resume(returning: known) }
        }
    }

    /// Ends a handshake; those who waited for it get the same outcome.
    func finish(_ server: MCPServer, with outcome: Result<MCPSession, Failure>) {
        let waiters = entries.withLock { entries -> [CheckedContinuation<Result<MCPSession, Failure>?, Never>] in
            guard case .connecting(let waiters) = entries[server] else { return [] }
            entries[server] = (try? outcome.get()).map { .open($0, lastUse: .now) }
            return waiters
        }
        for waiter in waiters { waiter.resume(returning: outcome) }
    }

    /// Drops `session`, unless another has taken its place.
    func forget(_ server: MCPServer, _ session: MCPSession) {
        entries.withLock { entries in
            if case .open(session, _) = entries[server] { entries[server] = nil }
        }
    }

    /// Takes out the sessions that were last used before `moment`.
    func removeIdle(before moment: ContinuousClock.Instant) -> [(server: MCPServer, session: MCPSession)] {
        entries.withLock { entries in
            var removed: [(server: MCPServer, session: MCPSession)] = []
            for (server, entry) in entries {
                guard case .open(let session, let lastUse) = entry, lastUse < moment else { continue }
                removed.append((server, session))
            }
            for (server, _) in removed { entries[server] = nil }
            return removed
        }
    }

    /// Takes out all sessions.
    func removeAll() -> [(server: MCPServer, session: MCPSession)] { removeIdle(before: .now + .seconds(1)) }
}
