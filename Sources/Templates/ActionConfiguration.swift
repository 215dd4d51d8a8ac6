public import Domain

/// Every problem of an action's `config` at once.
public struct ActionConfigurationErrors: Error, Equatable {
    /// One thing that is wrong.
    public struct Problem: Equatable, Sendable {
        /// Where, from the config's root, as in `headers.X-Team` or `body.items[0]`.
        public let field: String
        /// What, in words for the client.
        public let issue: String
    }

    /// At least one, in the order of the fields' names.
    public let problems: [Problem]
}

/// An action's checked `config`: where it sends, what it sends, and its secrets apart from the rest.
public struct ActionConfiguration: Sendable {
    /// What an action does, by channel.
    public enum Action: Sendable {
        case telegram(TelegramAction)
        case rest(RESTAction)
        case mcp(MCPAction)
    }

    /// How it notifies.
    public let channel: Channel
    /// What it does, with everything parsed.
    public let action: Action
    /// The destination: a chat's id or `@name`, a URL, an MCP server's URL.
    public let target: String
    /// What clients may read: secrets are replaced by `••••` and their last four characters.
    public let publicConfig: JSON
    /// Secrets by their path in the config (`secret`, `bot_token`, `auth_token`, `headers.authorization`).
    public let secrets: [String: String]
    /// The secrets that were made here, since the client gave none; to be shown once.
    public let generatedSecrets: Set<String>

    /// Checks `config` and takes it apart.
    ///
    /// - Parameter stored: The secrets of the config that this one replaces, or that `config` was stored with. They
    ///   stand for masked values and for secrets that are left out; `null` removes one.
    /// - Throws: Every problem at once.
    public init(
        channel: Channel, config: JSON, keeping stored: [String: String] = [:]
    ) throws(ActionConfigurationErrors) {
        var random = SystemRandomNumberGenerator()
        try self.init(channel: channel, config: config, keeping: stored, using: &random)
    }

    /// Checks `config` and takes it apart, drawing a missing signing secret from `random`.
    public init(
        channel: Channel, config: JSON, keeping stored: [String: String] = [:],
        using random: inout some RandomNumberGenerator
    ) throws(ActionConfigurationErrors) {
        var reader = ConfigReader(config, stored: stored)
        let action: Action?
        switch channel {
        case .telegram: action = TelegramAction(&reader).map { .telegram($0) }
        case .rest: action = RESTAction(&reader, using: &random).map { .rest($0) }
        case .mcp: action = MCPAction(&reader).map { .mcp($0) }
        }
        reader.refuseUnread()
        guard reader.problems.isEmpty, let action else {
            throw ActionConfigurationErrors(problems: reader.problems.sorted { $0.field < $1.field })
        }
        self.channel = channel
        self.action = action
        switch action {
        case .telegram(let telegram): target = telegram.chatID
        case .rest(let rest): target = rest.url
        case .mcp(let mcp): target = mcp.serverURL
        }
        publicConfig = reader.publicConfig
        secrets = reader.secrets
        generatedSecrets = reader.generated
    }

    /// How a secret is shown: `••••` and the last four characters of one that has at least twelve.
    public static func mask(_ secret: String) -> String {
        secret.count >= 12 ? maskPrefix + secret.suffix(4) : maskPrefix
    }

    static let maskPrefix = "••••"
}
