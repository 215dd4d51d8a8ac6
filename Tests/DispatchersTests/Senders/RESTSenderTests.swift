import Domain
import Foundation
import HTTPClient
import Signatures
import Templates
import Testing

@testable import Dispatchers

@Suite struct RESTSenderTests {
    static let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

    static func sender(_ transport: ScriptedTransport, at time: Double = 1_614_265_330) -> RESTSender {
        RESTSender(transport: transport, now: { Date(timeIntervalSince1970: time) })
    }

    @Test("the vectors of Standard Webhooks verify")
    func vectors() throws {
        // Source: the specification's libraries; recomputed independently with Python's hmac.
        let signature = WebhookSigner.sign(
            id: "msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp: 1_614_265_330, body: Array(#"{"test": 2432232314}"#.utf8),
            secrets: [try WebhookSecret(Self.secret)])
        #expect(signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
    }

    @Test("the default document goes out signed, under an id that stays while the timestamp moves")
    func request() async throws {
        let transport = ScriptedTransport { _, _ in OutboundResponse(status: 204) }
        let config = #"{"url":"https://hooks.example/x","secret":"\#(Self.secret)"}"#
        let first = await Self.sender(transport).send(try Sample.message(.rest, config))
        let second = await Self.sender(transport, at: 1_614_269_999).send(try Sample.message(.rest, config, attempt: 2))
        #expect(first.failure == nil && first.status == 204 && second.failure == nil)

        let requests = transport.requests
        #expect(requests[0].headers["webhook-id"] == requests[1].headers["webhook-id"])
        #expect(requests[0].body == requests[1].body)
        #expect(requests.map { $0.headers["webhook-timestamp"] } == ["1614265330", "1614269999"])
        #expect(requests.map { $0.headers["x-tocsin-attempt"] } == ["1", "2"])
        #expect(requests[0].headers["x-tocsin-event-type"] == "erc8004.registered")
        #expect(requests[0].headers["Content-Type"] == "application/json")
        #expect(requests[0].method == "POST" && requests[0].guarded && requests[0].deadline == .seconds(15))
        #expect(requests[0].json?["data"]?["parameters"]?["agent_id"] == .string("7"))
        for request in requests {
            #expect(
                WebhookSigner.isValid(
                    header: request.headers["webhook-signature"] ?? "", id: request.headers["webhook-id"] ?? "",
                    timestamp: Int64(request.headers["webhook-timestamp"] ?? "") ?? 0, body: request.body,
                    verifiers: [try WebhookVerifier(Self.secret)],
                    now: Int64(request.headers["webhook-timestamp"] ?? "") ?? 0))
        }
    }

    @Test("a retraction is another message of another type")
    func retraction() async throws {
        let transport = ScriptedTransport { _, _ in OutboundResponse(status: 200) }
        let config = #"{"url":"https://hooks.example/x","secret":"\#(Self.secret)"}"#
        _ = await Self.sender(transport).send(try Sample.message(.rest, config))
        _ = await Self.sender(transport).send(try Sample.message(.rest, config, kind: .retraction))
        let requests = transport.requests
        #expect(requests[0].headers["webhook-id"] != requests[1].headers["webhook-id"])
        #expect(requests[1].headers["x-tocsin-event-type"] == "erc8004.registered.retracted")
        #expect(requests[1].json?["data"]?["is_retraction"] == .boolean(true))
    }

    @Test(
        "what a contract wrote stays inside its header and its body",
        arguments: ["x\r\nEvil: 1", "\u{0}", "\"}", "{{agent_id}}", "é", "\\\"", "]]>"])
    func hostile(uri: String) async throws {
        let transport = ScriptedTransport { _, _ in OutboundResponse(status: 200) }
        let config = #"""
            {"url":"https://hooks.example/x","method":"put","timeout_seconds":3,
             "headers":{"X-URI":"uri={{agent_uri}}","X-Team":"ops"},"body":"{\"uri\":\"{{agent_uri}}\",\"raw\":{{agent_uri}}}"}
            """#
        _ = await Self.sender(transport).send(try Sample.message(.rest, config, uri: uri))
        let request = transport.requests[0]
        #expect(request.method == "PUT" && request.deadline == .seconds(3))
        #expect(request.headers["X-URI"]?.utf8.allSatisfy { (0x20...0x7e).contains($0) } == true)
        #expect(request.headers["X-Team"] == "ops")
        #expect(request.json == .object(["uri": .string(uri), "raw": .string(uri)]))
    }

    @Test("a body of plain text says so, GET carries none")
    func otherBodies() async throws {
        let transport = ScriptedTransport { _, _ in OutboundResponse(status: 200) }
        let text = #"{"url":"https://hooks.example/x","body":"Agent {{agent_id}}!"}"#
        let get = #"{"url":"https://hooks.example/x","method":"GET"}"#
        let tree = #"{"url":"https://hooks.example/x","body":{"n":"{{json(agent_id)}}","z":[1,"{{registry}}"]}}"#
        for config in [text, get, tree] { _ = await Self.sender(transport).send(try Sample.message(.rest, config)) }
        let requests = transport.requests
        #expect(requests[0].body == Array("Agent 7!".utf8))
        #expect(requests[0].headers["Content-Type"] == "text/plain; charset=utf-8")
        #expect(requests[1].body.isEmpty && requests[1].headers["Content-Type"] == nil)
        #expect(requests[1].headers["webhook-signature"] != nil)
        #expect(String(decoding: requests[2].body, as: UTF8.self) == #"{"n":7,"z":[1,"identity"]}"#)
    }

    @Test("an echo of secrets does not reach the attempt's row")
    func echo() async throws {
        let transport = ScriptedTransport { request, _ in
            OutboundResponse(
                status: 500,
                headers: ["X-Request-Id": request.headers["Authorization"] ?? "", "Set-Cookie": "a=b", "Server": "x"],
                body: Array("you sent \(request.headers["Authorization"] ?? "") and \(Self.secret)".utf8))
        }
        let config =
            #"{"url":"https://hooks.example/x","secret":"\#(Self.secret)","headers":{"Authorization":"Bearer planted-token"}}"#
        let attempt = await Self.sender(transport).send(try Sample.message(.rest, config))
        #expect(transport.requests[0].headers["Authorization"] == "Bearer planted-token")
        let body = String(decoding: attempt.responseBody ?? [], as: UTF8.self)
        #expect(body == "you sent [redacted] and [redacted]")
        #expect(attempt.responseHeaders == #"{"server":"x","x-request-id":"[redacted]"}"#)
        #expect(attempt.failure?.errorClass == .serverError)
    }

    @Test("a long answer is kept in part, and a redirect's host alone")
    func bounds() async throws {
        let transport = ScriptedTransport { _, _ in
            OutboundResponse(
                status: 302,
                headers: [
                    "Location": "https://user:pw@evil.example/path?token=1", "Via": String(repeating: "v", count: 5000),
                ],
                body: [UInt8](repeating: 0x41, count: 60000))
        }
        let attempt = await Self.sender(transport).send(
            try Sample.message(.rest, #"{"url":"https://hooks.example/x"}"#))
        #expect(attempt.responseBody?.count == 16384 && attempt.isBodyTruncated)
        #expect(attempt.responseHeaders == #"{"location-host":"evil.example"}"#)
        #expect(attempt.failure?.errorClass == .redirect)
    }
}
