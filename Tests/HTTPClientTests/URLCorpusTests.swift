import HTTPClient
import Testing

@Suite struct URLCorpusTests {
    @Test("refuses every hostile URL", arguments: Self.hostile)
    func refuses(url: String) {
        #expect(throws: TransportError.self) { try EgressPolicy.checkURL(url) }
        // Opening a range that has nothing to do with it opens no loophole but local names and plain HTTP.
        let other = EgressPolicy(allowing: [CIDR("198.51.100.7")].compactMap(\.self), allowsPlainHTTP: true)
        if !Self.localNames.contains(url) {
            #expect(throws: TransportError.self) { try other.checkURL(url) }
        }
    }

    @Test("refuses names of private networks until some range is opened", arguments: Self.localNames)
    func refusesLocalNames(url: String) throws {
        #expect(throws: TransportError.blockedAddress("the host is a name of a private network")) {
            try EgressPolicy.checkURL(url)
        }
        try EgressPolicy(allowing: [CIDR("10.0.0.0/8")].compactMap(\.self)).checkURL(url)
    }

    @Test(
        "keeps good URLs, in canonical form",
        arguments: [
            ("https://example.com", "https://example.com/"),
            ("https://example.com/", "https://example.com/"),
            ("HTTPS://example.com/a", "https://example.com/a"),
            ("https://example.com:443/a?b=c", "https://example.com/a?b=c"),
            ("https://example.com:8443/a%20b", "https://example.com:8443/a%20b"),
            ("https://example.com./a", "https://example.com/a"),
            ("https://xn--bcher-kva.example/hook", "https://xn--bcher-kva.example/hook"),
            ("https://a_b.example-host.co/x;y=1", "https://a_b.example-host.co/x;y=1"),
            ("https://8.8.8.8/hook", "https://8.8.8.8/hook"),
            ("https://134744072/hook", "https://8.8.8.8/hook"),
            ("https://[2606:4700:4700::1111]/", "https://[2606:4700:4700::1111]/"),
            (
                "https://hooks.example.com/services/T0/B0/x?token=a@b:c",
                "https://hooks.example.com/services/T0/B0/x?token=a@b:c"
            ),
            ("https://example.com/a/../b", "https://example.com/a/../b"),
        ])
    func keeps(url: String, canonical: String) throws {
        #expect(try EgressPolicy.checkURL(url) == canonical)
        // What was stored passes again and does not change.
        #expect(try EgressPolicy.checkURL(canonical) == canonical)
    }

    @Test("allows plain HTTP by the operator's choice, and by default where a range is open")
    func plainHTTP() throws {
        #expect(throws: TransportError.invalidURL("the scheme must be https")) {
            try EgressPolicy.checkURL("http://example.com/")
        }
        try EgressPolicy(allowsPlainHTTP: true).checkURL("http://example.com/")
        let range = try #require(CIDR("127.0.0.0/8"))
        try EgressPolicy(allowing: [range]).checkURL("http://127.0.0.1:8080/hook")
        #expect(throws: TransportError.self) {
            try EgressPolicy(allowing: [range], allowsPlainHTTP: false).checkURL("http://127.0.0.1:8080/hook")
        }
    }

    @Test("bounds the length of URL and host")
    func lengths() throws {
        let host = "https://example.com/"
        try EgressPolicy.checkURL(host + String(repeating: "a", count: 2048 - host.utf8.count))
        #expect(throws: TransportError.invalidURL("longer than 2,048 bytes")) {
            try EgressPolicy.checkURL(host + String(repeating: "a", count: 2049 - host.utf8.count))
        }
        let label = String(repeating: "a", count: 63)
        try EgressPolicy.checkURL("https://\(label).com/")
        #expect(throws: TransportError.self) { try EgressPolicy.checkURL("https://\(label)a.com/") }
        #expect(throws: TransportError.self) {
            try EgressPolicy.checkURL("https://\([label, label, label, label, "com"].joined(separator: "."))/")
        }
    }

    static let localNames: [String] = [
        "https://localhost/", "https://LOCALHOST/", "https://localhost./", "https://localhost:8443/",
        "https://a.localhost/", "https://%6c%6f%63%61%6c%68%6f%73%74/", "https://printer.local/",
        "https://metadata.google.internal/", "https://vault.internal./", "https://router.home.arpa/",
        "https://intranet/",
        "https://db:8080/",
    ]

    static let hostile: [String] =
        localNames + [
            // Loopback and friends in every spelling.
            "https://127.0.0.1/", "https://127.0.0.1./", "https://127.1/", "https://127.0.1/", "https://0/",
            "https://0.0.0.0/", "https://2130706433/", "https://0x7f000001/",
            "https://0x7f.0.0.1/", "https://0177.0.0.1/", "https://017700000001/", "https://%31%32%37.0.0.1/",
            "https://127.0.0.1%2f@example.com/", "https://[::1]/", "https://[::]/", "https://[0:0:0:0:0:0:0:1]/",
            "https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/", "https://[::127.0.0.1]/",
            "https://[64:ff9b::7f00:1]/", "https://[2002:7f00:1::]/", "https://[fe80::1]/", "https://[fe80::1%25eth0]/",
            "https://[fc00::1]/", "https://[fd00:ec2::254]/", "https://[ff02::1]/", "https://[::1", "https://[]/",
            "https://[127.0.0.1]/",
            // Clouds' metadata services.
            "https://169.254.169.254/latest/meta-data/", "https://2852039166/", "https://0xa9fea9fe/",
            "https://169.254.170.2/", "https://100.100.100.200/", "https://192.0.0.192/", "https://168.63.129.16/",
            // Private networks.
            "https://10.0.0.1/", "https://172.16.0.1/", "https://172.31.255.255/", "https://192.168.1.1/",
            "https://100.64.0.1/", "https://198.18.0.1/", "https://224.0.0.1/", "https://255.255.255.255/",
            // Neither a name nor an address.
            "https://256.256.256.256/", "https://4294967296/", "https://1.2.3.4.5/", "https://example.1/",
            "https://example.0x7f/", "https://a..example.com/", "https://.example.com/", "https://example.com../",
            "https://exa*mple.com/", "https://exa%00mple.com/", "https://exa%20mple.com/", "https://exa%2fmple.com/",
            "https://ex\u{200b}ample.com/", "https://\u{ff11}\u{ff12}\u{ff17}.0.0.1/",
            "https://127\u{3002}0\u{3002}0\u{3002}1/",
            "https://bücher.example/", "https:///", "https://", "https://:443/", "https://?", "https://#",
            // Tricks with the authority.
            "https://user@example.com/", "https://user:pass@example.com/", "https://@example.com/",
            "https://example.com@127.0.0.1/", "https://127.0.0.1@example.com/", "https://example.com\\@127.0.0.1/",
            "https://example.com#@127.0.0.1/", "https://127.0.0.1#@example.com/", "https://127.0.0.1?@example.com/",
            "https:\\\\example.com/", "https:/example.com/", "https:example.com/", "https:///example.com/",
            "https:////example.com/", "//example.com/", "example.com", "",
            // Blanks and control characters.
            " https://example.com/", "https://example.com/ ", "https://exam ple.com/", "https://example.com/\r\nX: y",
            "https://example.com/\u{0}", "https://example.com/\t", "https://example.com\n.evil.com/",
            "https://example.com/\u{7f}",
            // Schemes.
            "http://127.0.0.1/", "ftp://example.com/", "file:///etc/passwd", "gopher://example.com/",
            "dict://example.com/",
            "ws://example.com/", "wss://example.com/", "javascript:alert(1)", "data:text/plain,x", "unix:///run/x.sock",
            "https+unix://x/", "ldap://example.com/",
            // Ports.
            "https://example.com:0/", "https://example.com:22/", "https://example.com:25/", "https://example.com:2375/",
            "https://example.com:5432/", "https://example.com:6379/", "https://example.com:65536/",
            "https://example.com:-1/", "https://example.com:80a/", "https://example.com:99999999999/",
            "https://example.com:11211/",
            // A fragment is never sent, so it has no business in a webhook's URL.
            "https://example.com/#part",
        ]
}
