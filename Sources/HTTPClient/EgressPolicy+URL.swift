extension EgressPolicy {
    /// Checks `text` by the rules for URLs that users save, and answers its canonical form.
    ///
    /// `https` (`http` by the operator's choice), at most 2,048 bytes of printable ASCII, no user information, no
    /// fragment, no zone; a host that is a public name or an allowed address; a port that is allowed. A name's addresses
    /// are checked when they are dialled, not here.
    ///
    /// - Throws: `TransportError.invalidURL` or `.blockedAddress`, saying which rule is broken.
    @discardableResult
    public func checkURL(_ text: String) throws(TransportError) -> String {
        try Self.checkForm(text, allowsPlainHTTP: allowsPlainHTTP)
        var url = try CurlURL(text)
        if url.fragment != nil { throw .invalidURL("a fragment is not allowed") }
        if url.zone != nil { throw .invalidURL("a zone is not allowed") }
        try check(port: url.port)
        try check(host: &url)
        return try url.canonical()
    }

    /// Checks `text` by the rules of a policy that opens nothing, and answers its canonical form.
    @discardableResult
    public static func checkURL(_ text: String) throws(TransportError) -> String {
        try EgressPolicy().checkURL(text)
    }

    private func check(port: Int) throws(TransportError) {
        guard let port = UInt16(exactly: port), port > 0 else { throw .invalidURL("the port is out of range") }
        if let reason = Self.refusedPort(port) { throw .blockedAddress(reason) }
    }

    /// What can be told from the text alone, before the parser of libcurl smooths it over.
    private static func checkForm(_ text: String, allowsPlainHTTP: Bool) throws(TransportError) {
        guard text.utf8.count <= 2048 else { throw .invalidURL("longer than 2,048 bytes") }
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
            throw .invalidURL("only printable ASCII is allowed; encode the rest")
        }
        guard !text.utf8.contains(UInt8(ascii: "\\")) else { throw .invalidURL("a backslash is not allowed") }
        let scheme = text.prefix { $0 != ":" }.lowercased()
        guard scheme == "https" || scheme == "http" else { throw .invalidURL("the scheme must be https") }
        if scheme == "http", !allowsPlainHTTP { throw .invalidURL("the scheme must be https") }
        let rest = text.dropFirst(scheme.utf8.count)
        guard rest.hasPrefix("://"), let next = rest.dropFirst(3).first, next != "/" else {
            throw .invalidURL("the form must be https://host/path")
        }
    }

    /// Checks the host as the parser understood it, decoded, and drops one dot at its end.
    private func check(host url: inout CurlURL) throws(TransportError) {
        var host = url.host
        if host.hasPrefix("[") {
            guard host.hasSuffix("]"), let address = IPAddress(host.dropFirst().dropLast()) else {
                throw .invalidURL("the host is no IPv6 address")
            }
            if let reason = refusal(of: address) { throw .blockedAddress(reason) }
            return
        }
        if host.hasSuffix(".") {
            host = String(host.dropLast())
            try url.set(host: host)
            host = url.host
        }
        if let address = IPAddress(host) {
            if let reason = refusal(of: address) { throw .blockedAddress(reason) }
            return
        }
        try check(name: host.lowercased())
    }

    private func check(name: String) throws(TransportError) {
        guard name.utf8.count <= 253 else { throw .invalidURL("the host is longer than 253 bytes") }
        let labels = name.split(separator: ".", omittingEmptySubsequences: false)
        guard let last = labels.last, labels.allSatisfy(Self.isLabel) else { throw .invalidURL("the host is no name") }
        // A last label of digits is what parsers disagree about: some read an address, some a name.
        guard last.utf8.contains(where: { !(0x30...0x39).contains($0) }), !last.hasPrefix("0x") else {
            throw .invalidURL("the host is neither a name nor an address")
        }
        guard allowing.isEmpty else { return }
        if labels.count == 1 || Self.privateSuffixes.contains(where: { name.hasSuffix($0) }) {
            throw .blockedAddress("the host is a name of a private network")
        }
    }

    private static let privateSuffixes = [".localhost", ".local", ".internal", ".home.arpa"]

    private static func isLabel(_ label: Substring) -> Bool {
        (1...63).contains(label.utf8.count)
            && label.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "-"), UInt8(ascii: "_"): true
                default: false
                }
            }
    }
}
