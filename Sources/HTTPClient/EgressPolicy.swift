import Glibc

/// Which addresses Tocsin dials on a user's behalf: public ones, and what the operator opened.
///
/// The decision is made on the binary address and port at the moment of connecting, so a name that resolves to
/// something else the second time gains nothing.
public struct EgressPolicy: Sendable {
    /// Ranges that are let through whatever the tables say.
    public let allowing: [CIDR]
    /// Ranges that are refused besides the tables, such as the operator's own public addresses.
    public let denying: [CIDR]
    /// Whether `http` URLs may be saved and sent to.
    public let allowsPlainHTTP: Bool

    /// The built-in tables, opened by `allowing` and closed further by `denying`.
    ///
    /// - Parameter allowsPlainHTTP: By default exactly where some range was opened, since that is a private network.
    public init(allowing: [CIDR] = [], denying: [CIDR] = [], allowsPlainHTTP: Bool? = nil) {
        self.allowing = allowing
        self.denying = denying
        self.allowsPlainHTTP = allowsPlainHTTP ?? !allowing.isEmpty
    }

    /// Lets `address` and `port` pass or throws `TransportError.blockedAddress`.
    public func check(_ address: IPAddress, port: UInt16) throws(TransportError) {
        if let reason = Self.refusedPort(port) { throw .blockedAddress(reason) }
        if let reason = refusal(of: address) { throw .blockedAddress(reason) }
    }

    /// Why `address` is refused; nil where it is let through.
    func refusal(of address: IPAddress) -> String? {
        if allowing.contains(where: { $0.contains(address) }) { return nil }
        if denying.contains(where: { $0.contains(address) }) { return "refused by the operator" }
        switch address {
        case .v4:
            return Self.refusedIPv4.first { $0.range.contains(address) }?.reason
        case .v6:
            if let named = Self.refusedIPv6.first(where: { $0.range.contains(address) }) { return named.reason }
            return Self.globalUnicast.contains { $0.contains(address) } ? nil : "not a public address"
        }
    }

    /// Why `port` is refused on any address; nil where it is let through.
    static func refusedPort(_ port: UInt16) -> String? {
        guard port == 80 || port == 443 || port >= 1024 else { return "port below 1024" }
        return refusedPorts.contains(port) ? "port of an internal service" : nil
    }

    /// The addresses of this machine's own interfaces, for `denying`: a public one leads back to our own services.
    public static func ownAddresses() -> [CIDR] {
        var first: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&first) == 0 else { return [] }
        defer { freeifaddrs(first) }
        var found: [CIDR] = []
        var next = first
        while let entry = next?.pointee {
            next = entry.ifa_next
            guard let raw = UnsafeRawPointer(entry.ifa_addr), let address = IPAddress(socketAddress: raw),
                let range = CIDR("\(address)")
            else { continue }
            found.append(range)
        }
        return found
    }
}

extension IPAddress {
    /// The address in a `sockaddr` of either family.
    fileprivate init?(socketAddress raw: UnsafeRawPointer) {
        switch Int32(raw.load(as: sockaddr.self).sa_family) {
        case AF_INET:
            let bits = raw.load(fromByteOffset: 4, as: UInt32.self)
            self = .v4(UInt32(bigEndian: bits))
        case AF_INET6:
            let bytes = UnsafeRawBufferPointer(start: raw + 8, count: 16)
            self.init(bytes: Array(bytes))
        default: return nil
        }
    }
}
