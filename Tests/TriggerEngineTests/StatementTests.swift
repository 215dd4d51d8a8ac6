import Storage
import TestSupport
import Testing

@testable import TriggerEngine

@Suite("Statements", .freshDatabase)
struct StatementTests {
    /// `arguments` and `columns` are what the Swift side binds and reads.
    @Test("are understood by the server")
    func prepare() async throws {
        try await TestDatabase.current.database.withConnection { connection in
            func check<S: Statement>(_ type: S.Type, arguments: Int, columns: Int) async throws {
                let found = try await connection.describe(type)
                #expect(found.arguments == arguments && found.columns == columns, "\(type)")
            }
            try await check(SelectTriggers.self, arguments: 3, columns: StoredTrigger.columnCount)
            try await check(SelectConditions.self, arguments: 2, columns: 6)
            try await check(SelectActions.self, arguments: 2, columns: 5)
            try await check(CountTriggers.self, arguments: 0, columns: 1)
            try await check(CurrentSnapshot.self, arguments: 0, columns: 1)
            try await check(SelectChanges.self, arguments: 3, columns: 11 + StoredTrigger.columnCount)
            try await check(PurgeChanges.self, arguments: 1, columns: 0)
            try await check(SelectChains.self, arguments: 0, columns: 1)
            try await check(EnsureCursor.self, arguments: 1, columns: 0)
            try await check(TakeLease.self, arguments: 3, columns: 4)
            try await check(RenewLease.self, arguments: 3, columns: 0)
            try await check(MoveCursor.self, arguments: 7, columns: 0)
            try await check(ReadFeed.self, arguments: 4, columns: 8 + StoredEvent.columnCount + 1)
            try await check(SelectCanonicalEvents.self, arguments: 5, columns: StoredEvent.columnCount)
            try await check(CommitDeliveries.self, arguments: 14, columns: 2)
            try await check(InsertDeliveries.self, arguments: 8, columns: 0)
            try await check(RetractDeliveries.self, arguments: 1, columns: 2)
        }
    }
}
