public import Domain

/// How one endpoint does, fit to be shown.
public struct ProviderStatus: Sendable, Equatable {
    /// The endpoint's host, with a number where several share it; never the path, where keys stand.
    public let endpoint: String
    /// Whether it answered with the right chain id since its last failure.
    public let isChainVerified: Bool
    /// Whether it may be asked at the moment.
    public let isAvailable: Bool
    /// The newest block it told of.
    public let head: BlockNumber?
    /// The usual time for an answer; nil before the first.
    public let latency: Duration?
    /// The share of failed calls lately, 0...1.
    public let errorRate: Double
    /// The class of its last error, and nil while there was none.
    public let lastError: RPCError?
    /// How long it is left alone; nil when it may be asked.
    public let retryAfter: Duration?
}
