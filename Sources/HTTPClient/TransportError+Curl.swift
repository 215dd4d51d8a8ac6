import CCurl

extension TransportError {
    /// What libcurl's `code` means.
    ///
    /// - Parameter isConnected: Whether a connection was ready, which tells the two kinds of timeout apart.
    init(_ code: CURLcode, isConnected: Bool, deadline: Duration) {
        switch code {
        case CURLE_URL_MALFORMAT: self = .invalidURL("not a URL")
        case CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_RESOLVE_HOST: self = .dns
        case CURLE_COULDNT_CONNECT: self = .connect
        case CURLE_OPERATION_TIMEDOUT: self = isConnected ? .timedOut(after: deadline) : .timedOutConnecting
        case CURLE_SSL_CONNECT_ERROR, CURLE_SSL_ENGINE_NOTFOUND, CURLE_SSL_ENGINE_SETFAILED, CURLE_SSL_CERTPROBLEM,
            CURLE_SSL_CIPHER, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR,
            CURLE_SSL_PINNEDPUBKEYNOTMATCH, CURLE_SSL_INVALIDCERTSTATUS:
            self = .tls
        case CURLE_SEND_ERROR: self = .send
        // "Unsupported" is HTTP/0.9, an answer without a header; schemes were checked before.
        case CURLE_UNSUPPORTED_PROTOCOL, CURLE_WEIRD_SERVER_REPLY, CURLE_HTTP2, CURLE_HTTP2_STREAM,
            CURLE_BAD_CONTENT_ENCODING:
            self = .protocolViolation
        case CURLE_ABORTED_BY_CALLBACK: self = .cancelled
        default: self = .receive
        }
    }
}

extension CurlURL {
    /// Whether the host needs no lookup.
    var hostIsAddress: Bool { host.hasPrefix("[") || IPAddress(host) != nil }
}
