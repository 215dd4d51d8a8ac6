import HTTPClient
import TestSupport
import Testing

/// The guard where it counts: at the socket.
@Suite struct GuardTests {
    /// A policy that opens an unrelated range, so that local names and plain HTTP pass the text's check.
    private func policy(_ range: String) throws -> EgressPolicy {
        EgressPolicy(allowing: [try #require(CIDR(range))])
    }

    private func guarded(_ url: String) -> OutboundRequest {
        var asked = request(url)
        asked.guarded = true
        return asked
    }

    @Test("refuses the address that a name resolves to, without a connection")
    func resolvedAddress() async throws {
        let server = try TestServer { _, writer in
            writer.answer()
            return .keep
        }
        defer { server.stop() }
        let transport = CurlTransport(policy: try policy("198.51.100.7"))
        let asked = guarded("http://localhost:\(server.port)/")
        #expect(await failure(transport, asked) == .blockedAddress("loopback"))
        #expect(await failure(transport, guarded("http://127.0.0.1:\(server.port)/")) == .blockedAddress("loopback"))
        #expect(server.connections == 0)
    }

    @Test("dials what the operator opened")
    func opened() async throws {
        let server = try TestServer { _, writer in
            writer.answer(200, "in")
            return .keep
        }
        defer { server.stop() }
        let transport = CurlTransport(policy: try policy("127.0.0.0/8"))
        #expect(try await transport.send(guarded(server.url())).body == Array("in".utf8))
    }

    @Test("refuses a connection that an unguarded request left open")
    func reusedConnection() async throws {
        let server = try TestServer { _, writer in
            writer.answer(200, "in")
            return .keep
        }
        defer { server.stop() }
        let transport = CurlTransport(policy: try policy("198.51.100.7"))
        let url = "http://localhost:\(server.port)/"
        #expect(try await transport.send(request(url)).status == 200)
        #expect(await failure(transport, guarded(url)) == .blockedAddress("loopback"))
        #expect(server.requests.count == 1)
    }

    @Test("applies the rules for saved URLs again when sending")
    func rulesAgain() async throws {
        let transport = CurlTransport()
        #expect(await failure(transport, guarded("http://example.com/")) == .invalidURL("the scheme must be https"))
        #expect(await failure(transport, guarded("https://127.0.0.1/")) == .blockedAddress("loopback"))
        #expect(
            await failure(transport, guarded("https://example.com:22/")) == .blockedAddress("port below 1024"))
    }

    @Test("does not follow a redirect to a refused address")
    func redirect() async throws {
        let inner = try TestServer { _, writer in
            writer.answer(200, "secret")
            return .keep
        }
        defer { inner.stop() }
        let server = try TestServer { _, writer in
            writer.answer(302, [], headers: [("Location", inner.url())])
            return .keep
        }
        defer { server.stop() }
        let transport = CurlTransport(policy: try policy("127.0.0.0/8"))
        let response = try await transport.send(guarded(server.url()))
        #expect(response.status == 302)
        #expect(inner.connections == 0)
    }
}
