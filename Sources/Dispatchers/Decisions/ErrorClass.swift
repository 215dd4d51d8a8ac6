/// Why an attempt failed, in one of a small closed set of words; the raw value stands in attempt rows and metrics.
public enum ErrorClass: String, Sendable, CaseIterable {
    // The exchange gave no answer.
    case dns
    case blockedAddress = "blocked_ip"
    case invalidURL = "invalid_url"
    case connect
    case tls
    case timedOutConnecting = "timeout_connect"
    case timedOut = "timeout_total"
    case send
    case receive = "recv"
    case violation = "protocol"
    case bodyTooLarge = "body_too_large"
    // The receiver answered, but not what was expected.
    case unexpectedStatus = "unexpected_status"
    case redirect = "http_3xx"
    case clientError = "http_4xx"
    case serverError = "http_5xx"
    case rateLimited = "rate_limited"
    case gone
    case paymentRequired = "payment_required"
    // Telegram.
    case telegramUnreachable = "telegram_unreachable"
    case telegramRights = "telegram_rights"
    case telegramMessage = "telegram_message"
    case telegramBot = "telegram_bot"
    // MCP.
    case toolError = "mcp_tool_error"
    case toolContract = "mcp_contract"
    case toolInput = "mcp_input_required"
    case toolAuthorization = "mcp_auth"
    case toolConfiguration = "mcp_config"
    case toolVersion = "mcp_version"
    // Our own side.
    case configuration
    case shutdown
    case lostWorker = "lost_worker"
}

/// What is known about a failure, and what it says about trying again.
struct Failure: Error, Equatable {
    /// Whether and when the same delivery is tried again.
    enum Retry: Equatable {
        /// On the schedule, as often as it has attempts.
        case onSchedule
        /// On the schedule, but at most so many attempts.
        case limited(Int)
        /// Never: no later attempt can succeed.
        case never
        /// After this long, and the attempt does not count.
        case uncounted(after: Duration)
    }

    let errorClass: ErrorClass
    /// A sentence of our own, never anything that a receiver wrote.
    let message: String
    var retry = Retry.onSchedule
    /// How long the whole destination is left alone.
    var pause: Duration?

    init(_ errorClass: ErrorClass, _ message: String, retry: Retry = .onSchedule, pause: Duration? = nil) {
        self.errorClass = errorClass
        self.message = message
        self.retry = retry
        self.pause = pause
    }
}
