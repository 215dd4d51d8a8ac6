import CCurl

/// Writes a request's fields as libcurl's list, refusing what would break out of a line.
enum RequestHeader {
    /// The list for `request`; the caller frees it.
    static func list(
        _ request: OutboundRequest, userAgent: String
    ) throws(TransportError) -> UnsafeMutablePointer<curl_slist>? {
        guard isToken(request.method) else { throw .protocolViolation }
        var lines: [String] = []
        for field in request.headers {
            guard isToken(field.name), isValue(field.value), !isFraming(field.name) else { throw .protocolViolation }
            // libcurl takes "name:" as an order to leave the field out, and "name;" as one with an empty value.
            lines.append(field.value.isEmpty ? "\(field.name);" : "\(field.name): \(field.value)")
        }
        if request.headers["User-Agent"] == nil, isValue(userAgent) { lines.append("User-Agent: \(userAgent)") }
        // Otherwise a large body waits up to a second for "100 Continue", and a form's type is made up.
        if request.headers["Expect"] == nil { lines.append("Expect:") }
        if request.headers["Content-Type"] == nil { lines.append("Content-Type:") }
        var list: UnsafeMutablePointer<curl_slist>?
        for line in lines {
            guard let longer = curl_slist_append(list, line) else {
                curl_slist_free_all(list)
                throw .send
            }
            list = longer
        }
        return list
    }

    /// What libcurl writes itself: two lengths for one body are how requests are smuggled.
    private static func isFraming(_ name: String) -> Bool {
        HeaderFields.matches(name, "Content-Length") || HeaderFields.matches(name, "Transfer-Encoding")
    }

    /// - SeeAlso: RFC 9110, section 5.6.2.
    private static func isToken(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
                default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
                }
            }
    }

    private static func isValue(_ text: String) -> Bool {
        text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f || $0 == 0x09 }
    }
}
