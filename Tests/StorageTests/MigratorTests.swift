import Foundation
import Storage
import TestSupport
import Testing

@Suite("The migrator", .emptyDatabase)
struct MigratorTests {
    let database = TestDatabase.current.database

    struct Versions: Statement {
        static let sql = "SELECT version FROM schema_migrations ORDER BY version"
        func decode(_ row: borrowing RowReader) throws(StorageError) -> Int64 { try row.integer(0) }
    }
    struct Tables: Statement {
        static let sql = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname ~ '^(one|two|three)$' ORDER BY 1"
        func decode(_ row: borrowing RowReader) throws(StorageError) -> String { try row.text(0) }
    }

    private let one = Migration(version: 1, name: "one", script: "CREATE TABLE one (x int); INSERT INTO one VALUES (1)")
    private let two = Migration(version: 2, name: "two", script: "CREATE TABLE two (x int)")

    private func run(_ migrations: [Migration]) async throws -> [Int] {
        try await Migrator(migrations: migrations, logger: .silent).run(on: database)
    }

    @Test("applies what is missing, in order, once")
    func applies() async throws {
        #expect(try await run([one]) == [1])
        #expect(try await run([one]) == [])
        #expect(try await run([one, two]) == [2])
        #expect(try await database.query(Versions()) == [1, 2])
        #expect(try await database.query(Tables()) == ["one", "two"])
    }

    @Test("runs once however many start it together")
    func concurrent() async throws {
        let steps = [one, two]
        let database = database
        let applied = try await withThrowingTaskGroup(of: [Int].self) { group in
            for _ in 0..<6 {
                group.addTask { try await Migrator(migrations: steps, logger: .silent).run(on: database) }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(applied == [1, 2])
    }

    @Test("refuses steps that changed, went, or came in between, and databases that are newer")
    func disagreements() async throws {
        _ = try await run([one, two])
        let changed = Migration(version: 2, name: "two", script: two.script + " ")
        await #expect(throws: StorageError.migration(.changed(version: 2, name: "two"))) {
            try await run([one, changed])
        }
        await #expect(throws: StorageError.migration(.newerDatabase(version: 2))) { try await run([one]) }
        let third = Migration(version: 3, name: "three", script: "CREATE TABLE three (x int)")
        await #expect(throws: StorageError.migration(.numbering(expected: 2, found: 3))) {
            try await run([one, third])
        }
        await #expect(throws: StorageError.migration(.numbering(expected: 1, found: 2))) { try await run([two, one]) }
        try await TestDatabase.current.run("DELETE FROM schema_migrations WHERE version = 1")
        await #expect(throws: StorageError.migration(.unknown(version: 2, name: "two"))) {
            try await run([one, two, third])
        }
        #expect(try await database.query(Tables()) == ["one", "two"])
    }

    @Test("leaves nothing of a step that fails, and everything before it")
    func failure() async throws {
        let broken = Migration(version: 2, name: "broken", script: "CREATE TABLE two (x int); SELECT nonsense")
        let reason = "column \"nonsense\" does not exist (42703)"
        await #expect(throws: StorageError.migration(.failed(version: 2, name: "broken", reason: reason))) {
            try await run([one, broken])
        }
        #expect(try await database.query(Versions()) == [1])
        #expect(try await database.query(Tables()) == ["one"])
        #expect(try await run([one, two]) == [2])
    }

    @Test("is not held to the pool's statement timeout")
    func slow() async throws {
        let test = try await TestDatabase.make(migrated: false) { $0.statementTimeout = .milliseconds(50) }
        let slow = Migration(version: 1, name: "slow", script: "SELECT pg_sleep(0.2)")
        #expect(try await Migrator(migrations: [slow], logger: .silent).run(on: test.database) == [1])
        try await test.drop()
    }

    @Test("carries the files of migrations/ unchanged")
    func embedded() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
            "../../migrations")
        #expect(try Migration.load(directory: root.standardizedFileURL.path) == Migration.embedded)
    }

    @Test("applies the built-in steps, and they stay as they are")
    func builtIn() async throws {
        #expect(try await run(Migration.embedded) == Migration.embedded.map(\.version))
        #expect(try await run(Migration.embedded) == [])
    }

    @Test("names the file that it cannot read")
    func files() throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("tocsin-\(UUID())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        #expect(throws: StorageError.migration(.notFound(path: directory.path))) {
            try Migration.load(directory: directory.path)
        }
        for bad in ["001_short.sql", "x001_letter.sql", "0001.sql", "0001_.sql"] {
            let file = directory.appendingPathComponent(bad)
            try Data("SELECT 1".utf8).write(to: file)
            #expect(throws: StorageError.migration(.badName(bad))) { try Migration.load(directory: directory.path) }
            try FileManager.default.removeItem(at: file)
        }
        try Data("SELECT 1".utf8).write(to: directory.appendingPathComponent("0001_good.sql"))
        try Data("ignored".utf8).write(to: directory.appendingPathComponent("README.md"))
        #expect(
            try Migration.load(directory: directory.path) == [Migration(version: 1, name: "good", script: "SELECT 1")])
    }
}
