extension ChainsFileReader {
    /// The chain's endpoints with their variables replaced, in order and each once; nil after a problem.
    ///
    /// Those with an unset or empty variable are left out, and sockets alone are of no use, so the list may be empty.
    func rpcURLs(_ members: [String: JSON], at path: String, isEnabled: Bool) -> [String]? {
        let path = "\(path).rpc_urls"
        guard let value = members["rpc_urls"] else {
            problem(path, "missing")
            return nil
        }
        guard let elements = array(value, at: path, maximum: ChainsFile.urlsMax) else { return nil }
        let before = problems.count
        var urls: [String] = []
        var hasUnset = false
        for (index, element) in elements.enumerated() {
            guard let url = rpcURL(element, at: "\(path)[\(index)]", isEnabled: isEnabled) else {
                hasUnset = true
                continue
            }
            if urls.contains(url) {
                warn("\(path)[\(index)]", "the same as an endpoint above, left out")
            } else {
                urls.append(url)
            }
        }
        guard problems.count == before else { return nil }
        if urls.allSatisfy(Chain.isSocket) {
            guard hasUnset else {
                problem(
                    path, "holds WebSocket URLs alone; add an http or https one, which is what blocks are read from")
                return nil
            }
            if isEnabled {
                warn(path, "no endpoint is left, the chain is disabled; set one of the variables or add a URL")
            }
            return []
        }
        return urls
    }

    /// The endpoint at `path`; nil where a variable is unset (a warning) or the text is no endpoint (a problem).
    private func rpcURL(_ value: JSON, at path: String, isEnabled: Bool) -> String? {
        guard let text = value.string else {
            problem(path, "must be a text")
            return nil
        }
        switch substitute(text) {
        case .malformed:
            problem(path, "a variable is written as ${NAME}, with letters, digits and underscores")
            return nil
        case .unset(let name):
            if isEnabled { warn(path, "\(name) is not set, the endpoint is left out") }
            return nil
        case .url(let url):
            guard Self.isWebURL(url, schemes: ["https://", "http://", "wss://", "ws://"]), url.utf8.count <= 2048 else {
                problem(path, "must be an http, https, ws or wss URL of at most 2048 bytes")
                return nil
            }
            return url
        }
    }

    private enum Substitution {
        case url(String)
        case unset(String)
        case malformed
    }

    /// Replaces each `${NAME}` once; what a variable holds is not read again for further ones.
    private func substitute(_ text: String) -> Substitution {
        var result = ""
        var rest = text[...]
        while let start = rest.firstRange(of: "${") {
            result += rest[..<start.lowerBound]
            guard let end = rest[start.upperBound...].firstIndex(of: "}") else { return .malformed }
            let name = String(rest[start.upperBound..<end])
            guard Self.isVariableName(name) else { return .malformed }
            guard let value = environment[name], !value.isEmpty else { return .unset(name) }
            result += value
            rest = rest[rest.index(after: end)...]
        }
        return .url(result + rest)
    }

    private static func isVariableName(_ name: String) -> Bool {
        guard let first = name.utf8.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else {
            return false
        }
        return name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "_"):
                true
            default: false
            }
        }
    }

    /// Whether `text` is one of `schemes` and a host, printable ASCII throughout.
    ///
    /// The HTTP client parses URLs strictly when it uses them; this finds what was meant for another field.
    static func isWebURL(_ text: String, schemes: [String] = ["https://", "http://"]) -> Bool {
        guard text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else { return false }
        let lower = text.lowercased()
        guard let scheme = schemes.first(where: lower.hasPrefix) else { return false }
        let authority = lower.dropFirst(scheme.count).prefix { !"/?#".contains($0) }
        let host = authority.split(separator: "@", omittingEmptySubsequences: false).last ?? ""
        return !host.isEmpty && !host.hasPrefix(":")
    }
}
