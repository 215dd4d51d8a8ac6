import CCurl

/// A URL as libcurl's own parser understands it, so that what was checked is what is dialled.
struct CurlURL: ~Copyable {
    let handle: OpaquePointer

    /// Parses `text`; user information is refused.
    init(_ text: String) throws(TransportError) {
        // A NUL would end the C string early, and the parser would see another URL than we do.
        guard !text.utf8.contains(0) else { throw .invalidURL("a NUL is not allowed") }
        handle = try Self.parse(text)
    }

    private static func parse(_ text: String) throws(TransportError) -> OpaquePointer {
        guard let handle = curl_url() else { throw .invalidURL("out of memory") }
        let code = curl_url_set(handle, CURLUPART_URL, text, UInt32(CURLU_DISALLOW_USER | CURLU_PATH_AS_IS))
        guard code == CURLUE_OK else {
            curl_url_cleanup(handle)
            throw .invalidURL(code == CURLUE_USER_NOT_ALLOWED ? "user information is not allowed" : "not a URL")
        }
        return handle
    }

    deinit { curl_url_cleanup(handle) }

    /// Hands the parsed URL to the caller, who frees it.
    consuming func release() -> OpaquePointer {
        let handle = handle
        discard self
        return handle
    }

    /// In lower case.
    var scheme: String { part(CURLUPART_SCHEME, 0) ?? "" }
    /// Percent-decoded, addresses normalised; IPv6 in brackets, without its zone.
    var host: String { part(CURLUPART_HOST, 0) ?? "" }
    var zone: String? { part(CURLUPART_ZONEID, 0) }
    var fragment: String? { part(CURLUPART_FRAGMENT, 0) }
    /// The port given, or the scheme's own; -1 where it cannot be read.
    var port: Int { part(CURLUPART_PORT, UInt32(CURLU_DEFAULT_PORT)).flatMap { Int($0) } ?? -1 }

    /// Replaces the host.
    mutating func set(host: String) throws(TransportError) {
        guard curl_url_set(handle, CURLUPART_HOST, host, 0) == CURLUE_OK else {
            throw .invalidURL("the host is no name")
        }
    }

    /// The URL put together again from its parts.
    func canonical() throws(TransportError) -> String {
        guard let text = part(CURLUPART_URL, UInt32(CURLU_NO_DEFAULT_PORT)) else { throw .invalidURL("not a URL") }
        return text
    }

    private func part(_ what: CURLUPart, _ flags: UInt32) -> String? {
        var text: UnsafeMutablePointer<CChar>?
        guard curl_url_get(handle, what, &text, flags) == CURLUE_OK, let text else { return nil }
        defer { curl_free(text) }
        return String(cString: text)
    }
}
