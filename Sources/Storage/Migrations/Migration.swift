import Foundation

/// A numbered step of the schema, `NNNN_name.sql`.
public struct Migration: Sendable, Equatable {
    /// 1 for the first; no number is left out.
    public let version: Int
    /// What it is about, as the file name says it.
    public let name: String
    /// The SQL commands, run together in one transaction.
    public let script: String

    /// The step `version`.
    public init(version: Int, name: String, script: String) {
        self.version = version
        self.name = name
        self.script = script
    }

    /// The step in a file called `fileName`.
    ///
    /// - Throws: `StorageError.migration(.badName)` where the name is not four digits, `_`, a name and `.sql`.
    init(fileName: String, script: String) throws(StorageError) {
        let digits = fileName.prefix(4)
        let rest = fileName.dropFirst(4)
        guard digits.utf8.count == 4, digits.allSatisfy({ $0.isASCII && $0.isNumber }), let version = Int(digits),
            rest.hasPrefix("_"), rest.hasSuffix(".sql"), rest.count > 5
        else { throw .migration(.badName(fileName)) }
        self.init(version: version, name: String(rest.dropFirst().dropLast(4)), script: script)
    }

    /// The steps that this program was built with, from `migrations/`.
    public static let embedded: [Migration] = [
        Migration(version: 1, name: "accounts", resource: PackageResources._001_accounts_sql),
        Migration(version: 2, name: "feed", resource: PackageResources._002_feed_sql),
        Migration(version: 3, name: "triggers", resource: PackageResources._003_triggers_sql),
        Migration(version: 4, name: "deliveries", resource: PackageResources._004_deliveries_sql),
        Migration(version: 5, name: "agents", resource: PackageResources._005_agents_sql),
        Migration(version: 6, name: "verification", resource: PackageResources._006_verification_sql),
        Migration(version: 7, name: "history", resource: PackageResources._007_history_sql),
        Migration(version: 8, name: "commit", resource: PackageResources._008_commit_sql),
    ]

    private init(version: Int, name: String, resource: [UInt8]) {
        self.init(version: version, name: name, script: String(decoding: resource, as: UTF8.self))
    }

    /// The steps in the files of `directory`, in their order; other files than `*.sql` are passed over.
    ///
    /// - Throws: `StorageError.migration` for a directory without any, or a file name that is no step's.
    public static func load(directory: String) throws(StorageError) -> [Migration] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        var migrations: [Migration] = []
        for name in names.sorted() where name.hasSuffix(".sql") {
            guard let data = FileManager.default.contents(atPath: "\(directory)/\(name)"),
                let script = String(data: data, encoding: .utf8)
            else { throw .migration(.badName(name)) }
            migrations.append(try Migration(fileName: name, script: script))
        }
        guard !migrations.isEmpty else { throw .migration(.notFound(path: directory)) }
        return migrations
    }
}
