/// Why an exchange gave no response.
///
/// No case holds a URL, a header or a body: they may contain secrets.
public enum TransportError: Error, Equatable, Sendable {
    /// The URL was refused before anything was sent; the text says which rule it breaks.
    case invalidURL(String)
    /// The name has no address, or the lookup failed.
    case dns
    /// The egress guard refused the address or the port; the text says which rule, never the address.
    case blockedAddress(String)
    /// No address took the connection.
    case connect
    /// The TLS handshake failed, or the certificate was not accepted.
    case tls
    /// Lookup, connection and handshake together took too long.
    case timedOutConnecting
    /// The whole exchange took longer than its deadline.
    case timedOut(after: Duration)
    /// The connection broke while the request was being sent.
    case send
    /// The connection broke before the response was complete.
    case receive
    /// The answer is not HTTP, or the request's method or header cannot be written as HTTP.
    case protocolViolation
    /// The response's header is longer than the request allows.
    case headersTooLarge
    /// The response's body is longer than the request allows.
    case bodyTooLarge
    /// The task was cancelled.
    case cancelled
    /// The transport was shut down.
    case closed

    /// Whether sending the same request later can succeed.
    public var isTransient: Bool {
        switch self {
        case .dns, .connect, .tls, .timedOutConnecting, .timedOut, .send, .receive, .protocolViolation, .cancelled,
            .closed:
            true
        case .invalidURL, .blockedAddress, .headersTooLarge, .bodyTooLarge: false
        }
    }

    /// The word for it in attempt rows and metrics, one of a small closed set.
    public var errorClass: String {
        switch self {
        case .invalidURL: "invalid_url"
        case .dns: "dns"
        case .blockedAddress: "blocked_ip"
        case .connect: "connect"
        case .tls: "tls"
        case .timedOutConnecting: "timeout_connect"
        case .timedOut: "timeout_total"
        case .send: "send"
        case .receive: "recv"
        case .protocolViolation, .headersTooLarge: "protocol"
        case .bodyTooLarge: "body_too_large"
        case .cancelled, .closed: "shutdown"
        }
    }
}
