import Foundation
import NIOCore
import NIOWebSocket
import Synchronization
import TestSupport
import Testing

@testable import HTTPClient

@Suite("WebSockets")
struct SocketTests {
    /// Messages as they arrive, and a signal for each.
    final class Inbox: Sendable {
        private let messages = Mutex<[String]>([])
        let arrived = Signal()
        var all: [String] { messages.withLock { $0 } }
        func take(_ bytes: [UInt8]) {
            messages.withLock { $0.append(String(decoding: bytes, as: UTF8.self)) }
            arrived.fire()
        }
    }

    /// Listens until the socket ends, and answers why it did.
    static func ending(
        _ request: SocketRequest, _ transport: NIOSocketTransport = NIOSocketTransport(), _ inbox: Inbox = Inbox()
    ) async throws -> TransportError? {
        try await within(.seconds(30)) {
            do {
                try await transport.listen(request) { inbox.take($0) }
                return nil
            } catch let error as TransportError {
                return error
            }
        }
    }

    @Test("greets, hands over messages in order, and says that the server closed")
    func messages() async throws {
        let server = try await SocketServer { peer in
            var greeting: [String] = []
            for await frame in peer.frames {
                guard frame.opcode == .text else { break }
                greeting.append(String(buffer: frame.unmaskedData))
                if greeting.count == 2 { break }
            }
            await peer.text("\(peer.path) \(greeting)")
            await peer.frame(2, Array("two".utf8))
            await peer.end()
        }
        let inbox = Inbox()
        let request = SocketRequest(url: server.url("/a?b=c"), headers: ["X-Key": "k"], greeting: ["one", "two"])
        #expect(try await Self.ending(request, inbox: inbox) == .receive)
        #expect(inbox.all == [#"/a?b=c ["one", "two"]"#, "two"])
        await server.stop()
    }

    static func ending(_ request: SocketRequest, inbox: Inbox) async throws -> TransportError? {
        try await ending(request, NIOSocketTransport(), inbox)
    }

    @Test("sends the headers of the request, and names host and port")
    func headers() async throws {
        let server = try await SocketServer { peer in
            let found = Dictionary(peer.headers.map { ($0.0.lowercased(), $0.1) }, uniquingKeysWith: { $1 })
            await peer.greeted()
            await peer.text("\(found["authorization"] ?? "-") \(found["host"] ?? "-")")
            await peer.end()
        }
        let inbox = Inbox()
        let request = SocketRequest(url: server.url(), headers: ["Authorization": "Basic x"], greeting: ["go"])
        #expect(try await Self.ending(request, inbox: inbox) == .receive)
        #expect(inbox.all == ["Basic x 127.0.0.1:\(server.port)"])
        await server.stop()
    }

    @Test("puts fragments together, with control frames between them")
    func fragments() async throws {
        let server = try await SocketServer { peer in
            await peer.greeted()
            await peer.frame(1, Array("one ".utf8), fin: false)
            await peer.frame(9, Array("ping".utf8))
            await peer.frame(0, Array("message ".utf8), fin: false)
            await peer.frame(10, [])
            await peer.frame(0, Array("only".utf8))
            for await frame in peer.frames where frame.opcode == .pong {
                await peer.text("pong: " + String(buffer: frame.unmaskedData))
                break
            }
            await peer.end()
        }
        let inbox = Inbox()
        let request = SocketRequest(url: server.url(), greeting: ["go"])
        #expect(try await Self.ending(request, inbox: inbox) == .receive)
        #expect(inbox.all == ["one message only", "pong: ping"])
        await server.stop()
    }

    @Test("masks what it sends, with another mask each time")
    func masks() async throws {
        let masks = Mutex<[WebSocketMaskingKey?]>([])
        let server = try await SocketServer { peer in
            for await frame in peer.frames.prefix(2) { masks.withLock { $0.append(frame.maskKey) } }
            await peer.close()
        }
        _ = try await Self.ending(SocketRequest(url: server.url(), greeting: ["a", "b"]))
        let found = masks.withLock { $0 }
        #expect(found.count == 2 && found[0] != nil && found[0] != found[1])
        await server.stop()
    }

    static let cap = 1000

    @Test(
        "ends a socket whose server breaks the rules",
        arguments: [
            // A frame that is too long, told in 16 and in 64 bits, and with the sign bit.
            ([0x81, 126, 0x10, 0x00], .bodyTooLarge), ([0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0], .bodyTooLarge),
            ([0x81, 127, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], .bodyTooLarge),
            // Masked, reserved opcodes, reserved bits.
            (SocketServer.Peer.bytes(1, [65], mask: true), .protocolViolation),
            (SocketServer.Peer.bytes(3, [65]), .protocolViolation),
            (SocketServer.Peer.bytes(11, []), .protocolViolation), ([0xc1, 1, 65], .protocolViolation),
            // A control frame in fragments, or too long for one.
            (SocketServer.Peer.bytes(9, [65], fin: false), .protocolViolation),
            (SocketServer.Peer.bytes(9, Array(repeating: 65, count: 126)), .protocolViolation),
            // A continuation of nothing, and a message within a message.
            (SocketServer.Peer.bytes(0, [65]), .protocolViolation),
            (
                SocketServer.Peer.bytes(1, [65], fin: false) + SocketServer.Peer.bytes(1, [65]), .protocolViolation
            ),
            // Fragments that are fine one by one and too long together, and too many of them.
            (
                SocketServer.Peer.bytes(1, Array(repeating: 65, count: 900), fin: false)
                    + SocketServer.Peer.bytes(0, Array(repeating: 65, count: 900)), .bodyTooLarge
            ),
            (
                SocketServer.Peer.bytes(1, [], fin: false)
                    + (0..<1000).flatMap { _ in SocketServer.Peer.bytes(0, [], fin: false) }, .bodyTooLarge
            ),
            // The end of the connection within a frame.
            ([0x81, 100, 65], .receive),
        ] as [([UInt8], TransportError)])
    func violations(bytes: [UInt8], error: TransportError) async throws {
        let isCut = error == .receive
        let server = try await SocketServer { peer in
            await peer.write(bytes)
            if isCut { return await peer.close() }
            // The client ends it.
            for await _ in peer.frames {}
        }
        let found = try await Self.ending(SocketRequest(url: server.url(), maximumMessageBytes: Self.cap))
        #expect(found == error)
        await server.stop()
    }

    @Test("takes a message of exactly the cap, whole or in fragments")
    func cap() async throws {
        let server = try await SocketServer { peer in
            await peer.greeted()
            await peer.frame(1, Array(repeating: 65, count: Self.cap))
            await peer.frame(1, Array(repeating: 66, count: 600), fin: false)
            await peer.frame(0, Array(repeating: 66, count: 400))
            await peer.end()
        }
        let inbox = Inbox()
        let error = try await Self.ending(
            SocketRequest(url: server.url(), greeting: ["go"], maximumMessageBytes: Self.cap), inbox: inbox)
        #expect(error == .receive)
        #expect(inbox.all.map(\.count) == [Self.cap, Self.cap])
        await server.stop()
    }

    @Test("random bytes end the socket, and nothing else")
    func noise() async throws {
        var random = SeededGenerator.printed()
        for _ in 0..<30 {
            let bytes = (0..<Int.random(in: 1...300, using: &random)).map { _ in
                UInt8.random(in: .min ... .max, using: &random)
            }
            let server = try await SocketServer { peer in
                await peer.write(bytes)
                await peer.close()
            }
            let error = try await Self.ending(SocketRequest(url: server.url(), maximumMessageBytes: Self.cap))
            #expect([.receive, .protocolViolation, .bodyTooLarge].contains(error), "\(String(describing: error))")
            await server.stop()
        }
    }

    @Test("a server that says nothing is pinged, and left when it does not answer")
    func silence() async throws {
        let pinged = Signal()
        let server = try await SocketServer { peer in
            // The frames are read, but nothing in this server answers pings by itself.
            for await frame in peer.frames where frame.opcode == .ping { pinged.fire() }
        }
        let error = try await Self.ending(SocketRequest(url: server.url(), pingInterval: .milliseconds(50)))
        guard case .timedOut = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        try await within(.seconds(10)) { try await pinged.wait() }
        await server.stop()
    }

    @Test("whoever is heard of between two ticks is kept, and whoever does not answer a ping is not")
    func pulse() {
        var pulse = SocketPulse()
        func ticks(_ heard: [Bool]) -> [SocketPulse.Action] {
            heard.map { isHeard in
                if isHeard { pulse.heard() }
                return pulse.tick()
            }
        }
        #expect(ticks([false, true, false, true, false, true]) == [.wait, .wait, .ping, .wait, .ping, .wait])
        #expect(ticks([false, false]) == [.ping, .giveUp])
    }

    @Test("an error of the receiver closes the socket and comes out as it is")
    func receiverFails() async throws {
        struct Refused: Error {}
        let gone = Signal()
        let server = try await SocketServer { peer in
            await peer.text("x")
            for await _ in peer.frames {}
            gone.fire()
        }
        let url = server.url()
        await #expect(throws: Refused.self) {
            try await NIOSocketTransport().listen(SocketRequest(url: url)) { _ in throw Refused() }
        }
        try await within(.seconds(10)) { try await gone.wait() }
        await server.stop()
    }

    @Test("cancelling ends it at once, open or still opening")
    func cancel() async throws {
        let (opened, gone) = (Signal(), Signal())
        let server = try await SocketServer { peer in
            opened.fire()
            for await _ in peer.frames {}
            gone.fire()
        }
        let silent = try SilentListener()
        for url in [server.url(), "ws://127.0.0.1:\(silent.port)/"] {
            let task = Task { try await NIOSocketTransport().listen(SocketRequest(url: url)) { _ in } }
            if url == server.url() { try await within(.seconds(10)) { try await opened.wait() } }
            task.cancel()
            try await within(.seconds(5)) {
                await #expect(throws: CancellationError.self) { try await task.value }
            }
        }
        try await within(.seconds(10)) { try await gone.wait() }
        await server.stop()
    }

    @Test("an upgrade that does not come is over at the deadline")
    func stalled() async throws {
        let silent = try SilentListener()
        for scheme in ["ws", "wss"] {
            let request = SocketRequest(
                url: "\(scheme)://127.0.0.1:\(silent.port)/", connectDeadline: .milliseconds(200))
            #expect(try await Self.ending(request) == .timedOutConnecting)
        }
    }

    @Test(
        "an answer that is no upgrade ends it",
        arguments: [
            ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", .protocolViolation),
            ("HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n", .protocolViolation),
            (
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
                .protocolViolation
            ),
            (
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: eA==\r\n\r\n",
                .protocolViolation
            ),
            ("SSH-2.0-OpenSSH_9.2\r\n", .protocolViolation), ("", .receive),
        ] as [(String, TransportError)])
    func refused(answer: String, error: TransportError) async throws {
        let server = try TestServer { _, writer in
            writer.send(answer)
            return .close
        }
        defer { server.stop() }
        let found = try await Self.ending(SocketRequest(url: server.url().replacing("http://", with: "ws://")))
        // NIO calls several of these the same.
        #expect(found == error || found == .protocolViolation || found == .receive, "\(String(describing: found))")
    }

    @Test("a header without end is not read without end")
    func endlessHeader() async throws {
        let server = try TestServer { _, writer in
            writer.send("HTTP/1.1 101 Switching Protocols\r\n")
            while writer.send("X-Pad: \(String(repeating: "a", count: 1000))\r\n") {}
            return .close
        }
        defer { server.stop() }
        let url = server.url().replacing("http://", with: "ws://")
        let error = try await Self.ending(SocketRequest(url: url, connectDeadline: .seconds(25)))
        #expect(error == .protocolViolation || error == .receive, "\(String(describing: error))")
    }

    @Test("a port where nobody listens, and a name that nobody has")
    func unreachable() async throws {
        let server = try await SocketServer { _ in }
        let url = server.url()
        await server.stop()
        #expect(try await Self.ending(SocketRequest(url: url)) == .connect)
        let error = try await Self.ending(SocketRequest(url: "ws://nobody.invalid/"))
        #expect(error == .dns || error == .connect)
    }

    @Test(
        "URLs are taken apart",
        arguments: [
            ("ws://a.example", "a.example", 80, "/", "a.example"),
            ("wss://A.example/x/y?z=1#f", "a.example", 443, "/x/y?z=1", "a.example"),
            ("WSS://a.example:8443?k", "a.example", 8443, "/?k", "a.example:8443"),
            ("ws://[::1]:8546/", "::1", 8546, "/", "[::1]:8546"),
            ("ws://127.0.0.1:80", "127.0.0.1", 80, "/", "127.0.0.1"),
        ] as [(String, String, Int, String, String)])
    func urls(text: String, host: String, port: Int, path: String, authority: String) throws {
        let target = try SocketTarget(text)
        #expect(target.host.lowercased() == host)
        #expect(target.port == port && target.path == path && target.authority.lowercased() == authority)
        #expect((target.tlsName == nil) == (host.contains(":") || host == "127.0.0.1"))
    }

    @Test(
        "URLs that lead nowhere are refused before anything is sent",
        arguments: [
            "http://a", "a", "ws:", "ws://", "wss:///x", "ws://u:p@a/", "ws://a:99999/", "ws://a b/", "ws://ä/",
        ])
    func badURLs(text: String) async throws {
        let error = try await Self.ending(SocketRequest(url: text))
        guard case .invalidURL = error else {
            Issue.record("\(text): \(String(describing: error))")
            return
        }
    }
}

@Suite("WebSockets over TLS", .enabled("needs the openssl command") { await OpenSSL.isThere() })
struct SecureSocketTests {
    @Test("takes a certificate that its authority signed for this address, and no other")
    func certificates() async throws {
        for address in ["127.0.0.1", "127.0.0.2"] {
            let directory = try OpenSSL.directory()
            defer { try? FileManager.default.removeItem(at: directory) }
            // It makes the certificate; the server that it starts is not needed.
            let openssl = try await OpenSSL(directory: directory, address: address)
            openssl.stop()
            let key = directory.appending(path: "key.pem").path()
            let server = try await SocketServer(tls: (openssl.certificate, key)) { peer in
                await peer.greeted()
                await peer.text("hello")
                await peer.end()
            }
            let inbox = SocketTests.Inbox()
            let request = SocketRequest(url: server.url(), greeting: ["go"])
            let trusting = NIOSocketTransport(certificateAuthorities: openssl.certificate)
            let isNamed = address == "127.0.0.1"
            #expect(try await SocketTests.ending(request, trusting, inbox) == (isNamed ? .receive : .tls))
            #expect(inbox.all == (isNamed ? ["hello"] : []))
            #expect(try await SocketTests.ending(request) == .tls)
            await server.stop()
        }
    }
}
