import Foundation
import Testing

@Suite("Commands, as people call them")
struct CommandTests {
    /// Runs `tocsin` to its end.
    private func run(
        _ arguments: String..., environment: [String: String] = [:], input: Data = Data()
    ) async throws -> (status: Int32, output: String, errors: String) {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("tocsin-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let settings = ["TOCSIN_DATA_DIR": folder.path].merging(environment) { _, new in new }
        let process = try ChildProcess([try Stack.binary] + arguments, environment: settings, input: input)
        let status = try await process.exitCode(within: .seconds(120))
        return (status, process.outputText, process.errorText)
    }

    private func fixture(_ name: String) throws -> [String: Any] {
        let file = Stack.root.appendingPathComponent("Tests/Fixtures/\(name).json")
        return try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
    }

    private func lines(_ objects: [Any]) throws -> Data {
        Data(try objects.map { try JSONSerialization.data(withJSONObject: $0) + [UInt8(ascii: "\n")] }.joined())
    }

    private func objects(_ output: String) throws -> [[String: Any]] {
        try output.split(separator: "\n").map { line in
            try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any], "\(line)")
        }
    }

    @Test("decode answers every published vector, the malformed ones included, a line each")
    func decode() async throws {
        let vectors = try #require(try fixture("abi-events")["vectors"] as? [[String: Any]])
        let result = try await run("decode", input: try lines(vectors.compactMap { $0["log"] }))
        #expect(result.status == 0, "\(result.errors)")
        let answers = try objects(result.output)
        try #require(answers.count == vectors.count)
        for (vector, answer) in zip(vectors, answers) {
            let name = "\(vector["name"] ?? "")"
            switch vector["expect"] as? String {
            case "ok":
                let decoded = try #require(vector["decoded"] as? [String: Any])
                #expect(answer["event"] as? String == decoded["event"] as? String, "\(name)")
                #expect(answer["signature"] as? String == decoded["signature"] as? String, "\(name)")
                let expected = try #require(decoded["args"] as? [String: Any])
                #expect((answer["params"] as? [String: Any])?.count == expected.count, "\(name)")
            case "unknown": #expect(answer["unknown"] != nil, "\(name)")
            default: #expect(answer["error"] != nil, "\(name)")
            }
        }
    }

    @Test("decode takes an array as eth_getLogs returns it")
    func decodeArray() async throws {
        let logs = try #require(try fixture("real-logs")["logs"] as? [[String: Any]])
        let array = try JSONSerialization.data(withJSONObject: logs.compactMap { $0["log"] })
        let answers = try objects(try await run("decode", input: array).output)
        #expect(answers.count == logs.count)
        #expect(answers.allSatisfy { $0["event"] != nil })
    }

    @Test("verify-signature agrees with every published vector")
    func verifySignature() async throws {
        let vectors = try #require(try fixture("eip191")["vectors"] as? [[String: Any]])
        let input = try lines(
            vectors.map { vector in
                ["message", "signature", "address"].reduce(into: [String: Any]()) { $0[$1] = vector[$1] }
            })
        let answers = try objects(try await run("verify-signature", input: input).output)
        try #require(answers.count == vectors.count)
        for (vector, answer) in zip(vectors, answers) {
            let isValid = vector["valid"] as? Bool == true && vector["compact"] as? Bool != true
            #expect(answer["valid"] as? Bool == isValid, "\(vector["name"] ?? "")")
        }
    }

    @Test("check names every problem of chains.json at once, by its path")
    func wrongChains() async throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("chains-\(UUID().uuidString).json")
        defer { try? FileManager.default.removeItem(at: file) }
        let text =
            #"{"chains":[{"chain_id":-1,"name":"","rpc_urls":[],"registries":{"identity":{"address":"0x1"}},"x":1}]}"#
        try Data(text.utf8).write(to: file)
        let result = try await run("check", environment: ["CHAINS_FILE": file.path, "SERVER_PORT": "none"])
        #expect(result.status == 78)
        #expect(result.errors.contains("SERVER_PORT: must be"), "\(result.errors)")
        for path in ["chain_id", "name", "rpc_urls", "registries.identity.address", "x"] {
            #expect(result.errors.contains("chains[0].\(path):"), "\(path): \(result.errors)")
        }
    }

    @Test("wrong settings are named at once, with what is allowed")
    func wrongSettings() async throws {
        let result = try await run(
            "check",
            environment: [
                "SERVER_PORT": "99999", "LOG_LEVEL": "loud", "ROLES": "api,cook", "EGRESS_ALLOW": "x",
                "TRUSTED_PROXIES": "proxy", "REDIS_URL": "redis://localhost",
            ])
        #expect(result.status == 78)
        for name in [
            "SERVER_PORT: must be", "LOG_LEVEL: must be", "ROLES: knows no role", "EGRESS_ALLOW: \"x\" is no CIDR",
            "TRUSTED_PROXIES: \"proxy\" is no CIDR", "REDIS_URL: not available",
        ] {
            #expect(result.errors.contains(name), "\(name): \(result.errors)")
        }
    }

    @Test("production demands its secrets instead of making them")
    func production() async throws {
        let result = try await run("serve", environment: ["ENVIRONMENT": "production"])
        #expect(result.status == 78)
        #expect(
            result.errors.contains("JWT_SECRET: must have 32 bytes") && result.errors.contains("TOCSIN_SECRET_KEY:"))
    }

    @Test("an unreachable database is told with its remedy and without the password")
    func unreachableDatabase() async throws {
        let result = try await run(
            "migrate", environment: ["DATABASE_URL": "postgres://tocsin:secret-word@127.0.0.1:1/tocsin"])
        #expect(result.status == 69)
        #expect(result.errors.contains("Check DATABASE_URL"), "\(result.errors)")
        #expect(!result.errors.contains("secret-word"))
    }

    @Test("an unreachable node is told without its key")
    func unreachableNode() async throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("chains-\(UUID().uuidString).json")
        defer { try? FileManager.default.removeItem(at: file) }
        let text = """
            {"chains":[{"chain_id":5,"name":"X","rpc_urls":["http://127.0.0.1:9/secret-word"],"registries":
            {"identity":{"address":"0x8004A818BFB912233c491871b3d84c89A494BD9e","start_block":0}}}]}
            """
        try Data(text.utf8).write(to: file)
        let result = try await run("check", "--online", environment: ["CHAINS_FILE": file.path])
        #expect(result.status == 69)
        #expect(result.output.contains("chain 5: 127.0.0.1: cannot be reached (connect)"), "\(result.output)")
        #expect(result.errors.contains("no endpoint answers; check rpc_urls"), "\(result.errors)")
        #expect(!(result.output + result.errors).contains("secret-word"))
    }
}
