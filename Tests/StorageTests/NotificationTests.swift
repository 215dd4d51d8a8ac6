import Storage
import TestSupport
import Testing

@Suite("Notifications", .emptyDatabase)
struct NotificationTests {
    let test = TestDatabase.current

    /// Ends every listening connection of this database, as an operator or a proxy might.
    struct KillListeners: Statement {
        static let sql = """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE 'LISTEN%'
            """
    }
    struct Listeners: Statement {
        static let sql =
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"
        func decode(_ row: borrowing RowReader) throws(StorageError) -> Int64 { try row.integer(0) }
    }

    @Test("reach listeners of the channel, whatever its name, and no others")
    func delivered() async throws {
        let channel = "it's \"quoted\""
        let stream = test.database.listen([channel])
        try await within(.seconds(10)) {
            var iterator = stream.makeAsyncIterator()
            #expect(await iterator.next() == .reconnected)
            test.database.notify("another")
            test.database.notify(channel)
            #expect(await iterator.next() == .notified(channel: channel, payload: ""))
        }
    }

    @Test("in a burst are coalesced, and the last is not lost")
    func coalesced() async throws {
        let listener = test.database.listen(["burst", "end"])
        try await within(.seconds(10)) {
            var iterator = listener.makeAsyncIterator()
            #expect(await iterator.next() == .reconnected)
            let started = ContinuousClock.now
            for _ in 0..<2000 { test.database.notify("burst") }
            let sending = ContinuousClock.now - started
            #expect(await iterator.next() == .notified(channel: "burst", payload: ""))
            // What was asked for after the first went out goes out at the end of its interval.
            test.database.notify("burst")
            var bursts = 0
            #expect(await iterator.next() == .notified(channel: "burst", payload: ""))
            test.database.notify("end")
            while let next = await iterator.next(), next != .notified(channel: "end", payload: "") { bursts += 1 }
            let intervals = Int(sending / .milliseconds(50)) + 2
            #expect(bursts <= intervals, "\(bursts) notifications for one burst of \(sending)")
        }
    }

    @Test("are heard again after the connection was cut")
    func reconnects() async throws {
        let stream = test.database.listen(["channel"])
        let database = test.database
        try await within(.seconds(10)) {
            var iterator = stream.makeAsyncIterator()
            #expect(await iterator.next() == .reconnected)
            for _ in 0..<3 {
                try await database.execute(KillListeners())
                #expect(await iterator.next() == .reconnected)
                database.notify("channel")
                #expect(await iterator.next() == .notified(channel: "channel", payload: ""))
            }
        }
    }

    @Test("end their connection when nobody reads any more")
    func ends() async throws {
        let database = test.database
        let reader = Task {
            for await _ in database.listen(["channel"]) {}
        }
        try await within(.seconds(10)) {
            while try await database.first(Listeners()) != 1 {}
            reader.cancel()
            await reader.value
            while try await database.first(Listeners()) != 0 {}
        }
    }

    @Test("cost nothing when the server is away")
    func unreachable() async throws {
        let nowhere = Database(
            configuration: DatabaseConfiguration(host: "/nonexistent", database: "x", user: "x"), logger: .silent)
        for _ in 0..<1000 { nowhere.notify("channel") }
        await nowhere.close()
    }
}
