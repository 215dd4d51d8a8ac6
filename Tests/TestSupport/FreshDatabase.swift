import Foundation
public import Testing

/// Gives each test a migrated database of its own, `TestDatabase.current`, and removes it afterwards.
public struct FreshDatabase: SuiteTrait, TestTrait, TestScoping {
    /// Every test of a suite gets its own.
    public var isRecursive: Bool { true }
    let isMigrated: Bool

    /// Tests that run at once: more would only make the server, and with it each of them, slower.
    private static let slots = Slots(max(4, 2 * ProcessInfo.processInfo.activeProcessorCount))

    /// Runs `function`, one case of a test, with the database.
    public func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        guard testCase != nil else { return try await function() }
        await Self.slots.enter()
        defer { Self.slots.leave() }
        let database = try await TestDatabase.make(migrated: isMigrated)
        do {
            try await TestDatabase.$scoped.withValue(database) { try await function() }
        } catch {
            try? await database.drop()
            throw error
        }
        try await database.drop()
    }
}

extension Trait where Self == FreshDatabase {
    /// A migrated database for each test, `TestDatabase.current`.
    public static var freshDatabase: Self { FreshDatabase(isMigrated: true) }
    /// A database without tables for each test, `TestDatabase.current`.
    public static var emptyDatabase: Self { FreshDatabase(isMigrated: false) }
}
