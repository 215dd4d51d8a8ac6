import Configuration
import Foundation
import SystemPackage

/// One setting: its name in the environment, what it may hold, and what holds where nothing is said.
struct Setting: Sendable {
    let name: String
    /// The default as `tocsin check` shows it.
    let standard: String
    /// What values are allowed, for people.
    let range: String
    var isSecret = false

    /// Every setting, in the order of the README.
    static let all: [Setting] = [
        Setting(
            name: "DATABASE_URL", standard: "embedded cluster", range: "postgres://… of version 15 or newer",
            isSecret: true),
        Setting(name: "DB_HOST", standard: "embedded cluster", range: "host name or socket directory"),
        Setting(name: "DB_PORT", standard: "5432", range: "1...65535"),
        Setting(name: "DB_NAME", standard: "tocsin", range: "a database's name"),
        Setting(name: "DB_USER", standard: "postgres", range: "a role's name"),
        Setting(name: "DB_PASSWORD", standard: "none", range: "text", isSecret: true),
        Setting(name: "DB_MAX_CONNECTIONS", standard: "20", range: "4...1000"),
        Setting(name: "TOCSIN_DATA_DIR", standard: ".tocsin", range: "a directory"),
        Setting(name: "CHAINS_FILE", standard: "chains.json", range: "a file"),
        Setting(name: "SERVER_HOST", standard: "0.0.0.0", range: "an address to listen on"),
        Setting(name: "SERVER_PORT", standard: "8080", range: "0...65535; 0 takes a free one"),
        Setting(name: "ENVIRONMENT", standard: "development", range: "development, production"),
        Setting(name: "JWT_SECRET", standard: "generated", range: "32 bytes or more", isSecret: true),
        Setting(
            name: "TOCSIN_SECRET_KEY", standard: "generated",
            range: "32 bytes as 64 hex digits; a comma-separated list, the first seals", isSecret: true),
        Setting(name: "ALLOWED_ORIGINS", standard: "none", range: "comma-separated origins"),
        Setting(name: "TRUSTED_PROXIES", standard: "none", range: "comma-separated addresses or CIDRs"),
        Setting(name: "TELEGRAM_BOT_TOKEN", standard: "none", range: "digits:secret", isSecret: true),
        Setting(name: "TELEGRAM_API_URL", standard: "https://api.telegram.org", range: "http or https URL"),
        Setting(name: "EGRESS_ALLOW", standard: "none", range: "comma-separated CIDRs"),
        Setting(name: "BASE_URL", standard: "https://api.8004.dev", range: "URL"),
        Setting(name: "CONTACT_EMAIL", standard: "support@8004.dev", range: "text"),
        Setting(name: "CONTACT_GITHUB", standard: "https://github.com/erc-8004/api.8004.dev", range: "URL"),
        Setting(name: "DOCUMENTATION_URL", standard: "https://docs.8004.dev", range: "URL"),
        Setting(name: "REDIS_URL", standard: "none", range: "not available yet"),
        Setting(name: "NATS_URL", standard: "none", range: "not available yet"),
        Setting(name: "RATE_LIMIT_MODE", standard: "none", range: "not available yet"),
        Setting(name: "LOG_LEVEL", standard: "info", range: "trace, debug, info, notice, warning, error, critical"),
        Setting(name: "LOG_FORMAT", standard: "text on a terminal, json elsewhere", range: "text, json"),
        Setting(
            name: "ROLES", standard: "api,listener,engine,dispatcher",
            range: "a subset of api, listener, engine, dispatcher"),
    ]
}

/// Where a setting's value came from.
enum SettingSource: String, Sendable {
    case environment, file, generated
    case standard = "default"
}

/// One thing that is wrong with the settings, and its remedy.
struct SettingProblem: Error, CustomStringConvertible {
    let name: String
    let issue: String
    var description: String { "\(name): \(issue)" }
}

/// Every problem of the settings at once.
struct SettingProblems: Error, CustomStringConvertible {
    let problems: [SettingProblem]
    var description: String { problems.map(\.description).joined(separator: "\n") }
}

/// Reads settings by name: the environment first, then files in the form of `NAME=value` lines.
///
/// Collects problems instead of stopping at the first, so that one run of `tocsin check` shows them all.
struct SettingReader {
    private let layers: [(source: SettingSource, reader: ConfigReader)]
    private(set) var problems: [SettingProblem] = []

    /// - Parameter files: In order of precedence, behind the environment; a missing file is an empty one.
    init(environment: [String: String], files: [(SettingSource, String)]) async throws {
        var layers = [
            (
                SettingSource.environment,
                ConfigReader(provider: EnvironmentVariablesProvider(environmentVariables: environment))
            )
        ]
        for (source, path) in files {
            do {
                let provider = try await EnvironmentVariablesProvider(
                    environmentFilePath: FilePath(path), allowMissing: true)
                layers.append((source, ConfigReader(provider: provider)))
            } catch {
                problems.append(SettingProblem(name: path, issue: "cannot be read: \(error)"))
            }
        }
        self.layers = layers
    }

    /// The text of the setting `name` and its source; nil where nothing, or nothing but an empty text, was said.
    func find(_ name: String) -> (text: String, source: SettingSource)? {
        let key = ConfigKey(name.lowercased().split(separator: "_").map(String.init))
        for layer in layers {
            if let text = layer.reader.string(forKey: key, isSecret: true), !text.isEmpty {
                return (text, layer.source)
            }
        }
        return nil
    }

    /// The text of the setting `name`, or `standard`.
    func text(_ name: String, default standard: String) -> String { find(name)?.text ?? standard }

    /// The setting `name` through `parse`, or `standard`; nil from `parse` is a problem that `expected` explains.
    mutating func value<Value>(
        _ name: String, default standard: Value, expected: String, _ parse: (String) -> Value?
    ) -> Value {
        guard let text = find(name)?.text else { return standard }
        guard let value = parse(text) else {
            fail(name, expected)
            return standard
        }
        return value
    }

    /// The comma-separated parts of the setting `name`, blanks around them removed.
    func list(_ name: String) -> [String] {
        text(name, default: "").split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
            .filter { !$0.isEmpty }
    }

    /// Records that the setting `name` cannot be used, and why.
    mutating func fail(_ name: String, _ issue: String) { problems.append(SettingProblem(name: name, issue: issue)) }
}
