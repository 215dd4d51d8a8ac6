import Storage

/// Holds this process's life lock on a connection of its own; when process or connection die, its leases are free.
struct LifeLockKeeper: Sendable {
    let database: Database
    let clock: any Clock<Duration>
    /// The lock's number, which is the holder's name in the table of cursors.
    let number: Int32

    /// Holds the lock until the task is cancelled, taking it again whenever the connection broke.
    func run() async {
        while !Task.isCancelled {
            do {
                try await database.withConnection { connection in
                    while try await connection.first(TakeLifeLock(number: number)) != true {
                        // The server has not noticed yet that the connection before this one broke.
                        try await clock.sleep(for: .seconds(1))
                    }
                    while true {
                        try await clock.sleep(for: .seconds(5))
                        try await connection.execute(Ping())
                    }
                }
            } catch {
                try? await clock.sleep(for: .milliseconds(500))
            }
        }
    }
}
