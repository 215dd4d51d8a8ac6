import HTTPClient
import HTTPTypes
import Testing

@testable import API

struct ClientAddressTests {
    @Test(
        "only trusted proxies are believed about the client's address",
        arguments: [
            // peer, X-Forwarded-For fields, client
            ("192.0.2.9", ["203.0.113.7"], "192.0.2.9"),
            ("10.0.0.1", [], "10.0.0.1"),
            ("10.0.0.1", ["203.0.113.7"], "203.0.113.7"),
            ("10.0.0.1", ["198.51.100.1, 203.0.113.7"], "203.0.113.7"),
            ("10.0.0.1", ["198.51.100.1", "203.0.113.7, 10.0.0.2"], "203.0.113.7"),
            ("10.0.0.1", ["10.0.0.3,10.0.0.2"], "10.0.0.3"),
            ("10.0.0.1", ["203.0.113.7, unknown, 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", ["203.0.113.7,"], "10.0.0.1"),
            ("10.0.0.1", ["203.0.113.7:4711"], "203.0.113.7"),
            ("10.0.0.1", ["[2001:db8::7]:4711"], "2001:db8::7"),
            ("10.0.0.1", ["2001:db8::7"], "2001:db8::7"),
            ("10.0.0.1", ["[2001:db8::7"], "10.0.0.1"),
            ("::ffff:10.0.0.1", ["203.0.113.7"], "203.0.113.7"),
            ("fd00::1", ["203.0.113.7"], "203.0.113.7"),
        ])
    func forwarded(peer: String, fields: [String], client: String) throws {
        let address = ClientAddress(trustedProxies: ["10.0.0.0/8", "fd00::1"].compactMap { CIDR($0) })
        var headers = HTTPFields()
        for field in fields { headers.append(HTTPField(name: try #require(.init("X-Forwarded-For")), value: field)) }
        #expect(address.client(peer: peer, headers: headers) == client)
        #expect(ClientAddress(trustedProxies: []).client(peer: peer, headers: headers) == peer)
    }

    @Test("a peer without an address has none")
    func unnamed() {
        #expect(ClientAddress(trustedProxies: []).client(peer: nil, headers: [:]) == nil)
    }
}
