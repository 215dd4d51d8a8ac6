/// Where a WebSocket is opened.
struct SocketTarget: Sendable, Equatable {
    let isSecure: Bool
    /// Without brackets.
    let host: String
    let port: Int
    /// The path and the query, at least `/`.
    let path: String
    /// As the header Host names it.
    let authority: String

    /// Takes `text` apart.
    init(_ text: String) throws(TransportError) {
        let scheme = text.prefix { $0 != ":" }.lowercased()
        guard scheme == "ws" || scheme == "wss" else { throw .invalidURL("the scheme must be ws or wss") }
        guard text.utf8.count <= 2048, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
            throw .invalidURL("only printable ASCII is allowed, at most 2,048 bytes")
        }
        isSecure = scheme == "wss"
        // The same parser that checks the URLs of requests; it knows http and leaves the rest as it is.
        let rest = text.dropFirst(scheme.utf8.count)
        guard rest.hasPrefix("://"), !rest.hasPrefix(":///") else {
            throw .invalidURL("the form must be wss://host/path")
        }
        let url = try CurlURL((isSecure ? "https" : "http") + rest)
        guard url.zone == nil, !url.host.isEmpty, (1...65_535).contains(url.port) else {
            throw .invalidURL("the form must be wss://host/path")
        }
        host = url.host.hasPrefix("[") ? String(url.host.dropFirst().dropLast()) : url.host
        port = url.port
        authority = url.port == (isSecure ? 443 : 80) ? url.host : "\(url.host):\(url.port)"
        // CurlURL leaves path and query as they are written; what stands behind # never leaves us.
        let tail = rest.dropFirst(3).drop { $0 != "/" && $0 != "?" && $0 != "#" }.prefix { $0 != "#" }
        path = tail.hasPrefix("/") ? String(tail) : "/" + tail
    }

    /// The name that the certificate must have; nil where it must name the address.
    var tlsName: String? { IPAddress(host) == nil ? host : nil }
}
