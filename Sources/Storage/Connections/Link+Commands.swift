import CPostgres
import Glibc

extension Link {
    /// Runs `sql` with textual arguments; its result.
    borrowing func run(
        _ sql: String, _ arguments: [String] = [], until deadline: ContinuousClock.Instant?
    ) throws(StorageError) -> QueryResult {
        let values = arguments.map { SQLValue.text($0) }
        let parameters = try Parameters(values, as: values.map { _ in OID.text })
        let sent = parameters.withPointers { count, places, lengths, formats in
            PQsendQueryParams(raw, sql, count, nil, places, lengths, formats, 1)
        }
        guard sent == 1 else { throw lost }
        let result = try result(until: deadline)
        if let error = result.error { throw error }
        return result
    }

    /// Wakes the listeners of `channel`.
    borrowing func notify(_ channel: String, until deadline: ContinuousClock.Instant) throws(StorageError) {
        _ = try run("SELECT pg_notify($1, '')", [channel], until: deadline)
    }

    /// Begins to listen to `channel`.
    borrowing func listen(_ channel: String, until deadline: ContinuousClock.Instant) throws(StorageError) {
        _ = try run("LISTEN \(DatabaseConfiguration.quoted(channel))", until: deadline)
    }

    /// The next notification that has arrived.
    borrowing func nextNotification() -> DatabaseNotification? {
        guard let notification = PQnotifies(raw) else { return nil }
        defer { PQfreemem(notification) }
        return .notified(
            channel: String(cString: notification.pointee.relname), payload: String(cString: notification.pointee.extra)
        )
    }
}

extension Link {
    /// Whether something arrived from the server, before `other` became readable or `duration` ended.
    borrowing func waitForInput(or other: Int32, upTo duration: Duration) throws(StorageError) -> Bool {
        var descriptors = [
            pollfd(fd: PQsocket(raw), events: Int16(POLLIN), revents: 0),
            pollfd(fd: other, events: Int16(POLLIN), revents: 0),
        ]
        let ready = poll(&descriptors, nfds_t(descriptors.count), duration.wholeMilliseconds)
        guard ready >= 0 || errno == EINTR else { throw .unavailable(reason: "the socket failed") }
        return ready > 0 && descriptors[0].revents != 0
    }

    /// Takes in what arrived.
    borrowing func consume() throws(StorageError) {
        guard PQconsumeInput(raw) == 1 else { throw lost }
    }
}
