import CPostgres
import Glibc

/// One libpq connection, used from one thread at a time; leaving scope closes it.
///
/// Nothing here blocks beyond its deadline: the socket is non-blocking and waited for with `poll`.
struct Link: ~Copyable {
    let raw: OpaquePointer

    /// Takes ownership of `raw`.
    private init(raw: OpaquePointer) { self.raw = raw }

    deinit { PQfinish(raw) }

    /// Connects and applies the session's settings.
    ///
    /// - Throws: `.unavailable` where trying again can help, `.invalidConfiguration` where it cannot.
    static func connect(_ configuration: DatabaseConfiguration) throws(StorageError) -> Link {
        let deadline = ContinuousClock.now + configuration.connectTimeout
        let pairs = configuration.connectParameters.sorted { $0.key < $1.key }
        let raw = withCStrings(pairs.map(\.key)) { keywords in
            withCStrings(pairs.map(\.value)) { values in PQconnectStartParams(keywords, values, 1) }
        }
        guard let raw else { throw .unavailable(reason: "out of memory") }
        let link = Link(raw: raw)
        PQsetNoticeProcessor(raw, { _, _ in }, nil)
        var wanted = Int16(POLLOUT)
        handshake: while PQstatus(raw) != CONNECTION_BAD {
            guard try link.wait(for: wanted, until: deadline) != 0 else {
                throw .unavailable(reason: "the server did not answer within \(configuration.connectTimeout)")
            }
            switch PQconnectPoll(raw) {
            case PGRES_POLLING_OK: break handshake
            case PGRES_POLLING_READING: wanted = Int16(POLLIN)
            case PGRES_POLLING_WRITING: wanted = Int16(POLLOUT)
            default: break handshake
            }
        }
        guard PQstatus(raw) == CONNECTION_OK, PQsetnonblocking(raw, 1) == 0 else {
            throw ConnectFailure(raw).error(hiding: configuration.parameters["password"])
        }
        link.widen()
        try link.configure(configuration.sessionSettings, until: deadline)
        return link
    }

    /// Asks for the largest buffer that the system grants: a copy must not stop whenever this process does.
    private borrowing func widen() {
        var size: CInt = 4 << 20
        _ = setsockopt(PQsocket(raw), SOL_SOCKET, SO_SNDBUF, &size, socklen_t(MemoryLayout<CInt>.size))
    }

    private borrowing func configure(
        _ settings: [(name: String, value: String)], until deadline: ContinuousClock.Instant
    ) throws(StorageError) {
        let calls = settings.indices.map { "set_config($\(2 * $0 + 1), $\(2 * $0 + 2), false)" }
        let sql = "SELECT " + calls.joined(separator: ", ")
        _ = try run(sql, settings.flatMap { [$0.name, $0.value] }, until: deadline)
    }

    /// Whether the server has neither closed the connection nor written anything unexpected; asks the socket only.
    borrowing func isAlive() -> Bool {
        guard PQstatus(raw) == CONNECTION_OK, PQtransactionStatus(raw) == PQTRANS_IDLE else { return false }
        // Something that arrived while idle: a notice or parameter leaves the connection good; an end does not, and may
        // hide behind the notice that announced it.
        while let ready = try? wait(for: Int16(POLLIN), until: .now), ready != 0 {
            guard PQconsumeInput(raw) == 1, PQisBusy(raw) == 0 else { return false }
        }
        return PQstatus(raw) == CONNECTION_OK
    }

    /// The error of a connection that broke.
    var lost: StorageError {
        PQstatus(raw) == CONNECTION_OK
            ? .unavailable(reason: "libpq refused the call") : .unavailable(reason: "the connection broke")
    }

    /// Waits until the socket is ready for `events`; answers what it is ready for, 0 at the deadline.
    borrowing func wait(for events: Int16, until deadline: ContinuousClock.Instant?) throws(StorageError) -> Int16 {
        let socket = PQsocket(raw)
        guard socket >= 0 else { throw lost }
        var descriptor = pollfd(fd: socket, events: events, revents: 0)
        while true {
            let left = deadline.map { max(.zero, ContinuousClock.now.duration(to: $0)).wholeMilliseconds } ?? -1
            let ready = poll(&descriptor, 1, left)
            if ready >= 0 { return ready == 0 ? 0 : descriptor.revents }
            if errno != EINTR { throw .unavailable(reason: "the socket failed") }
        }
    }

    /// Sends what libpq still buffers; takes in answers meanwhile, so that neither side waits for the other.
    borrowing func flush(until deadline: ContinuousClock.Instant?) throws(StorageError) {
        while true {
            let left = PQflush(raw)
            if left == 0 { return }
            guard left == 1 else { throw lost }
            let ready = try wait(for: Int16(POLLIN | POLLOUT), until: deadline)
            guard ready != 0 else { throw .timedOut }
            if ready & Int16(POLLIN) != 0, PQconsumeInput(raw) == 0 { throw lost }
        }
    }

    /// The next result, or nil where the command is finished.
    borrowing func nextResult(until deadline: ContinuousClock.Instant?) throws(StorageError) -> QueryResult? {
        while PQisBusy(raw) == 1 {
            guard try wait(for: Int16(POLLIN), until: deadline) != 0 else { throw .timedOut }
            guard PQconsumeInput(raw) == 1 else { throw lost }
        }
        return PQgetResult(raw).map { QueryResult(raw: $0) }
    }

    /// Finishes the command that was sent: its last result, or its first failed one.
    borrowing func result(until deadline: ContinuousClock.Instant?) throws(StorageError) -> QueryResult {
        try flush(until: deadline)
        guard var last = try nextResult(until: deadline) else { throw lost }
        while let next = try nextResult(until: deadline) {
            if last.error == nil { last = next }
            // A broken connection or a copy that nobody serves would answer the same for ever.
            if PQstatus(raw) != CONNECTION_OK || last.isCopy { break }
        }
        return last
    }
}

/// Calls `body` with `strings` as a list of C strings that ends with a null pointer.
private func withCStrings<Result>(
    _ strings: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> Result
) -> Result {
    let copies = strings.map { UnsafePointer<CChar>(strdup($0)) }
    defer { for copy in copies { free(UnsafeMutablePointer(mutating: copy)) } }
    return (copies + [nil]).withUnsafeBufferPointer { body($0.baseAddress) }
}
