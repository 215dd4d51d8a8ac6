import Storage
import TestSupport
import Testing

@testable import Dispatchers

@Suite(.freshDatabase) struct StatementTests {
    @Test("every statement fits the schema, and its text as many arguments as it is given")
    func prepare() async throws {
        try await TestDatabase.current.database.withConnection { connection in
            func check<S: Statement>(_ statement: S, columns: Int) async throws {
                let described = try await connection.describe(S.self)
                #expect(described.arguments == statement.arguments.count, "\(S.self)")
                #expect(described.columns == columns, "\(S.self)")
            }
            try await check(ClaimDeliveries(limit: 1, lease: .seconds(1)), columns: 11)
            try await check(SweepDeliveries(limit: 1, lease: .seconds(1)), columns: 11)
            try await check(FinishDeliveries(outcomes: []), columns: 1)
            try await check(ReturnDeliveries(claims: []), columns: 0)
            try await check(CancelDeliveries(leases: []), columns: 0)
            try await check(RenewLeases(held: [], lease: .seconds(1)), columns: 0)
            try await check(RescueDeliveries(limit: 1, lease: .seconds(1)), columns: 1)
            try await check(LoadActions(keys: []), columns: 6)
            try await check(EnsurePartitions(), columns: 1)
            try await check(CountDue(), columns: 1)
            try await check(MoveActionsToChat(destinationID: 1, oldChat: "", newChat: ""), columns: 0)
            try await check(MoveDestinationToChat(destinationID: 1, newChat: ""), columns: 0)
        }
    }
}
