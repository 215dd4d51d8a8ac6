public import Domain

/// How a process dispatches.
public struct DispatcherSettings: Sendable {
    /// The Telegram bot of actions that name none; nil for no such bot.
    public var telegramToken: String?
    /// Where the Bot API is, without a slash at the end.
    public var telegramAPIURL = "https://api.telegram.org"
    /// For the chains' names and explorers.
    public var chains: [Chain]
    /// The version that MCP servers are told.
    public var version = "0"
    /// The most attempts under way at once.
    public var capacity = 256
    /// The most attempts under way at once for one destination.
    public var perDestination = 8
    /// The most deliveries that one statement claims.
    public var batch = 200
    /// How long a claim holds without being renewed.
    public var lease: Duration = .seconds(60)
    /// How often due deliveries are looked for without being told.
    public var pollInterval: Duration = .seconds(1)
    /// How often leases are renewed, and how often those of vanished processes are looked for.
    public var leaseInterval: Duration = .seconds(10)
    /// How long attempts under way may take after the process was asked to stop.
    public var drain: Duration = .seconds(20)

    /// The settings of a process that knows `chains` and has the bot `telegramToken`.
    public init(chains: [Chain], telegramToken: String? = nil) {
        self.chains = chains
        self.telegramToken = telegramToken
    }
}
