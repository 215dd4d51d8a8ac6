import Domain
import Foundation
import HTTPClient
import TestSupport

/// One of the devnet's receivers as a process of its own: they verify with the packages that real receivers use.
final class Receiver: Sendable {
    /// Where the devnet's Python environment is; nil until `Tools/devnet/setup` has made it.
    static let interpreter: String? = {
        let directory = ProcessInfo.processInfo.environment["DEVNET_VENV"] ?? "\(devnet)/.venv"
        let path = "\(directory)/bin/python"
        return FileManager.default.isExecutableFile(atPath: path) ? path : nil
    }()

    private static let devnet = URL(filePath: #filePath).pathComponents.dropLast(4)
        .reduce(into: URL(filePath: "/")) { $0.append(path: $1) }.appending(path: "Tools/devnet").path

    /// What the receiver said when it was ready.
    let ready: JSON
    private let process: Process
    private let transport = CurlTransport(policy: EgressPolicy(allowing: [CIDR("127.0.0.0/8")!]))

    /// Starts `program` on a free port and waits until it is ready.
    init(_ program: String, _ options: String...) async throws {
        guard let interpreter = Self.interpreter else { throw CocoaError(.fileNoSuchFile) }
        let process = Process()
        process.executableURL = URL(filePath: interpreter)
        process.arguments = ["\(Self.devnet)/receivers/\(program).py", "--port", "0"] + options
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        self.process = process
        let handle = output.fileHandleForReading
        let line = AsyncStream<[UInt8]> { continuation in
            Thread.detachNewThread {
                var line: [UInt8] = []
                while let byte = handle.readData(ofLength: 1).first, byte != UInt8(ascii: "\n") { line.append(byte) }
                continuation.yield(line)
                continuation.finish()
            }
        }
        ready = try JSON(parsing: try await line.first(within: .seconds(60)))
    }

    /// Ends the process.
    func stop() async {
        // A child inherits the blocked signals of the thread that starts it, so asking it to end may go unheard.
        kill(process.processIdentifier, SIGKILL)
        await transport.shutdown()
    }

    /// A URL of the receiver's, as it named it.
    subscript(name: String) -> String { ready[name]?.string ?? "" }

    /// What it received, once that is `count` messages.
    func ledger(_ count: Int) async throws -> [JSON] {
        let answer = try await ask("GET", "/ledger?after=0&wait=20&least=\(count)")
        guard case .array(let entries) = answer else { return [] }
        return entries
    }

    /// Lets time pass on the receiver's clock.
    func pass(seconds: Int) async throws { _ = try await ask("GET", "/ledger?after=1000000&wait=\(seconds)") }

    /// Scripts its answers.
    func behave(_ script: String) async throws { _ = try await ask("POST", "/behave", script) }

    /// The methods of the MCP server's requests so far.
    func methods() async throws -> [String] {
        guard case .array(let requests) = try await ask("GET", "/requests") else { return [] }
        return requests.map { $0["method"]?.string ?? $0["http_method"]?.string ?? "" }
    }

    private func ask(_ method: String, _ path: String, _ body: String = "") async throws -> JSON {
        let response = try await transport.send(
            OutboundRequest(
                method: method, url: self["url"] + path, headers: ["Content-Type": "application/json"],
                body: Array(body.utf8), deadline: .seconds(30), maximumBodyBytes: 64 << 20, guarded: false))
        return try JSON(parsing: response.body)
    }
}
