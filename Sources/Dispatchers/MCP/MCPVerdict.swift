import Domain
import HTTPClient

/// What the answers of MCP servers mean.
///
/// - SeeAlso: `docs/webhooks.md`, "MCP servers' errors".
enum MCPVerdict {
    /// How often a tool that reports an error is called in all.
    static let toolErrorAttempts = 5
    /// How often an answer that breaks the protocol is risked in all.
    static let violationAttempts = 3

    /// The failure that a tool's result is; nil for success.
    static func failure(ofResult result: JSON) -> Failure? {
        switch result["resultType"]?.string {
        case nil, "complete": break
        case "input_required":
            return Failure(.toolInput, "the tool wants to ask somebody, and nobody is there", retry: .never)
        default: return violation("the result is of an unknown kind")
        }
        guard result["isError"] == .boolean(true) else { return nil }
        if names(result, "unknown tool") { return Failure(.toolContract, "the server does not know the tool") }
        return Failure(.toolError, "the tool reported an error", retry: .limited(toolErrorAttempts))
    }

    /// The failure that a JSON-RPC error is.
    static func failure(ofCode code: Int64, message: String) -> Failure {
        switch code {
        case -32601, -32602: Failure(.toolContract, "the server does not know the tool or refuses its arguments")
        case -32020: Failure(.toolVersion, "the server wants the headers of a newer revision", retry: .never)
        case -32021: Failure(.toolVersion, "the server demands a capability that is not offered", retry: .never)
        case -32022: Failure(.toolVersion, "the server speaks none of the known revisions", retry: .never)
        case -32600 where message.lowercased().contains("session"):
            Failure(.violation, "the server does not accept the session")
        default:
            message.lowercased().contains("unknown tool")
                ? Failure(.toolContract, "the server does not know the tool")
                : Failure(.serverError, "the server failed to run the tool")
        }
    }

    /// The failure that an HTTP status is; nil for 200...299.
    ///
    /// - Parameter now: Seconds since 1970, for `Retry-After`.
    static func failure(status: Int, headers: HeaderFields, body: [UInt8], now: Int64) -> Failure? {
        let retryAfter = headers["Retry-After"].flatMap { RetryAfter.parse($0, now: now) }
        switch status {
        case 200...299: return nil
        case 300...399: return Failure(.redirect, "redirects are not followed")
        case 401: return Failure(.toolAuthorization, "the server does not accept the token")
        case 402: return Failure(.paymentRequired, "the server asks for a payment", retry: .never)
        case 403: return Failure(.toolAuthorization, "the server does not allow the call")
        case 406, 413, 415, 421:
            return Failure(.toolConfiguration, "the server does not take calls of this form", retry: .never)
        case 410: return Failure(.gone, "the server is gone for good", retry: .never)
        case 429:
            return Failure(
                .rateLimited, "the server asks to slow down", pause: retryAfter ?? RetrySchedule.rateLimitedPause)
        case 400...499:
            if let error = MCPMessage.error(in: body) { return failure(ofCode: error.code, message: error.message) }
            return Failure(.clientError, "the server refused the call")
        case 503: return Failure(.serverError, "the server is unavailable", pause: retryAfter)
        case 500...599: return Failure(.serverError, "the server failed")
        default: return violation("the status is not one of HTTP")
        }
    }

    /// An answer that no specification allows.
    static func violation(_ message: String) -> Failure {
        Failure(.violation, message, retry: .limited(violationAttempts))
    }

    private static func names(_ result: JSON, _ phrase: String) -> Bool {
        guard case .array(let content)? = result["content"] else { return false }
        return content.contains { $0["text"]?.string?.lowercased().hasPrefix(phrase) == true }
    }
}
