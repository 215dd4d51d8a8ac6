import Domain
import Foundation
import HTTPClient
import Synchronization
import Templates
import TestSupport
import Testing

@testable import Dispatchers

@Suite struct MCPSenderTests {
    static let config =
        #"{"server_url":"https://agent.example/mcp","tool_name":"notify","arguments_template":{"agent":"{{json(agent_id)}}","uri":"{{agent_uri}}"},"auth_token":"planted-mcp-token","timeout_ms":5000}"#

    /// A server that keeps sessions and answers tool calls with `result`.
    static func server(
        sessions: [String] = ["s1", "s2", "s3"], asStream: Bool = false,
        call: @escaping @Sendable (OutboundRequest, _ id: String, _ number: Int) -> OutboundResponse
    ) -> ScriptedTransport {
        let opened = Mutex(0)
        let calls = Mutex(0)
        return ScriptedTransport { request, _ in
            guard let json = request.json, let method = json["method"]?.string else {
                return OutboundResponse(status: 202)
            }
            let id = json["id"]?.string ?? ""
            switch method {
            case "initialize":
                let number = opened.withLock { opened in
                    opened += 1
                    return opened
                }
                let result =
                    #"{"jsonrpc":"2.0","id":"\#(id)","result":{"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"x","version":"1"}}}"#
                let session = sessions[min(number, sessions.count) - 1]
                return asStream
                    ? OutboundResponse(
                        status: 200,
                        headers: ["Content-Type": "text/event-stream; charset=utf-8", "mcp-session-id": session],
                        body: Array(": hello\n\nevent: message\ndata: \(result)\n\n".utf8))
                    : OutboundResponse(200, json: result, headers: ["Mcp-Session-Id": session])
            case "notifications/initialized": return OutboundResponse(status: 202)
            default:
                let number = calls.withLock { calls in
                    calls += 1
                    return calls
                }
                return call(request, id, number)
            }
        }
    }

    static func answer(_ id: String, _ result: String = #"{"content":[]}"#) -> OutboundResponse {
        OutboundResponse(200, json: #"{"jsonrpc":"2.0","id":"\#(id)","result":\#(result)}"#)
    }

    static func methods(_ transport: ScriptedTransport) -> [String] {
        transport.requests.map { $0.json?["method"]?.string ?? $0.method }
    }

    @Test("a call shakes hands first, and the next one uses the session", arguments: [false, true])
    func handshake(asStream: Bool) async throws {
        let transport = Self.server(asStream: asStream) { _, id, _ in Self.answer(id) }
        let sender = MCPSender(transport: transport, version: "1.2.3")
        let first = await sender.send(try Sample.message(.mcp, Self.config, uri: "x\"}"))
        let second = await sender.send(try Sample.message(.mcp, Self.config))
        #expect(first.failure == nil && second.failure == nil && first.status == 200)
        #expect(Self.methods(transport) == ["initialize", "notifications/initialized", "tools/call", "tools/call"])

        let requests = transport.requests
        #expect(requests[0].headers["Mcp-Session-Id"] == nil && requests[0].headers["MCP-Protocol-Version"] == nil)
        #expect(requests[0].json?["params"]?["protocolVersion"] == .string("2025-11-25"))
        for request in requests.dropFirst() {
            #expect(request.headers["Mcp-Session-Id"] == "s1")
            #expect(request.headers["MCP-Protocol-Version"] == "2025-06-18")
        }
        for request in requests {
            #expect(request.headers["Accept"] == "application/json, text/event-stream")
            #expect(request.headers["Authorization"] == "Bearer planted-mcp-token" && request.guarded)
            #expect(request.deadline <= .seconds(5))
        }
        let parameters = requests[2].json?["params"]
        #expect(parameters?["name"] == .string("notify"))
        #expect(parameters?["arguments"] == .object(["agent": .number(7), "uri": .string("x\"}")]))
        #expect(parameters?["_meta"]?["tocsin/delivery"]?["event_id"] == .string("42"))
        #expect(requests[2].json?["id"] != requests[3].json?["id"])
    }

    @Test("an expired session is renewed within the attempt, once")
    func expiry() async throws {
        let gone = OutboundResponse(
            404, json: #"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Session not found"}}"#)
        let transport = Self.server { request, id, _ in
            request.headers["Mcp-Session-Id"] == "s2" ? Self.answer(id) : gone
        }
        let sender = MCPSender(transport: transport, version: "1")
        #expect(await sender.send(try Sample.message(.mcp, Self.config)).failure == nil)
        #expect(Self.methods(transport).filter { $0 == "initialize" }.count == 2)

        let hopeless = Self.server { _, _, _ in gone }
        let attempt = await MCPSender(transport: hopeless, version: "1").send(try Sample.message(.mcp, Self.config))
        #expect(attempt.failure?.errorClass == .violation)
        #expect(Self.methods(hopeless).filter { $0 == "tools/call" }.count == 2)
    }

    @Test("a session's name is taken from a success alone")
    func strayHeader() async throws {
        let transport = ScriptedTransport { _, _ in
            OutboundResponse(
                400,
                json: #"{"jsonrpc":"2.0","id":"server-error","error":{"code":-32600,"message":"Missing session ID"}}"#,
                headers: ["Mcp-Session-Id": "stray"])
        }
        let sender = MCPSender(transport: transport, version: "1")
        _ = await sender.send(try Sample.message(.mcp, Self.config))
        _ = await sender.send(try Sample.message(.mcp, Self.config))
        #expect(Self.methods(transport) == ["initialize", "initialize"])
        #expect(transport.requests.allSatisfy { $0.headers["Mcp-Session-Id"] == nil })
    }

    @Test("a stream is read to the answer: comments, notifications and strangers' answers pass, a ping is answered")
    func stream() async throws {
        let transport = Self.server { _, id, _ in
            let stream = """
                : keep-alive

                event: message
                data: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1}}

                data: {"jsonrpc":"2.0","id":17,"method":"ping"}

                data: {"jsonrpc":"2.0","id":18,"method":"sampling/createMessage","params":{}}

                data: {"jsonrpc":"2.0","id":"other","result":{"isError":true}}

                data: {"jsonrpc":"2.0","id":"\(id)",
                data: "result":{"content":[]}}

                data: {"jsonrpc":"2.0","id":"\(id)","result":{"isError":true}}


                """
            return OutboundResponse(
                status: 200, headers: ["Content-Type": "text/event-stream"], body: Array(stream.utf8))
        }
        let attempt = await MCPSender(transport: transport, version: "1").send(try Sample.message(.mcp, Self.config))
        #expect(attempt.failure == nil)
        let answers = transport.requests.compactMap(\.json).filter { $0["method"] == nil }
        #expect(answers.contains(.object(["jsonrpc": .string("2.0"), "id": .number(17), "result": .object([:])])))
        #expect(answers.contains { $0["id"] == .number(18) && $0["error"]?["code"] == .number(-32601) })
    }

    @Test(
        "answers that are none",
        arguments: [
            ("application/json", "", ErrorClass.violation), ("application/json", "{}", .violation),
            ("application/json", #"{"jsonrpc":"2.0","id":"nobody","result":{}}"#, .violation),
            ("text/html", "<html>", .violation), ("", #"{"x":1}"#, .violation),
            ("text/event-stream", "data: {}\n\n", .receive),
            ("text/event-stream", "", .receive),
            ("text/event-stream", "data: " + String(repeating: "x", count: 70000), .violation),
        ])
    func nonsense(type: String, body: String, error: ErrorClass) async throws {
        let transport = Self.server { _, _, _ in
            OutboundResponse(status: 200, headers: ["Content-Type": type], body: Array(body.utf8))
        }
        let attempt = await MCPSender(transport: transport, version: "1").send(try Sample.message(.mcp, Self.config))
        #expect(attempt.failure?.errorClass == error)
    }

    @Test("a tool's error and a server's refusal are told apart")
    func outcomes() async throws {
        func failure(_ response: @escaping @Sendable (String) -> OutboundResponse) async throws -> Failure? {
            let transport = Self.server { _, id, _ in response(id) }
            return await MCPSender(transport: transport, version: "1").send(try Sample.message(.mcp, Self.config))
                .failure
        }
        let tool = try await failure { Self.answer($0, #"{"isError":true,"content":[{"type":"text","text":"no"}]}"#) }
        #expect(tool?.errorClass == .toolError && tool?.retry == .limited(5))
        let unknown = try await failure {
            OutboundResponse(200, json: #"{"jsonrpc":"2.0","id":"\#($0)","error":{"code":-32602,"message":"x"}}"#)
        }
        #expect(unknown?.errorClass == .toolContract)
        #expect(try await failure { _ in OutboundResponse(status: 401) }?.errorClass == .toolAuthorization)
        let slow = try await failure { _ in OutboundResponse(status: 429, headers: ["Retry-After": "30"]) }
        #expect(slow?.pause == .seconds(30))
    }

    @Test("a server of another generation is recognised")
    func versions() async throws {
        let modern = ScriptedTransport { _, _ in
            OutboundResponse(
                400,
                json:
                    #"{"jsonrpc":"2.0","id":"tocsin-1","error":{"code":-32022,"message":"UnsupportedProtocolVersion","data":{"supported":["2026-07-28"]}}}"#
            )
        }
        let attempt = await MCPSender(transport: modern, version: "1").send(try Sample.message(.mcp, Self.config))
        #expect(attempt.failure?.errorClass == .toolVersion && attempt.failure?.retry == .never)
        let strange = ScriptedTransport { request, _ in
            OutboundResponse(
                200,
                json:
                    #"{"jsonrpc":"2.0","id":"\#(request.json?["id"]?.string ?? "")","result":{"protocolVersion":"1999-01-01"}}"#
            )
        }
        let other = await MCPSender(transport: strange, version: "1").send(try Sample.message(.mcp, Self.config))
        #expect(other.failure?.errorClass == .toolVersion)
    }

    @Test("calls at the same time share one handshake, also when it fails", arguments: [true, false])
    func singleFlight(succeeds: Bool) async throws {
        let release = Signal()
        let handshakes = Mutex(0)
        let transport = ScriptedTransport { request, _ in
            let id = request.json?["id"]?.string ?? ""
            guard request.json?["method"] == .string("initialize") else {
                return request.json?["method"] == .string("tools/call")
                    ? Self.answer(id) : OutboundResponse(status: 202)
            }
            handshakes.withLock { $0 += 1 }
            try? await release.wait()
            return succeeds
                ? OutboundResponse(
                    200, json: #"{"jsonrpc":"2.0","id":"\#(id)","result":{"protocolVersion":"2025-11-25"}}"#)
                : OutboundResponse(status: 500)
        }
        let sender = MCPSender(transport: transport, version: "1")
        let message = try Sample.message(.mcp, Self.config)
        let failures = try await within(.seconds(20)) {
            await withTaskGroup(of: Failure?.self) { group in
                for _ in 0..<8 { group.addTask { await sender.send(message).failure } }
                try? await transport.sent.wait()
                release.fire()
                return await group.reduce(into: []) { $0.append($1?.errorClass) }
            }
        }
        #expect(failures == [ErrorClass?](repeating: succeeds ? nil : .serverError, count: 8))
        if succeeds { #expect(handshakes.withLock { $0 } == 1) }
    }

    @Test("sessions end when the process does, and the token stays out of the attempt")
    func closing() async throws {
        let transport = Self.server { request, id, _ in
            Self.answer(id, #"{"content":[{"type":"text","text":"\#(request.headers["Authorization"] ?? "")"}]}"#)
        }
        let sender = MCPSender(transport: transport, version: "1")
        let attempt = await sender.send(try Sample.message(.mcp, Self.config))
        #expect(!String(decoding: attempt.responseBody ?? [], as: UTF8.self).contains("planted"))
        await sender.tidy()
        #expect(transport.requests.last?.method == "POST", "a session in use stays")
        await sender.close()
        #expect(transport.requests.last?.method == "DELETE")
        #expect(transport.requests.last?.headers["Mcp-Session-Id"] == "s1")
    }
}
