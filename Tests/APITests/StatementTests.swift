import Storage
import TestSupport
import Testing

@testable import API

@Suite("Statements", .freshDatabase)
struct StatementTests {
    private static let statements: [any Statement.Type] = [
        AskDatabase.self, ConsumeChallenge.self, CountAttempts.self, CreateAction.self, CreateCondition.self,
        CreateTrigger.self, CreateUser.self, CreateWholeTrigger.self, DeleteAction.self, DeleteCondition.self,
        DeleteTrigger.self, EnsureDestinations.self, FindAccountState.self, FindActionSecrets.self,
        FindChallenge.self, FindDelivery.self, FindEvent.self, FindLogin.self, FindMembership.self, FindTrigger.self,
        FindUser.self, IssueChallenge.self, LinkAgent.self, ListAttempts.self, ListChainProgress.self,
        ListDeliveriesAfter.self, ListDeliveriesBefore.self, ListEventsAfter<ByAgent>.self,
        ListEventsAfter<ByType>.self, ListEventsAfter<ByHeight>.self, ListEventsAfter<ByRow>.self,
        ListEventsBefore<ByAgent>.self, ListEventsBefore<ByType>.self, ListEventsBefore<ByHeight>.self,
        ListEventsBefore<ByRow>.self,
        ListLinks.self, ListOrganizations.self, ListRegistryUpgrades.self,
        ListTriggers.self, LockTrigger.self, RecordLogin.self,
        RenameActionVersions.self, ResolveScope.self, TouchTrigger.self, UnlinkAgent.self, UpdateAction.self,
        UpdateActionPriority.self, UpdateCondition.self, UpdateTrigger.self,
    ]

    @Test("are understood by PostgreSQL with the present schema")
    func prepare() async throws {
        let database = TestDatabase.current.database
        for type in Self.statements {
            try await database.withConnection { connection in
                do {
                    _ = try await connection.describe(type)
                } catch {
                    Issue.record("\(type): \(error)")
                }
            }
        }
    }
}
