import HTTPClient

/// Where a node is reached; holds secrets, so only `label` is ever shown.
struct Endpoint: Sendable {
    let url: String
    let headers: HeaderFields
    /// The host, with a number behind it where several endpoints share one.
    let label: String
    /// The parts of the URL that may be keys, longest first; nodes like to repeat them in errors.
    let secrets: [String]

    /// The endpoints of `urls`, in their order; what is neither `http` nor `https` is left out.
    static func list(_ urls: [String]) -> [Endpoint] {
        list(
            urls, schemes: ["https://", "http://"],
            headers: ["Content-Type": "application/json", "Accept": "application/json"])
    }

    /// The sockets of `urls`, in their order; what is neither `ws` nor `wss` is left out.
    static func sockets(_ urls: [String]) -> [Endpoint] { list(urls, schemes: ["wss://", "ws://"], headers: [:]) }

    private static func list(_ urls: [String], schemes: [String], headers common: HeaderFields) -> [Endpoint] {
        var seen: [String: Int] = [:]
        return urls.compactMap { text in
            guard let parsed = parse(text, schemes: schemes) else { return nil }
            seen[parsed.host, default: 0] += 1
            let count = seen[parsed.host, default: 1]
            var headers = common
            if let user = parsed.user { headers["Authorization"] = "Basic \(base64(user))" }
            return Endpoint(
                url: parsed.url, headers: headers, label: count == 1 ? parsed.host : "\(parsed.host)#\(count)",
                secrets: secrets(text, host: parsed.host))
        }
    }

    /// Takes user information out of `text`, since libcurl gets none from us, and the host without its port.
    private static func parse(
        _ text: String, schemes: [String]
    ) -> (url: String, host: String, user: [UInt8]?)? {
        guard let scheme = schemes.first(where: text.lowercased().hasPrefix) else { return nil }
        let rest = text.dropFirst(scheme.count)
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        let path = rest.dropFirst(authority.count)
        guard let at = authority.lastIndex(of: "@") else {
            return (text, host(authority), nil)
        }
        let server = authority[authority.index(after: at)...]
        return (scheme + server + path, host(server), percentDecoded(authority[..<at]))
    }

    private static func secrets(_ url: String, host: String) -> [String] {
        url.split { "/?&=#@:".contains($0) }.map(String.init)
            .filter { $0.utf8.count >= 6 && $0 != host }.sorted { $0.count > $1.count }
    }

    private static func host(_ authority: Substring) -> String {
        if authority.hasPrefix("[") { return String(authority.prefix { $0 != "]" }) + "]" }
        return String(authority.prefix { $0 != ":" })
    }

    private static func percentDecoded(_ text: Substring) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return bytes
    }

    private static func base64(_ bytes: [UInt8]) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start...].prefix(3)
            let bits = (0..<3).reduce(0 as UInt32) { $0 << 8 | UInt32($1 < group.count ? group[start + $1] : 0) }
            for place in 0..<4 {
                let sextet = Int(bits >> UInt32(18 - 6 * place)) & 0x3f
                text.append(place <= group.count ? alphabet[sextet] : UInt8(ascii: "="))
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
