public import Domain
public import HTTPClient
public import Signatures

/// What the API is told by whoever starts it.
public struct APISettings: Sendable {
    /// The address to bind.
    public var host: String
    /// The port to bind, 0...65535; 0 lets the system choose.
    public var port: Int
    /// Signs tokens with HS256; at least 32 bytes.
    public var jwtSecret: [UInt8]
    /// Where clients reach this API, without a trailing slash; part of the agent card.
    public var baseURL = "https://api.8004.dev"
    /// Part of the agent card.
    public var contactEmail = "support@8004.dev"
    /// Part of the agent card.
    public var contactGitHub = "https://github.com/erc-8004/api.8004.dev"
    /// Part of the agent card.
    public var documentationURL = "https://docs.8004.dev"
    /// The version of this build.
    public var version: String
    /// Origins whose pages may read answers, as browsers send them; `*` lists all.
    public var allowedOrigins: [String] = []
    /// Addresses of proxies whose `X-Forwarded-For` tells the client's address.
    public var trustedProxies: [CIDR] = []
    /// Whether there is a bot token for Telegram actions that bring none of their own.
    public var hasTelegramToken: Bool
    /// Which addresses actions may point to.
    public var egress: EgressPolicy
    /// Seals the secrets in actions.
    public var secrets: SecretBox
    /// Every chain of `chains.json`, the disabled ones too.
    public var chains: [Chain]

    /// The shortest `jwtSecret`, the length of an HS256 digest.
    public static let shortestSecret = 32

    /// Settings with document 003's defaults for what is not given.
    public init(
        host: String, port: Int, jwtSecret: [UInt8], version: String, hasTelegramToken: Bool, egress: EgressPolicy,
        secrets: SecretBox, chains: [Chain]
    ) {
        self.host = host
        self.port = port
        self.jwtSecret = jwtSecret
        self.version = version
        self.hasTelegramToken = hasTelegramToken
        self.egress = egress
        self.secrets = secrets
        self.chains = chains
    }
}

/// Something that must work before traffic should come here.
public struct ReadinessCheck: Sendable {
    /// What is checked, `listener`.
    public let name: String
    /// Nil where it works; otherwise what is wrong, without secrets.
    public let problem: @Sendable () async -> String?

    /// A check called `name`; `problem` answers within a second or two.
    public init(name: String, problem: @escaping @Sendable () async -> String?) {
        self.name = name
        self.problem = problem
    }
}
