import Foundation
import HTTPClient
import Logging

/// What one process does; the raw value is what `ROLES` takes.
enum Role: String, CaseIterable, Sendable {
    case api, listener, engine, dispatcher
}

/// Everything that can be set, read once at start.
struct Settings: Sendable {
    /// Which PostgreSQL is used.
    enum DatabaseChoice: Sendable, Equatable {
        /// A private cluster under the data directory.
        case embedded
        /// A server, by connection URL or libpq's keyword form.
        case server(String)
    }

    let database: DatabaseChoice
    let maximumConnections: Int
    let dataDirectory: String
    let chainsFile: String
    let host: String
    let port: Int
    let isProduction: Bool
    let jwtSecret: [UInt8]
    /// AES-256 keys; the first seals, all open.
    let secretKeys: [[UInt8]]
    let allowedOrigins: [String]
    /// Proxies whose word about a client's address counts.
    let trustedProxies: [CIDR]
    let telegramToken: String?
    let telegramURL: String
    /// What the egress guard lets through besides public addresses.
    let egressAllow: [CIDR]
    let baseURL: String
    let contactEmail: String
    let contactGitHub: String
    let documentationURL: String
    let logLevel: Logger.Level
    let logFormat: LogFormat
    let roles: Set<Role>
    /// Where each setting came from, by name; a missing name means the default.
    let sources: [String: SettingSource]
    /// What was said, by name; secrets are absent.
    let values: [String: String]

    /// Reads and checks every setting.
    ///
    /// Secrets that nothing gives are made and kept in the data directory, but for
    /// production, which demands them.
    ///
    /// - Throws: ``SettingProblems`` with everything that is wrong.
    init(environment: [String: String], configurationFile: String? = nil) async throws {
        let directory = environment["TOCSIN_DATA_DIR"].flatMap { $0.isEmpty ? nil : $0 } ?? ".tocsin"
        let production = environment["ENVIRONMENT"] == "production"
        let secrets = GeneratedSecrets(directory: directory)
        if !production { try secrets.make() }
        var files: [(SettingSource, String)] = []
        if let configurationFile { files.append((.file, configurationFile)) }
        files.append((.file, "\(directory)/settings.env"))
        files.append((.generated, secrets.path))
        var reader = try await SettingReader(environment: environment, files: files)

        dataDirectory = directory
        isProduction = production
        if !["", "development", "production"].contains(reader.text("ENVIRONMENT", default: "")) {
            reader.fail("ENVIRONMENT", "must be development or production")
        }
        database = Self.database(&reader)
        maximumConnections = reader.value("DB_MAX_CONNECTIONS", default: 20, expected: "must be a number in 4...1000") {
            Int($0).flatMap { (4...1000).contains($0) ? $0 : nil }
        }
        chainsFile = reader.text("CHAINS_FILE", default: "chains.json")
        host = reader.text("SERVER_HOST", default: "0.0.0.0")
        port = reader.value("SERVER_PORT", default: 8080, expected: "must be a number in 0...65535") {
            UInt16($0).map(Int.init)
        }
        jwtSecret = Array(reader.text("JWT_SECRET", default: "").utf8)
        if jwtSecret.count < 32 {
            reader.fail("JWT_SECRET", "must have 32 bytes or more; make one with: openssl rand -hex 32")
        }
        let keys = reader.list("TOCSIN_SECRET_KEY").map(Self.key)
        secretKeys = keys.compactMap { $0 }
        if keys.isEmpty || secretKeys.count != keys.count {
            reader.fail("TOCSIN_SECRET_KEY", "must be 64 hex digits; make one with: openssl rand -hex 32")
        }
        allowedOrigins = reader.list("ALLOWED_ORIGINS")
        trustedProxies = Self.ranges(&reader, "TRUSTED_PROXIES")
        telegramToken = reader.find("TELEGRAM_BOT_TOKEN")?.text
        if let telegramToken, !Self.isBotToken(telegramToken) {
            reader.fail("TELEGRAM_BOT_TOKEN", "must look like 123456:ABC…, as @BotFather gives it")
        }
        telegramURL = reader.value(
            "TELEGRAM_API_URL", default: "https://api.telegram.org", expected: "must be an http or https URL",
            Self.httpURL)
        egressAllow = Self.ranges(&reader, "EGRESS_ALLOW")
        baseURL = reader.value(
            "BASE_URL", default: "https://api.8004.dev", expected: "must be an http or https URL", Self.httpURL)
        contactEmail = reader.text("CONTACT_EMAIL", default: "support@8004.dev")
        contactGitHub = reader.text("CONTACT_GITHUB", default: "https://github.com/erc-8004/api.8004.dev")
        documentationURL = reader.text("DOCUMENTATION_URL", default: "https://docs.8004.dev")
        logLevel = reader.value(
            "LOG_LEVEL", default: .info, expected: "must be one of trace, debug, info, notice, warning, error, critical"
        ) {
            Logger.Level(rawValue: $0.lowercased())
        }
        logFormat = reader.value("LOG_FORMAT", default: .suitable, expected: "must be text or json") {
            LogFormat(rawValue: $0)
        }
        let names = reader.list("ROLES")
        roles = names.isEmpty ? Set(Role.allCases) : Set(names.compactMap(Role.init))
        for name in names where Role(rawValue: name) == nil {
            reader.fail(
                "ROLES", "knows no role \(name.debugDescription); the roles are api, listener, engine, dispatcher")
        }
        // Whoever sets one of these counts on it, so it is not passed over in silence.
        for name in ["REDIS_URL", "NATS_URL", "RATE_LIMIT_MODE"] where reader.find(name) != nil {
            reader.fail(name, "not available yet: unset it; requests are not limited, and processes share the database")
        }
        sources = Dictionary(
            uniqueKeysWithValues: Setting.all.compactMap { setting in
                reader.find(setting.name).map { (setting.name, $0.source) }
            })
        values = Dictionary(
            uniqueKeysWithValues: Setting.all.filter { !$0.isSecret }.compactMap { setting in
                reader.find(setting.name).map { (setting.name, $0.text) }
            })
        if !reader.problems.isEmpty { throw SettingProblems(problems: reader.problems) }
    }

    private static func database(_ reader: inout SettingReader) -> DatabaseChoice {
        if let url = reader.find("DATABASE_URL")?.text {
            if !url.hasPrefix("postgres://"), !url.hasPrefix("postgresql://") {
                reader.fail("DATABASE_URL", "must begin with postgres:// or postgresql://")
            }
            return .server(url)
        }
        guard let host = reader.find("DB_HOST")?.text else { return .embedded }
        let port = reader.value("DB_PORT", default: 5432, expected: "must be a number in 1...65535") { text in
            UInt16(text).flatMap { $0 > 0 ? Int($0) : nil }
        }
        var parts = [
            ("host", host), ("port", "\(port)"), ("dbname", reader.text("DB_NAME", default: "tocsin")),
            ("user", reader.text("DB_USER", default: "postgres")),
        ]
        if let password = reader.find("DB_PASSWORD")?.text { parts.append(("password", password)) }
        return .server(
            parts.map { name, value in
                let quoted = value.replacingOccurrences(of: "\\", with: "\\\\").replacingOccurrences(
                    of: "'", with: "\\'")
                return "\(name)='\(quoted)'"
            }.joined(separator: " "))
    }

    private static func ranges(_ reader: inout SettingReader, _ name: String) -> [CIDR] {
        reader.list(name).compactMap { text in
            let range = CIDR(text)
            if range == nil { reader.fail(name, "\(text.debugDescription) is no CIDR; write it like 127.0.0.0/8") }
            return range
        }
    }

    private static func key(_ text: String) -> [UInt8]? {
        guard text.utf8.count == 64 else { return nil }
        var bytes: [UInt8] = []
        var rest = Substring(text)
        while !rest.isEmpty {
            guard let byte = UInt8(rest.prefix(2), radix: 16), rest.first != "+", rest.first != "-" else { return nil }
            bytes.append(byte)
            rest = rest.dropFirst(2)
        }
        return bytes
    }

    private static func isBotToken(_ text: String) -> Bool {
        text.wholeMatch(of: /[0-9]{1,20}:[A-Za-z0-9_-]{3,128}/) != nil
    }

    private static func httpURL(_ text: String) -> String? {
        guard let url = URL(string: text), ["http", "https"].contains(url.scheme), url.host != nil else { return nil }
        return text.hasSuffix("/") ? String(text.dropLast()) : text
    }
}

/// The secrets that a first start makes and later starts find again, in `secrets.env` of the data directory.
struct GeneratedSecrets {
    let directory: String
    var path: String { "\(directory)/secrets.env" }

    /// Makes the file unless it is there; readable by its owner alone.
    func make() throws {
        let files = FileManager.default
        if files.fileExists(atPath: path) { return }
        do {
            try files.createDirectory(
                atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw SettingProblems(problems: [
                SettingProblem(
                    name: "TOCSIN_DATA_DIR",
                    issue: "\(directory) cannot be made: choose a directory that this user can write")
            ])
        }
        let text = "JWT_SECRET=\(Self.random())\nTOCSIN_SECRET_KEY=\(Self.random())\n"
        // Made whole under another name first: two processes that start together must agree on one pair.
        let draft = "\(path).\(ProcessInfo.processInfo.processIdentifier)"
        guard files.createFile(atPath: draft, contents: Data(text.utf8), attributes: [.posixPermissions: 0o600]) else {
            throw SettingProblems(problems: [
                SettingProblem(
                    name: "TOCSIN_DATA_DIR",
                    issue: "\(directory) cannot be written: choose a directory that this user can write")
            ])
        }
        defer { unlink(draft) }
        guard link(draft, path) == 0 || errno == EEXIST else {
            throw SettingProblems(problems: [
                SettingProblem(name: "TOCSIN_DATA_DIR", issue: "\(path) cannot be written (errno \(errno))")
            ])
        }
    }

    private static func random() -> String {
        var generator = SystemRandomNumberGenerator()
        return (0..<4).map { _ in
            let digits = String(generator.next() as UInt64, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }
}
