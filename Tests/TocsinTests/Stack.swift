import Foundation

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// The whole system as a user runs it: an EVM node, receivers for the three channels, and `tocsin serve`.
///
/// Everything listens on loopback at ports of its own, keeps its data in a directory of its own and ends with the test.
final class Stack {
    let directory: URL
    let devnet: ChildProcess
    let node: NodeInfo
    let webhook: Receiver
    let telegram: Receiver
    let mcp: Receiver
    private(set) var tocsin: ChildProcess?
    private(set) var token = ""
    let port: Int

    /// What the node says when it is ready.
    struct NodeInfo: Decodable {
        struct Account: Decodable {
            let address: String
        }
        let rpcUrl: String
        let chainId: Int
        let registries: [String: String]
        let accounts: [Account]
    }

    /// A receiver of one channel, and the ledger of what it received.
    struct Receiver {
        let process: ChildProcess
        let url: String

        /// How many entries there are.
        func count() async throws -> Int {
            let (data, _) = try await fetch("GET", "\(url)/count")
            return (try JSONSerialization.jsonObject(with: data) as? [String: Any])?["count"] as? Int ?? 0
        }

        /// The whole ledger once it has `count` entries, or after `limit`, whatever it has then.
        func ledger(reaching count: Int, within limit: Duration = .seconds(60)) async throws -> [[String: Any]] {
            let seconds = limit.components.seconds
            let (data, _) = try await fetch(
                "GET", "\(url)/ledger?after=0&least=\(count)&wait=\(seconds)", timeout: TimeInterval(seconds) + 30)
            return (try JSONSerialization.jsonObject(with: data) as? [[String: Any]]) ?? []
        }
    }

    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    static let tools = root.appendingPathComponent("Tools/devnet")
    static let secret = "whsec_" + Data("0123456789abcdef0123456789abcdef".utf8).base64EncodedString()
    static let botToken = "123456:test-token"

    /// The program under test, built beside the tests.
    static var binary: String {
        get throws {
            var folder = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
                .deletingLastPathComponent()
            for _ in 0..<6 {
                let candidate = folder.appendingPathComponent("tocsin").path
                if FileManager.default.isExecutableFile(atPath: candidate) { return candidate }
                folder.deleteLastPathComponent()
            }
            let built = root.appendingPathComponent(".build/debug/tocsin").path
            guard FileManager.default.isExecutableFile(atPath: built) else {
                throw ChildProcessError.ended("the program tocsin is not built: swift build")
            }
            return built
        }
    }

    /// Runs a Python program of `Tools/devnet` in its environment.
    static func tool(_ arguments: [String]) throws -> ChildProcess {
        let python = tools.appendingPathComponent(".venv/bin/python").path
        return try ChildProcess([python] + arguments, directory: tools)
    }

    init(devnet options: [String] = []) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("tocsin-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        directory = folder
        devnet = try Self.tool(["devnet.py", "--port", "0"] + options)
        let receivers = try ["webhook.py", "telegram.py", "mcp_server.py"].map { name in
            let ledger = folder.appendingPathComponent("\(name).ledger").path
            return try Self.tool(
                ["receivers/\(name)", "--port", "0", "--ledger", ledger]
                    + (name == "webhook.py" ? ["--secret", Self.secret] : [])
                    + (name == "telegram.py" ? ["--token", Self.botToken] : []))
        }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        node = try decoder.decode(NodeInfo.self, from: Data(try await devnet.readyLine().utf8))
        var ready: [Receiver] = []
        for process in receivers {
            let line = try await process.readyLine()
            let url = (try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])?["url"] as? String
            guard let url else { throw ChildProcessError.ended("no url in \(line)") }
            ready.append(Receiver(process: process, url: url))
        }
        (webhook, telegram, mcp) = (ready[0], ready[1], ready[2])
        port = try Self.freePort()
        try writeChains()
    }

    deinit {
        tocsin?.send(SIGTERM)
        try? FileManager.default.removeItem(at: directory)
    }

    /// Starts `tocsin serve` and does not wait.
    @discardableResult
    func start(_ environment: [String: String] = [:]) throws -> ChildProcess {
        let process = try ChildProcess(
            [try Self.binary, "serve"], environment: settings.merging(environment) { _, new in new })
        tocsin = process
        return process
    }

    /// Starts `tocsin serve` and waits until it is ready.
    func serve(_ environment: [String: String] = [:]) async throws {
        let process = try start(environment)
        _ = try await poll(within: .seconds(90), "/ready") {
            guard process.isRunning else { throw ChildProcessError.ended(process.errorText) }
            let answer = try? await fetch("GET", "http://127.0.0.1:\(port)/ready", timeout: 5)
            return answer?.1 == 200 ? true : nil
        }
    }

    /// Ends `tocsin` with `signal` and waits until it is gone; its exit code, or minus the signal.
    func stop(_ signal: Int32 = SIGTERM) async throws -> Int32 {
        guard let tocsin else { return 0 }
        tocsin.send(signal)
        defer { self.tocsin = nil }
        return try await tocsin.exitCode()
    }

    var settings: [String: String] {
        [
            "TOCSIN_DATA_DIR": directory.appendingPathComponent("data").path,
            "CHAINS_FILE": directory.appendingPathComponent("chains.json").path,
            "SERVER_HOST": "127.0.0.1", "SERVER_PORT": "\(port)", "EGRESS_ALLOW": "127.0.0.0/8",
            "TELEGRAM_BOT_TOKEN": Self.botToken, "TELEGRAM_API_URL": telegram.url, "LOG_FORMAT": "json",
        ]
    }

    /// Calls the API with this stack's token.
    @discardableResult
    func api(_ method: String, _ path: String, _ body: [String: Any]? = nil) async throws -> (
        status: Int, body: [String: Any]
    ) {
        let data = try body.map { try JSONSerialization.data(withJSONObject: $0) }
        let (answer, status) = try await fetch(method, "http://127.0.0.1:\(port)\(path)", body: data, token: token)
        return (status, (try? JSONSerialization.jsonObject(with: answer) as? [String: Any]) ?? [:])
    }

    /// Makes an account and calls the API as it from now on.
    func register(_ name: String = "alice") async throws {
        let answer = try await api(
            "POST", "/api/v1/auth/register",
            ["username": name, "email": "\(name)@example.com", "password": "correct horse battery"])
        guard let token = answer.body["token"] as? String else { throw ChildProcessError.ended("\(answer)") }
        self.token = token
    }

    /// Runs `devnetctl` and gives the JSON line that it prints.
    func chain(_ arguments: String...) async throws -> [String: Any] {
        let process = try Self.tool(["devnetctl.py", "--rpc", node.rpcUrl] + arguments)
        let line = try await process.readyLine()
        _ = try await process.exitCode()
        return (try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]) ?? [:]
    }

    private func writeChains() throws {
        let registries = node.registries.mapValues { ["address": $0, "start_block": 0] as [String: Any] }
        let chain: [String: Any] = [
            "chain_id": node.chainId, "name": "Devnet", "enabled": true, "rpc_urls": [node.rpcUrl],
            "poll_interval_ms": 100, "confirmations": 4, "finality": "tags", "registries": registries,
        ]
        let data = try JSONSerialization.data(withJSONObject: ["chains": [chain]])
        try data.write(to: directory.appendingPathComponent("chains.json"))
    }

    private static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(descriptor, pointer, length) == 0 && getsockname(descriptor, pointer, &length) == 0
            }
        }
        guard bound else { throw ChildProcessError.ended("no free port") }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}

/// One HTTP exchange; the body and the status.
func fetch(
    _ method: String, _ url: String, body: Data? = nil, token: String = "", timeout: TimeInterval = 20
) async throws -> (Data, Int) {
    guard let url = URL(string: url) else { throw URLError(.badURL) }
    var request = URLRequest(url: url, timeoutInterval: timeout)
    request.httpMethod = method
    request.httpBody = body
    if body != nil { request.setValue("application/json", forHTTPHeaderField: "Content-Type") }
    if !token.isEmpty { request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization") }
    let (data, response) = try await URLSession.shared.data(for: request)
    return (data, (response as? HTTPURLResponse)?.statusCode ?? 0)
}
