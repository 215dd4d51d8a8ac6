import HTTPClient
import HTTPTypes

/// Tells a client's address from the proxies before this server, whose word counts only where it is trusted.
struct ClientAddress: Sendable {
    /// The proxies' own addresses.
    let trustedProxies: [CIDR]

    /// The client of a request from `peer`: the last address in `X-Forwarded-For` that no trusted proxy has.
    ///
    /// Each proxy appends the address that it was called from, so what stands before an address that is not trusted may
    /// be invented. An entry that is no address ends the search at the proxy that wrote it.
    ///
    /// - Returns: Nil for a peer without an IP address.
    func client(peer: String?, headers: HTTPFields) -> String? {
        guard let peer, var client = Self.address(peer[...]) else { return peer }
        guard !trustedProxies.isEmpty, isTrusted(client) else { return peer }
        let hops = headers[values: .xForwardedFor]
            .flatMap { $0.split(separator: ",", omittingEmptySubsequences: false) }
        for hop in hops.reversed() {
            guard isTrusted(client), let address = Self.address(hop) else { break }
            client = address
        }
        return "\(client)"
    }

    private func isTrusted(_ address: IPAddress) -> Bool { trustedProxies.contains { $0.contains(address) } }

    /// The address of an entry, with or without a port and spaces; an IPv4 address in IPv6 form counts as IPv4.
    private static func address(_ entry: Substring) -> IPAddress? {
        let text = entry.split(separator: " ").first ?? ""
        var host = text
        if text.first == "[" {
            guard let end = text.firstIndex(of: "]") else { return nil }
            host = text[text.index(after: text.startIndex)..<end]
        } else if let colon = text.firstIndex(of: ":"), text.lastIndex(of: ":") == colon {
            host = text[..<colon]
        }
        guard let address = IPAddress(host) else { return nil }
        if case .v6(high: 0, let low) = address, low >> 32 == 0xffff { return .v4(UInt32(truncatingIfNeeded: low)) }
        return address
    }
}
