import Foundation
import HTTPClient
import Testing

@Suite(.enabled("needs the openssl command") { await OpenSSL.isThere() })
struct TLSTests {
    @Test("takes a certificate that its authority signed for this address, and no other")
    func certificates() async throws {
        let directory = try OpenSSL.directory()
        defer { try? FileManager.default.removeItem(at: directory) }
        let server = try await OpenSSL(directory: directory, address: "127.0.0.1")
        defer { server.stop() }
        let url = "https://127.0.0.1:\(server.port)/"
        #expect(await failure(CurlTransport(), request(url, method: "GET")) == .tls)
        let trusting = CurlTransport(configuration: .init(certificateAuthorities: server.certificate))
        let response = try await trusting.send(request(url, method: "GET"))
        #expect(response.status == 200)
        #expect(response.timing.tls > .zero)
        // The certificate names the address and not the host.
        #expect(await failure(trusting, request("https://localhost:\(server.port)/", method: "GET")) == .tls)
    }

    @Test("does not speak TLS older than 1.2")
    func oldVersions() async throws {
        let directory = try OpenSSL.directory()
        defer { try? FileManager.default.removeItem(at: directory) }
        let server = try await OpenSSL(
            directory: directory, address: "127.0.0.1", options: ["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"])
        defer { server.stop() }
        let trusting = CurlTransport(configuration: .init(certificateAuthorities: server.certificate))
        #expect(await failure(trusting, request("https://127.0.0.1:\(server.port)/", method: "GET")) == .tls)
    }

    @Test("calls a server without TLS a failed handshake")
    func plainServer() async throws {
        let listener = try TalkativeListener()
        defer { listener.stop() }
        #expect(await failure(CurlTransport(), request("https://127.0.0.1:\(listener.port)/")) == .tls)
    }
}

/// `openssl s_server` with a certificate of its own.
final class OpenSSL {
    static func isThere() async -> Bool { await finish("openssl", ["version"]) == 0 }

    let port: Int
    let certificate: String
    private let process = Process()

    static func directory() throws -> URL {
        let directory = FileManager.default.temporaryDirectory.appending(path: "tocsin-tls-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        return directory
    }

    init(directory: URL, address: String, options: [String] = []) async throws {
        certificate = directory.appending(path: "certificate.pem").path()
        let key = directory.appending(path: "key.pem").path()
        let arguments = [
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
            "-subj",
            "/CN=tocsin test", "-addext", "subjectAltName=IP:\(address)", "-keyout", key, "-out", certificate,
        ]
        guard await finish("openssl", arguments) == 0 else { throw CocoaError(.fileWriteUnknown) }
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments =
            ["openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", certificate, "-key", key, "-www"] + options
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        process.standardInput = FileHandle.nullDevice
        try process.run()
        var text = ""
        // It says "ACCEPT 127.0.0.1:port" once it listens.
        while !text.hasSuffix("\n") || !text.contains("ACCEPT") {
            let data = output.fileHandleForReading.availableData
            guard !data.isEmpty else { throw CocoaError(.fileReadUnknown) }
            text += String(decoding: data, as: UTF8.self)
        }
        let line = text.split(separator: "\n").first { $0.hasPrefix("ACCEPT") }
        guard let port = line?.split(separator: ":").last.flatMap({ Int($0) }) else {
            throw CocoaError(.fileReadUnknown)
        }
        self.port = port
    }

    func stop() {
        // The child inherits a mask that keeps gentler signals away.
        kill(process.processIdentifier, SIGKILL)
    }
}

/// Runs a command to its end and answers its status, -1 where it cannot be run.
func finish(_ command: String, _ arguments: [String]) async -> Int32 {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = [command] + arguments
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    process.standardInput = FileHandle.nullDevice
    // Waiting would block a thread that tasks share.
    return await withCheckedContinuation { continuation in
        process.terminationHandler = { continuation.resume(returning: $0.terminationStatus) }
        do {
            try process.run()
        } catch {
            process.terminationHandler = nil
            continuation.resume(returning: -1)
        }
    }
}

/// Answers every connection with plain text at once, as many old services do.
final class TalkativeListener: Sendable {
    let port: UInt16
    private let descriptor: Int32

    init() throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
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
        self.descriptor = descriptor
        port = UInt16(bigEndian: address.sin_port)
        Thread.detachNewThread {
            while true {
                let socket = accept(descriptor, nil, nil)
                guard socket >= 0 else { break }
                let greeting = Array("220 mail.example ESMTP ready\r\n".utf8)
                _ = Glibc.send(socket, greeting, greeting.count, Int32(MSG_NOSIGNAL))
                shutdown(socket, Int32(SHUT_WR))
                var rest = [UInt8](repeating: 0, count: 4096)
                while recv(socket, &rest, rest.count, 0) > 0 {}
                close(socket)
            }
            close(descriptor)
        }
    }

    func stop() { shutdown(descriptor, Int32(SHUT_RDWR)) }
}
