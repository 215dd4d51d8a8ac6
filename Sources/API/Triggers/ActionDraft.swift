import Domain
import HTTPClient
import Signatures
import Templates

/// An action that was checked and can be stored.
struct ActionDraft: Sendable {
    let channel: Channel
    let priority: Int64
    /// Where it points: a chat, a URL, an MCP server's URL.
    let target: String
    /// What is stored and read, secrets masked.
    let config: JSON
    /// The config to answer with right after the change: secrets that were made here are shown this once.
    let revealedConfig: JSON
    /// Sealed; nil where the action has no secrets.
    let secrets: [UInt8]?

    fileprivate init(_ configuration: ActionConfiguration, priority: Int64, vault: SecretVault) throws(SecretError) {
        channel = configuration.channel
        self.priority = priority
        target = configuration.target
        config = configuration.publicConfig
        var revealed = config
        if case .object(var members) = config {
            for name in configuration.generatedSecrets { members[name] = configuration.secrets[name].map(JSON.string) }
            revealed = .object(members)
        }
        revealedConfig = revealed
        secrets = try vault.seal(configuration.secrets)
    }

    /// The limits of `priority`, those of SQL's `integer`.
    static let priorities = Int64(Int32.min)...Int64(Int32.max)
    /// The most actions that a trigger may have.
    static let maximumCount = 20
}

/// Checks actions against what this server can do.
struct ActionChecker: Sendable {
    let egress: EgressPolicy
    let hasTelegramToken: Bool
    let vault: SecretVault

    /// What a new action needs; nil where `fields` has problems.
    func draft(creating fields: FieldReader, at path: String) throws -> ActionDraft? {
        let channel = fields.required("action_type", else: nil) { Read.choice(Channel.self)($0).map(Optional.some) }
        let priority = fields.given("priority", Read.integer(ActionDraft.priorities)).value ?? 0
        let config = fields.required("config", else: .null, Read.object)
        guard let channel, config != .null else { return nil }
        return try draft(
            channel, priority: priority, config: config, keeping: [:], problems: fields.problems,
            path: path.isEmpty ? "config" : path + ".config")
    }

    /// An action of `channel` with `config`, in which secrets that are masked or left out stand for those `stored`.
    func draft(
        _ channel: Channel, priority: Int64, config: JSON, keeping stored: [String: String], problems: Problems,
        path: String
    ) throws -> ActionDraft? {
        let configuration: ActionConfiguration
        do {
            configuration = try ActionConfiguration(channel: channel, config: config, keeping: stored)
        } catch {
            for problem in error.problems {
                problems.add(problem.field.isEmpty ? path : "\(path).\(problem.field)", problem.issue)
            }
            return nil
        }
        if let (field, issue) = refusal(of: configuration) {
            problems.add("\(path).\(field)", issue)
            return nil
        }
        return try ActionDraft(configuration, priority: priority, vault: vault)
    }

    /// What this server does not do for anybody, whatever the config says.
    private func refusal(of configuration: ActionConfiguration) -> (field: String, issue: String)? {
        switch configuration.action {
        case .telegram(let telegram):
            guard telegram.botToken == nil, !hasTelegramToken else { return nil }
            return ("bot_token", "is required: this server has no Telegram bot of its own (TELEGRAM_BOT_TOKEN)")
        case .rest(let rest): return refusal(of: rest.url).map { ("url", $0) }
        case .mcp(let mcp): return refusal(of: mcp.serverURL).map { ("server_url", $0) }
        }
    }

    private func refusal(of url: String) -> String? {
        do {
            try egress.checkURL(url)
            return nil
        } catch {
            switch error {
            case .invalidURL(let reason): return "is not accepted: \(reason)"
            case .blockedAddress(let reason): return "points where this server does not send: \(reason)"
            default: return "is not accepted"
            }
        }
    }
}
