import API
import Domain
import Foundation
import HTTPClient
import Storage
import TestSupport
import Testing

@Suite("The HTTP contract", .freshDatabase)
struct ContractTests {
    /// Checks that `answer` has the one error shape, with `code`.
    private func expectError(
        _ answer: Answer, _ status: Int, _ code: String, _ comment: Comment? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(answer.status == status, comment, sourceLocation: sourceLocation)
        #expect(answer.json.keys == ["error"], comment, sourceLocation: sourceLocation)
        let error = answer.json["error"] ?? .null
        #expect(error.keys == ["code", "message", "details", "request_id"], comment, sourceLocation: sourceLocation)
        #expect(error["code"] == .string(code), comment, sourceLocation: sourceLocation)
        #expect(error["message"]?.string?.isEmpty == false, comment, sourceLocation: sourceLocation)
        #expect(answer.headers["X-Request-ID"] == error["request_id"]?.string, comment, sourceLocation: sourceLocation)
        #expect(answer.headers["Content-Type"] == "application/json", comment, sourceLocation: sourceLocation)
    }

    @Test("has one error shape, also where no handler is reached")
    func errors() async throws {
        try await RunningAPI.run { api in
            let alice = try await api.register("alice")
            expectError(try await api.send("GET", "/nowhere"), 404, "NOT_FOUND")
            expectError(try await api.send("GET", "/api/v1/triggers/x/y/z", token: alice.token), 404, "NOT_FOUND")
            expectError(try await alice.send("GET", "/triggers/not-a-uuid"), 404, "NOT_FOUND")
            expectError(try await api.send("GET", "/api/v1/triggers"), 401, "UNAUTHORIZED")
            expectError(try await alice.send("POST", "/triggers", "{"), 400, "MALFORMED_JSON")
            expectError(try await alice.send("POST", "/triggers", ""), 400, "MALFORMED_JSON")
            expectError(try await alice.send("POST", "/triggers", "[]"), 400, "VALIDATION_ERROR")
            expectError(
                try await alice.send(
                    "POST", "/triggers", "a=b", headers: ["Content-Type": "application/x-www-form-urlencoded"]),
                415, "UNSUPPORTED_MEDIA_TYPE")
            expectError(
                try await alice.send("POST", "/triggers", "{}", headers: ["Content-Encoding": "gzip"]), 415,
                "UNSUPPORTED_MEDIA_TYPE")
            expectError(try await api.send("PROPFIND", "/api/v1/triggers"), 501, "NOT_IMPLEMENTED")
        }
    }

    private static let methodsCases: [(String, String, String)] = [
        ("DELETE", "/api/v1/triggers", "GET, HEAD, POST, OPTIONS"),
        ("POST", "/api/v1/health", "GET, HEAD, OPTIONS"),
        ("GET", "/api/v1/auth/login", "POST, OPTIONS"),
        ("PUT", "/api/v1/triggers/550e8400-e29b-41d4-a716-446655440000/conditions", "GET, HEAD, POST, OPTIONS"),
        ("POST", "/api/v1/triggers/550e8400-e29b-41d4-a716-446655440000", "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"),
    ]

    @Test("answers other methods with 405 and the ones that are served")
    func methods() async throws {
        try await RunningAPI.run { api in
            for (method, path, allowed) in Self.methodsCases {
                let answer = try await api.send(method, path, method == "GET" ? nil : "{}")
                expectError(answer, 405, "METHOD_NOT_ALLOWED")
                #expect(answer.headers["Allow"] == allowed)
                let options = try await api.send("OPTIONS", path)
                #expect(options.status == 204)
                #expect(options.headers["Allow"] == allowed)
            }
        }
    }

    @Test("reads bodies of 1 MiB and refuses longer ones, announced or not")
    func bodyLimit() async throws {
        try await RunningAPI.run { api in
            func body(_ length: Int) -> String {
                let frame = #"{"username_or_email":"alice","password":""}"#
                return String(repeating: " ", count: length - frame.utf8.count) + frame
            }
            let fits = try await api.send("POST", "/api/v1/auth/login", body(1_048_576))
            #expect(fits.status == 400)
            #expect(fits.fields == ["password"])
            expectError(try await api.send("POST", "/api/v1/auth/login", body(1_048_577)), 413, "PAYLOAD_TOO_LARGE")
            // The connection still serves.
            #expect(try await api.send("GET", "/health").status == 200)
        }
    }

    private static let jsonCases: [String] = [
        #"{"name":"a","name":"b"}"#, #"{"name":"\ud800"}"#, #"{"name":01}"#, #"{"name":1.}"#, #"{"name":NaN}"#,
        #"{"name":"a"} x"#, "{\"name\":\"a\u{1}\"}", #"{'name':'a'}"#, #"{"name":"a",}"#,
        #"{"name":123456789012345678901234567890123456789}"#, "\u{FEFF}{}",
        String(repeating: "[", count: 100_000),
        String(repeating: #"{"a":"#, count: 33) + "1" + String(repeating: "}", count: 33),
    ]

    @Test("refuses JSON that two readers could understand differently")
    func json() async throws {
        try await RunningAPI.run { api in
            for body in Self.jsonCases {
                expectError(try await api.send("POST", "/api/v1/auth/login", body), 400, "MALFORMED_JSON")
            }
        }
    }

    @Test("takes a request id from the client if it is one, and makes one otherwise")
    func requestIDs() async throws {
        try await RunningAPI.run { api in
            for id in ["a", "req-1_2.3", String(repeating: "x", count: 128)] {
                #expect(
                    try await api.send("GET", "/health", headers: ["X-Request-ID": id]).headers["X-Request-ID"] == id)
                let error = try await api.send("GET", "/nowhere", headers: ["X-Request-ID": id])
                #expect(error.json["error"]?["request_id"] == .string(id))
            }
            for id in ["", "a b", "ä", String(repeating: "x", count: 129), "a;b"] {
                let made = try await api.send("GET", "/health", headers: ["X-Request-ID": id]).headers["X-Request-ID"]
                #expect(made != id)
                #expect(made.flatMap(UUID.init(uuidString:)) != nil)
            }
        }
    }

    @Test("sends the same protective headers with every answer")
    func headers() async throws {
        try await RunningAPI.run { api in
            for path in ["/health", "/nowhere", "/api/v1/triggers"] {
                let answer = try await api.send("GET", path)
                #expect(answer.headers["X-Content-Type-Options"] == "nosniff")
                #expect(answer.headers["X-Frame-Options"] == "DENY")
                #expect(answer.headers["Content-Security-Policy"]?.contains("default-src 'none'") == true)
                #expect(answer.headers["Cache-Control"] == "no-store")
                #expect(answer.headers["API-Version"] == "v1")
            }
        }
    }

    @Test("lets pages of listed origins read, and no others")
    func cors() async throws {
        try await RunningAPI.run({ $0.allowedOrigins = ["https://app.example.com"] }) { api in
            let allowed = try await api.send("GET", "/health", headers: ["Origin": "https://app.example.com"])
            #expect(allowed.headers["Access-Control-Allow-Origin"] == "https://app.example.com")
            #expect(allowed.headers["Vary"] == "Origin")
            let error = try await api.send("GET", "/api/v1/triggers", headers: ["Origin": "https://app.example.com"])
            #expect(error.status == 401)
            #expect(error.headers["Access-Control-Allow-Origin"] == "https://app.example.com")
            let preflight = try await api.send(
                "OPTIONS", "/api/v1/triggers",
                headers: ["Origin": "https://app.example.com", "Access-Control-Request-Method": "PATCH"])
            #expect(preflight.status == 204)
            #expect(preflight.headers["Access-Control-Allow-Methods"]?.contains("PATCH") == true)
            #expect(preflight.headers["Access-Control-Allow-Headers"]?.contains("X-API-Key") == true)
            for origin in ["https://evil.example.com", "null", "https://app.example.com.evil.com"] {
                for method in ["GET", "OPTIONS"] {
                    let refused = try await api.send(
                        method, "/health", headers: ["Origin": origin, "Access-Control-Request-Method": "GET"])
                    #expect(refused.headers["Access-Control-Allow-Origin"] == nil)
                }
            }
        }
    }

    @Test("answers HEAD like GET, without the body")
    func head() async throws {
        try await RunningAPI.run { api in
            let alice = try await api.register("alice")
            let head = try await alice.send("HEAD", "/triggers")
            #expect(head.status == 200)
            #expect(head.text.isEmpty)
            let get = try await alice.send("GET", "/triggers")
            #expect(head.headers["Content-Length"] == String(get.text.utf8.count))
        }
    }

    @Test("reports health, readiness and metrics")
    func system() async throws {
        let check = ReadinessCheck(name: "listener") { "behind by 12 blocks" }
        try await RunningAPI.run(readiness: [check]) { api in
            for path in ["/health", "/api/v1/health"] {
                let health = try await api.send("GET", path)
                #expect(health.status == 200)
                #expect(
                    health.json
                        == .object([
                            "status": .string("healthy"), "database": .string("connected"), "version": .string("0.1.0"),
                        ]))
            }
            let ready = try await api.send("GET", "/ready")
            #expect(ready.status == 503)
            #expect(
                ready.json["checks"]
                    == .object(["database": .string("ok"), "listener": .string("behind by 12 blocks")]))
            let metrics = try await api.send("GET", "/metrics")
            #expect(metrics.text == "tocsin_test_metric 1\n")
            #expect(metrics.headers["Content-Type"]?.hasPrefix("text/plain") == true)
        }
        try await RunningAPI.run { api in
            #expect(try await api.send("GET", "/ready").status == 200)
            await api.database.database.close()
            let health = try await api.send("GET", "/api/v1/health")
            #expect(health.status == 503)
            #expect(health.json["status"] == .string("unhealthy"))
            #expect(health.json["database"] == .string("disconnected"))
            #expect(try await api.send("GET", "/ready").status == 503)
        }
    }

    @Test("shows document 003's agent card, built from what runs")
    func agentCard() async throws {
        try await RunningAPI.run { api in
            let card = try await api.send(
                "GET", "/.well-known/agent.json", headers: ["Origin": "https://any.example.com"])
            #expect(card.status == 200)
            #expect(card.headers["Access-Control-Allow-Origin"] == "*")
            #expect(card.headers["Cache-Control"] == "public, max-age=3600")
            #expect(
                card.json.keys == [
                    "name", "version", "description", "api_version", "base_url", "capabilities", "endpoints",
                    "contact", "protocol_version", "generated_at",
                ])
            let capabilities = try #require(card.json["capabilities"])
            #expect(capabilities.keys == ["push_layer", "pull_layer", "authentication", "rate_limiting"])
            let push = try #require(capabilities["push_layer"])
            #expect(
                push["features"]?.elements.compactMap(\.string) == [
                    "multi_chain_monitoring", "programmable_triggers", "telegram_notifications", "rest_webhooks",
                    "mcp_updates",
                ])
            let chains = try #require(push["supported_chains"]).elements
            #expect(chains.map { $0["chain_id"] } == [.number(11_155_111), .number(84_532)])
            #expect(chains[0]["registries"] == .array(["identity", "reputation", "validation"].map { .string($0) }))
            #expect(capabilities["rate_limiting"]?["tiers"]?.elements.count == 4)
            #expect(
                capabilities["rate_limiting"]?["tiers"]?.elements.first?.keys == [
                    "tier", "rate_limit", "authentication",
                ])
            #expect(
                card.json["endpoints"]?.keys == ["api_documentation", "health_check", "authentication", "triggers"])
            #expect(card.json["endpoints"]?["triggers"] == .string("https://api.8004.dev/api/v1/triggers"))
            #expect(card.json["contact"]?.keys == ["email", "github", "documentation"])
            #expect(card.json["protocol_version"] == .string("erc-8004-v1.0"))
        }
    }
}
