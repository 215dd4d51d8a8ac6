import Foundation

/// The programs of one PostgreSQL installation.
struct ServerBinaries: Equatable {
    let directory: String
    let majorVersion: Int

    static let oldestVersion = 15

    func path(_ program: String) -> String { "\(directory)/\(program)" }

    /// Finds the newest installation, or the one of `version` where a cluster exists already.
    ///
    /// - Throws: `StorageError.embedded`, which says what is missing.
    static func find(version: Int? = nil) throws(StorageError) -> ServerBinaries {
        try choose(from: candidates().compactMap(inspect), version: version)
    }

    /// The installation to use among those `found`.
    static func choose(from found: [ServerBinaries], version: Int?) throws(StorageError) -> ServerBinaries {
        if let version {
            guard let match = found.first(where: { $0.majorVersion == version }) else {
                throw .embedded(found.isEmpty ? .binariesMissing : .versionMissing(version))
            }
            return match
        }
        guard let newest = found.max(by: { $0.majorVersion < $1.majorVersion }) else {
            throw .embedded(.binariesMissing)
        }
        guard newest.majorVersion >= oldestVersion else { throw .embedded(.tooOld(version: newest.majorVersion)) }
        return newest
    }

    /// The directories in which installations usually lie, and those on the search path.
    private static func candidates() -> [String] {
        let manager = FileManager.default
        let debian = ((try? manager.contentsOfDirectory(atPath: "/usr/lib/postgresql")) ?? [])
            .map { "/usr/lib/postgresql/\($0)/bin" }
        let path = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(String.init)
        var configured: [String] = []
        if let tool = path.map({ "\($0)/pg_config" }).first(where: manager.isExecutableFile),
            let answer = try? ChildProcess.run([tool, "--bindir"]), answer.status == 0
        {
            configured = [answer.output.trimmingCharacters(in: .whitespacesAndNewlines)]
        }
        return debian + path + configured
    }

    /// The installation in `directory`; nil where there is none.
    private static func inspect(_ directory: String) -> ServerBinaries? {
        let manager = FileManager.default
        guard manager.isExecutableFile(atPath: "\(directory)/postgres"),
            manager.isExecutableFile(atPath: "\(directory)/initdb"),
            let answer = try? ChildProcess.run(["\(directory)/postgres", "--version"]), answer.status == 0,
            let version = majorVersion(answer.output)
        else { return nil }
        return ServerBinaries(directory: directory, majorVersion: version)
    }

    /// The first number in `postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)`.
    static func majorVersion(_ text: String) -> Int? {
        Int(text.drop { !$0.isNumber }.prefix { $0.isNumber })
    }
}
