import Storage
import TestSupport
import Testing

@testable import ChainListener

@Suite("the listener's statements", .freshDatabase)
struct StatementTests {
    @Test("each prepares against the schema and takes as many arguments as it binds")
    func prepare() async throws {
        let shapes = try await TestDatabase.current.database.withConnection { connection in
            func shape<S: Statement>(_ type: S.Type) async throws -> [Int] {
                let (arguments, columns) = try await connection.describe(type)
                return [arguments, columns]
            }
            return try await [
                shape(EnsureChain.self), shape(AcquireLease.self),
                shape(RenewLease.self), shape(ReleaseLease.self), shape(HaltChain.self), shape(LoadWindow.self),
                shape(OrphanBlocks.self), shape(InsertBlocks.self), shape(PruneBlocks.self), shape(HoldChain.self),
                shape(HoldChainAt.self),
                shape(RetractEvents.self), shape(InsertEvents.self), shape(AppendMarks.self), shape(FinishCommit.self),
                shape(AddUnverified.self), shape(RemoveUnverified.self), shape(ForgetUnverified.self),
                shape(FindUnverified.self), shape(CountUnverified.self), shape(LoadCanonicalHashes.self),
                shape(LoadCanonicalLogs.self), shape(LoadNewestLogs.self), shape(MarkVerified.self),
                shape(RetractListed.self), shape(MoveFeedEnd.self),
            ]
        }
        #expect(
            shapes == [
                [1, 0], [3, 7],
                [5, 0], [2, 0], [3, 0], [3, 4],
                [2, 0], [7, 0], [3, 0], [2, 3],
                [3, 1],
                [2, 1], [15, 2], [5, 1], [9, 1],
                [3, 0], [3, 0], [2, 0],
                [2, 3], [1, 1], [3, 2],
                [3, 16], [2, 16], [4, 0],
                [2, 1], [2, 0],
            ])
    }
}
