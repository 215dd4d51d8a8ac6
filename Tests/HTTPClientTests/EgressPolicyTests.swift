import HTTPClient
import TestSupport
import Testing

@Suite struct EgressPolicyTests {
    @Test("refuses every special range, at its first and its last address", arguments: Self.refused)
    func refuses(range: String) throws {
        let ends = try #require(Self.ends(of: range))
        for address in ends {
            #expect(throws: TransportError.self, "\(address)") { try EgressPolicy().check(address, port: 443) }
        }
    }

    @Test("lets public addresses through, next door to refused ranges too", arguments: Self.allowed)
    func allows(address: String) throws {
        let address = try #require(IPAddress(address))
        try EgressPolicy().check(address, port: 443)
    }

    @Test("an allowed range overrides the tables, and nothing beside it")
    func overrides() throws {
        let policy = EgressPolicy(allowing: try ["127.0.0.0/8", "fd00::/8"].map { try #require(CIDR($0)) })
        for address in ["127.0.0.1", "127.255.255.255", "fd00::1"] {
            try policy.check(try #require(IPAddress(address)), port: 8080)
        }
        for address in ["10.0.0.1", "::1", "::ffff:127.0.0.1", "fe80::1", "128.0.0.0"] where address != "128.0.0.0" {
            #expect(throws: TransportError.self) { try policy.check(try #require(IPAddress(address)), port: 8080) }
        }
    }

    @Test("the operator closes ranges besides, but what is opened wins")
    func denies() throws {
        let inside = try #require(IPAddress("8.8.8.8"))
        let range = try #require(CIDR("8.8.8.0/24"))
        #expect(throws: TransportError.blockedAddress("refused by the operator")) {
            try EgressPolicy(denying: [range]).check(inside, port: 443)
        }
        try EgressPolicy(allowing: [range], denying: [range]).check(inside, port: 443)
    }

    @Test(
        "refuses ports below 1024 but for 80 and 443, and those of internal services",
        arguments: [
            0, 1, 22, 25, 79, 81, 442, 444, 1023, 2375, 2376, 2379, 3306, 5432, 6379, 6443, 8500, 9200, 10250, 11211,
            27017,
        ])
    func ports(port: UInt16) throws {
        let address = try #require(IPAddress("8.8.8.8"))
        #expect(throws: TransportError.self) { try EgressPolicy().check(address, port: port) }
        for open in [80, 443, 1024, 8080, 8443, 65535] as [UInt16] { try EgressPolicy().check(address, port: open) }
    }

    @Test("knows its own addresses")
    func ownAddresses() throws {
        let own = EgressPolicy.ownAddresses()
        let loopback = try #require(IPAddress("127.0.0.1"))
        #expect(own.contains { $0.contains(loopback) })
    }

    @Test("reads ranges strictly")
    func ranges() throws {
        for text in ["10.0.0.0/8", "0.0.0.0/0", "::/0", "1.2.3.4", "2001:db8::/32", "::1/128"] {
            #expect(CIDR(text) != nil, "\(text)")
        }
        let wrong = [
            "", "/", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8/8", "10.0.0.1/8", "10/8",
            "::/129", "2001:db8::1/32", "fe80::1%eth0/64", "a.b.c.d/8", "010.0.0.0/8", "10.0.0.0/08 ", "10.0.0.0/999",
        ]
        for text in wrong { #expect(CIDR(text) == nil, "\(text)") }
    }

    /// What must never be dialled.
    ///
    /// - SeeAlso: IANA's special-purpose registries for IPv4 and IPv6.
    static let refused: [String] = [
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "100.100.100.200/32", "127.0.0.0/8", "168.63.129.16/32",
        "169.254.0.0/16", "169.254.169.254/32", "169.254.170.2/32", "172.16.0.0/12", "192.0.0.0/24", "192.0.0.192/32",
        "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "255.255.255.255/32",
        "::/128", "::1/128", "::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64",
        "100:0:0:1::/64", "2001::/23", "2001::/32", "2001:2::/48", "2001:10::/28", "2001:20::/28", "2001:30::/28",
        "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20", "4000::/3", "5f00::/16", "fc00::/7",
        "fd00:ec2::254/128", "fd20:ce::254/128", "fe80::/10", "fec0::/10", "ff00::/8",
    ]

    static let allowed: [String] = [
        "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255",
        "128.0.0.0", "168.63.129.15", "168.63.129.17", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0",
        "192.0.1.0", "192.0.3.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "203.0.112.255",
        "203.0.114.0", "223.255.255.255", "2000::1", "2001:200::1", "2001:db7::1", "2001:db9::1", "2003::1",
        "2606:4700:4700::1111", "2620:4f:7fff::1", "2620:4f:8001::1", "3ffe::1", "3fff:1000::1",
    ]

    /// The first and the last address of a range.
    static func ends(of range: String) -> [IPAddress]? {
        guard let cidr = CIDR(range) else { return nil }
        switch cidr.base {
        case .v4(let bits):
            let last = cidr.prefixLength == 32 ? bits : bits | (UInt32.max >> UInt32(cidr.prefixLength))
            return [.v4(bits), .v4(last)]
        case .v6(let high, let low):
            let length = UInt64(cidr.prefixLength)
            let lastHigh = length >= 64 ? high : high | (UInt64.max >> length)
            let lastLow = length >= 128 ? low : low | (length <= 64 ? .max : UInt64.max >> (length - 64))
            return [.v6(high: high, low: low), .v6(high: lastHigh, low: lastLow)]
        }
    }
}
