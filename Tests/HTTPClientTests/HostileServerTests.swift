import Foundation
import HTTPClient
import TestSupport
import Testing

/// Servers that do what they must not.
@Suite struct HostileServerTests {
    let transport = CurlTransport()

    @Test("ends the exchange at its deadline however slowly the body drips")
    func drip() async throws {
        let server = try TestServer { _, writer in
            writer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
            while writer.send("x"), !writer.isClosed(within: 20) {}
            return .close
        }
        defer { server.stop() }
        let clock = ContinuousClock()
        let start = clock.now
        let deadline = Duration.milliseconds(400)
        #expect(await failure(transport, request(server.url(), deadline: deadline)) == .timedOut(after: deadline))
        let took = start.duration(to: clock.now)
        #expect(took >= deadline && took < .seconds(60))
    }

    @Test("ends the exchange at its deadline when no answer comes, or half a header")
    func silence() async throws {
        let server = try TestServer { request, writer in
            if request.target == "/half" { writer.send("HTTP/1.1 200 OK\r\nX-Half") }
            _ = writer.isClosed()
            return .close
        }
        defer { server.stop() }
        let deadline = Duration.milliseconds(300)
        for path in ["/", "/half"] {
            #expect(
                await failure(transport, request(server.url(path), deadline: deadline)) == .timedOut(after: deadline))
        }
    }

    @Test("counts a handshake that never ends as connecting")
    func stalledHandshake() async throws {
        let listener = try SilentListener()
        var stalled = request("https://127.0.0.1:\(listener.port)/")
        stalled.connectDeadline = .milliseconds(300)
        #expect(await failure(transport, stalled) == .timedOutConnecting)
    }

    @Test("gives up on a header that does not end", arguments: ["/lines", "/line", "/interim", "/trailers", "/many"])
    func endlessHeader(path: String) async throws {
        let server = try TestServer { request, writer in
            let chunk = String(repeating: "a", count: 1000)
            switch request.target {
            case "/lines":
                writer.send("HTTP/1.1 200 OK\r\n")
                while writer.send("X-\(chunk): \(chunk)\r\n") {}
            case "/line":
                writer.send("HTTP/1.1 200 OK\r\nX: ")
                while writer.send(chunk) {}
            case "/interim":
                while writer.send("HTTP/1.1 103 Early\r\nX: \(chunk)\r\n\r\n") {}
            case "/many":
                writer.send("HTTP/1.1 200 OK\r\n")
                while writer.send("X: y\r\n") {}
            default:
                writer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n")
                while writer.send("X: \(chunk)\r\n") {}
            }
            return .close
        }
        defer { server.stop() }
        let error = await failure(transport, request(server.url(path)))
        // libcurl itself stops at one line of 100 KiB, and calls that a broken connection.
        #expect(error == .headersTooLarge || path == "/line" && error == .receive, "\(String(describing: error))")
    }

    @Test("stops reading at the cap, told or not how long the body is", arguments: ["/chunked", "/length", "/close"])
    func bodyBomb(path: String) async throws {
        let server = try TestServer { request, writer in
            let chunk = String(repeating: "z", count: 0x4000)
            switch request.target {
            case "/chunked":
                writer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                while writer.send("4000\r\n\(chunk)\r\n") {}
            case "/length":
                writer.send("HTTP/1.1 200 OK\r\nContent-Length: 9000000000000\r\n\r\n")
                while writer.send(chunk) {}
            default:
                writer.send("HTTP/1.1 200 OK\r\n\r\n")
                while writer.send(chunk) {}
            }
            return .close
        }
        defer { server.stop() }
        #expect(await failure(transport, request(server.url(path), maximumBodyBytes: 20_000)) == .bodyTooLarge)
        let cut = try await transport.send(
            request(server.url(path), maximumBodyBytes: 20_000, bodyOverflow: .truncate))
        #expect(cut.status == 200)
        #expect(cut.isBodyTruncated)
        #expect(cut.body == [UInt8](repeating: UInt8(ascii: "z"), count: 20_000))
        // A body of exactly the cap is whole.
        let exact = try TestServer { _, writer in
            writer.answer(200, [UInt8](repeating: 1, count: 20_000))
            return .keep
        }
        defer { exact.stop() }
        let whole = try await transport.send(
            request(exact.url(), maximumBodyBytes: 20_000, bodyOverflow: .truncate))
        #expect(whole.body.count == 20_000 && !whole.isBodyTruncated)
    }

    @Test("counts a compressed body after decompression, and does not unpack unasked")
    func gzipBomb() async throws {
        let bomb = try gzip([UInt8](repeating: 0, count: 20 << 20))
        #expect(bomb.count < 64 * 1024)
        let server = try TestServer { request, writer in
            writer.answer(200, bomb, headers: [("Content-Encoding", "gzip")])
            return .keep
        }
        defer { server.stop() }
        #expect(await failure(transport, request(server.url(), acceptsCompression: true)) == .bodyTooLarge)
        let cut = try await transport.send(
            request(server.url(), bodyOverflow: .truncate, acceptsCompression: true))
        #expect(cut.body == [UInt8](repeating: 0, count: 64 * 1024))
        let packed = try await transport.send(request(server.url()))
        #expect(packed.body == bomb)
        #expect(server.requests.last?.headers["accept-encoding"] == nil)
        let whole = try await transport.send(
            request(server.url(), maximumBodyBytes: 20 << 20, acceptsCompression: true))
        #expect(whole.body.count == 20 << 20)
        #expect(server.requests.last?.headers["accept-encoding"] == "gzip")
    }

    @Test(
        "tells a broken connection from a broken answer",
        arguments: [
            ("/nothing", .receive), ("/reset", .receive), ("/short", .receive), ("/chunk", .receive),
            ("/garbage", .protocolViolation), ("/badchunk", .receive), ("/badgzip", .protocolViolation),
        ] as [(String, TransportError)])
    func broken(path: String, expected: TransportError) async throws {
        let server = try TestServer { request, writer in
            switch request.target {
            case "/reset": return .reset
            case "/short": writer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
            case "/chunk": writer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nabc")
            case "/garbage": writer.send("SSH-2.0-OpenSSH_9.2\r\nand so on and so forth\r\n")
            case "/badchunk": writer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n")
            case "/badgzip": writer.answer(200, "no gzip at all", headers: [("Content-Encoding", "gzip")])
            default: break
            }
            return .close
        }
        defer { server.stop() }
        #expect(await failure(transport, request(server.url(path), acceptsCompression: true)) == expected)
        // Whatever happened, the next exchange is not touched by it.
        let next = try TestServer { _, writer in
            writer.answer(204)
            return .keep
        }
        defer { next.stop() }
        #expect(try await transport.send(request(next.url())).status == 204)
    }
}

/// Takes connections and never says a word.
final class SilentListener: Sendable {
    let port: UInt16
    private let descriptor: Int32

    init() throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        self.descriptor = descriptor
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr = in_addr(s_addr: UInt32(0x7f00_0001).bigEndian)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, size) == 0 && listen(descriptor, 16) == 0
                    && getsockname(descriptor, $0, &size) == 0
            }
        }
        guard isBound else { throw CocoaError(.fileReadUnknown) }
        port = UInt16(bigEndian: address.sin_port)
    }

    deinit { close(descriptor) }
}

/// `bytes` packed by the system's `gzip`.
func gzip(_ bytes: [UInt8]) throws -> [UInt8] {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["gzip", "-9", "-c"]
    let input = Pipe()
    let output = Pipe()
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    Thread.detachNewThread {
        try? input.fileHandleForWriting.write(contentsOf: Data(bytes))
        try? input.fileHandleForWriting.close()
    }
    return Array(try output.fileHandleForReading.readToEnd() ?? Data())
}
