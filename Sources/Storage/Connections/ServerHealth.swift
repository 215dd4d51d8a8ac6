import Logging
import Synchronization

/// Says once that the server went away, and once that it came back.
final class ServerHealth: Sendable {
    private let isReached = Mutex(true)
    private let logger: Logger

    init(logger: Logger) { self.logger = logger }

    /// Notes a connection that was opened.
    func reached() {
        let changed = isReached.withLock { reached in
            defer { reached = true }
            return !reached
        }
        if changed { logger.notice("database reachable again") }
    }

    /// Notes a connection that could not be opened.
    func failed(_ error: StorageError) {
        let changed = isReached.withLock { reached in
            defer { reached = false }
            return reached
        }
        if changed { logger.warning("database unreachable", metadata: ["error": "\(error)"]) }
    }
}
