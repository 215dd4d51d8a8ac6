extension EgressPolicy {
    struct Refused: Sendable {
        let range: CIDR
        let reason: String
    }

    /// - SeeAlso: IANA IPv4 Special-Purpose Address Registry; 168.63.129.16 is Azure's host channel.
    static let refusedIPv4 = table([
        ("0.0.0.0/8", "this network"),
        ("10.0.0.0/8", "private network"),
        ("100.64.0.0/10", "carrier-grade NAT"),
        ("127.0.0.0/8", "loopback"),
        ("168.63.129.16", "cloud metadata"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private network"),
        ("192.0.0.0/24", "protocol assignments"),
        ("192.0.2.0/24", "documentation"),
        ("192.31.196.0/24", "AS112"),
        ("192.52.193.0/24", "multicast relay"),
        ("192.88.99.0/24", "6to4 relay"),
        ("192.168.0.0/16", "private network"),
        ("192.175.48.0/24", "AS112"),
        ("198.18.0.0/15", "benchmarking"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
    ])

    /// What is refused inside 2000::/3, and the rest by name where a name helps.
    ///
    /// - SeeAlso: IANA IPv6 Special-Purpose Address Registry.
    static let refusedIPv6 = table([
        ("::1", "loopback"),
        ("::", "unspecified address"),
        ("::ffff:0:0/96", "IPv4-mapped address"),
        ("64:ff9b::/96", "NAT64"),
        ("64:ff9b:1::/48", "NAT64"),
        ("fc00::/7", "private network"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local"),
        ("ff00::/8", "multicast"),
        ("2001::/23", "protocol assignments"),
        ("2001:db8::/32", "documentation"),
        ("2002::/16", "6to4"),
        ("2620:4f:8000::/48", "AS112"),
        ("3fff::/20", "documentation"),
    ])

    /// The only part of IPv6 that is let through at all.
    static let globalUnicast = [CIDR("2000::/3")].compactMap(\.self)

    /// Container engines, databases, caches, cluster managers: never a receiver of notifications.
    static let refusedPorts: Set<UInt16> = [
        2375, 2376, 2379, 3306, 5432, 6379, 6443, 8500, 9200, 10250, 11211, 27017,
    ]

    private static func table(_ rows: [(String, String)]) -> [Refused] {
        rows.map { row in
            guard let range = CIDR(row.0) else { preconditionFailure("a row of the egress table is no range") }
            return Refused(range: range, reason: row.1)
        }
    }
}
