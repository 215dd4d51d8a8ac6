import API
import Foundation
import ServiceLifecycle
import Synchronization
import TestSupport
import Testing

/// Bytes on a socket, for what no HTTP client sends.
///
/// Its calls block, so they run on a queue of their own: the server under test needs the shared threads.
private final class RawConnection: Sendable {
    private let socket: Int32
    private let queue = DispatchQueue(label: "tests.raw")

    init(port: Int) throws {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr = in_addr(s_addr: UInt32(0x7f00_0001).bigEndian)
        var limit = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let code = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard code == 0 else {
            close(socket)
            throw POSIXError(.ECONNREFUSED)
        }
    }

    deinit { close(socket) }

    func send(_ text: String) async {
        await withCheckedContinuation { continuation in
            queue.async { [socket] in
                var rest = Array(text.utf8)[...]
                while !rest.isEmpty {
                    let count = rest.withUnsafeBytes {
                        Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                    }
                    guard count > 0 else { break }
                    rest = rest.dropFirst(count)
                }
                continuation.resume()
            }
        }
    }

    /// What arrives until it holds `end`, the other side closes, or a minute passes in silence.
    func receive(until end: String) async -> String {
        await withCheckedContinuation { continuation in
            queue.async { [socket] in
                var text: [UInt8] = []
                var buffer = [UInt8](repeating: 0, count: 65536)
                while !String(decoding: text, as: UTF8.self).contains(end) {
                    let count = recv(socket, &buffer, buffer.count, 0)
                    guard count > 0 else { break }
                    text.append(contentsOf: buffer[..<count])
                }
                continuation.resume(returning: String(decoding: text, as: UTF8.self))
            }
        }
    }
}

@Suite("Raw HTTP", .freshDatabase)
struct RawHTTPTests {
    @Test("a chunked body without an announced length is limited too")
    func chunked() async throws {
        try await RunningAPI.run { api in
            let connection = try RawConnection(port: api.port)
            await connection.send(
                """
                POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r
                Transfer-Encoding: chunked\r\n\r\n
                """)
            for _ in 0..<17 { await connection.send("10000\r\n\(String(repeating: " ", count: 65536))\r\n") }
            await connection.send("0\r\n\r\n")
            let answer = await connection.receive(until: "request_id")
            #expect(answer.hasPrefix("HTTP/1.1 413"))
            #expect(answer.contains("PAYLOAD_TOO_LARGE"))
        }
    }

    private static let smugglingCases: [String] = [
        "POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
        "POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: +4\r\n\r\nabcd",
        "GET /health HTTP/1.1\r\nHost : a\r\n\r\n",
        "\u{16}\u{3}\u{1}",
    ]

    @Test("requests with two lengths, or none that can be told, end the connection")
    func smuggling() async throws {
        try await RunningAPI.run { api in
            for request in Self.smugglingCases {
                let connection = try RawConnection(port: api.port)
                await connection.send(request + "GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
                let answer = await connection.receive(until: "no such text, so read to the end")
                #expect(answer.hasPrefix("HTTP/1.1 400"))
                #expect(!answer.contains("healthy"))
            }
        }
    }

    @Test("a shutdown finishes the request that is under way and closes the port")
    func shutdown() async throws {
        let arrived = Signal()
        let release = Signal()
        let check = ReadinessCheckProbe(arrived: arrived, release: release)
        let service = try RunningAPI.service(readiness: [check.check])
        let group = ServiceGroup(services: [service], logger: .silent)
        let running = Task { try await group.run() }
        let port = try await within(.seconds(20)) { try await service.port }
        let connection = try RawConnection(port: port)
        await connection.send("GET /ready HTTP/1.1\r\nHost: a\r\n\r\n")
        try await within(.seconds(20)) { try await arrived.wait() }
        await group.triggerGracefulShutdown()
        release.fire()
        let answer = await connection.receive(until: "checks")
        #expect(answer.hasPrefix("HTTP/1.1 200"))
        try await within(.seconds(20)) { try await running.value }
        #expect(throws: POSIXError.self) { _ = try RawConnection(port: port) }
    }
}
