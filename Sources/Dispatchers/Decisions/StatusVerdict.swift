import HTTPClient

/// What an HTTP answer to a webhook means.
enum StatusVerdict {
    /// The failure that `response` is; nil for success.
    ///
    /// - Parameters:
    ///   - expected: The statuses that mean success; empty for 200...299.
    ///   - now: Seconds since 1970, for `Retry-After`.
    static func failure(of response: OutboundResponse, expected: Set<Int>, now: Int64) -> Failure? {
        let status = response.status
        let isSuccess = expected.isEmpty ? (200...299).contains(status) : expected.contains(status)
        if isSuccess { return nil }
        let retryAfter = response.headers["Retry-After"].flatMap { RetryAfter.parse($0, now: now) }
        switch status {
        case 200...299: return Failure(.unexpectedStatus, "the status is not one of the expected ones")
        case 300...399: return Failure(.redirect, "redirects are not followed")
        case 402: return Failure(.paymentRequired, "the receiver asks for a payment", retry: .never)
        case 410: return Failure(.gone, "the receiver is gone for good", retry: .never)
        case 429:
            return Failure(
                .rateLimited, "the receiver asks to slow down", pause: retryAfter ?? RetrySchedule.rateLimitedPause)
        case 400...499: return Failure(.clientError, "the receiver refused the request")
        case 503: return Failure(.serverError, "the receiver is unavailable", pause: retryAfter)
        case 500...599: return Failure(.serverError, "the receiver failed")
        default: return Failure(.violation, "the status is not one of HTTP")
        }
    }
}

extension Failure {
    /// The failure that an exchange without an answer is.
    init(_ error: TransportError) {
        switch error {
        case .invalidURL: self.init(.invalidURL, "the URL is not accepted", retry: .never)
        case .dns: self.init(.dns, "the host's name has no address")
        case .blockedAddress: self.init(.blockedAddress, "the address is not one to send to", retry: .never)
        case .connect: self.init(.connect, "no connection could be made")
        case .tls: self.init(.tls, "the TLS handshake failed or the certificate was not accepted")
        case .timedOutConnecting: self.init(.timedOutConnecting, "connecting took too long")
        case .timedOut: self.init(.timedOut, "no complete answer arrived in time")
        case .send: self.init(.send, "the connection broke while the request was sent")
        case .receive: self.init(.receive, "the connection broke before the answer was complete")
        case .protocolViolation: self.init(.violation, "the exchange was not HTTP")
        case .headersTooLarge: self.init(.violation, "the answer's header is too long")
        case .bodyTooLarge: self.init(.bodyTooLarge, "the answer's body is too long")
        case .cancelled, .closed:
            self.init(.shutdown, "this process stopped during the attempt", retry: .uncounted(after: .zero))
        }
    }
}
