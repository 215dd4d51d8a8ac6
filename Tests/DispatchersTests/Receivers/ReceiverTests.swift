import Domain
import Foundation
import HTTPClient
import Templates
import TestSupport
import Testing

@testable import Dispatchers

/// Real senders over real sockets to receivers made with `standardwebhooks`, `mcp` and a Bot API with its real parsers.
@Suite(.enabled(if: Receiver.interpreter != nil, "Tools/devnet/setup has not been run"), .serialized)
struct ReceiverTests {
    static let transport = CurlTransport(policy: EgressPolicy(allowing: [CIDR("127.0.0.0/8")!]))
    static let secret = RESTSenderTests.secret

    /// Texts that try to become something else.
    static let hostile = [
        "</b><a href=\"https://evil.example\">x</a>", "\"><i>", "'", "&lt;&amp;", "*_`[](){}#+-=|~.!>\\", "`", "\\",
        "```",
        "||", "__", "[x](tg://user?id=1)", "\",\"x\":1", "{{agent_id}}", "x\r\nX-Evil: 1", "\u{202e}gnp", "👩‍👩‍👧‍👦é東", "",
        "e\u{301}\u{302}", "\u{1}\u{7f}\u{85}\u{2028}", String(repeating: "<&\"*_👩‍👩‍👧‍👦", count: 1500),
    ]

    static func with(
        _ receiver: Receiver, _ body: (Receiver) async throws -> Void
    ) async throws {
        do {
            try await body(receiver)
        } catch {
            await receiver.stop()
            throw error
        }
        await receiver.stop()
    }

    @Test("webhooks verify with the official package, whatever a contract wrote")
    func webhooks() async throws {
        try await Self.with(try await Receiver("webhook", "--secret", Self.secret)) { receiver in
            let sender = RESTSender(transport: Self.transport)
            let headers = #""headers":{"X-URI":"{{agent_uri}}"}"#
            for (index, uri) in Self.hostile.enumerated() {
                let body =
                    index.isMultiple(of: 2) ? "" : #","body":"{\"uri\":\"{{agent_uri}}\",\"raw\":{{agent_uri}}}""#
                let attempt = await sender.send(
                    try Sample.message(
                        .rest, #"{"url":"\#(receiver["hook_url"])","secret":"\#(Self.secret)",\#(headers)\#(body)}"#,
                        uri: uri))
                #expect(attempt.failure == nil && attempt.status == 200)
                #expect(attempt.peer?.hasPrefix("127.0.0.1:") == true)
            }
            let entries = try await receiver.ledger(Self.hostile.count)
            #expect(entries.count == Self.hostile.count)
            for (index, entry) in entries.enumerated() {
                #expect(entry["signature"] == .string("valid"), "\(entry["reason"]?.string ?? "")")
                #expect(entry["headers"]?["x-evil"] == nil)
                let body = try JSON(parsing: Array((entry["body"]?.string ?? "").utf8))
                let uri = index.isMultiple(of: 2) ? body["data"]?["parameters"]?["agent_uri"] : body["raw"]
                #expect(Text(uri?.string ?? "-") == Text(Self.hostile[index]))
            }
        }
    }

    @Test(
        "answers of all kinds are told apart over real sockets",
        arguments: [
            ("500", "http_5xx"), ("410", "gone"), (#"{"status":429,"retryAfter":7}"#, "rate_limited"),
            (#"{"redirect":"http://127.0.0.1:1/other"}"#, "http_3xx"), (#"{"drop":true}"#, "recv"),
            (#"{"reset":true}"#, "recv"), (#"{"hang":true}"#, "timeout_total"),
            (#"{"truncate":true,"body":"0123456789"}"#, "recv"),
            (#"{"status":200,"drip":0.5,"bodyBytes":100}"#, "timeout_total"), ("204", nil),
            (#"{"status":200,"bodyBytes":300000,"chunked":true}"#, nil),
        ] as [(String, String?)])
    func webhookAnswers(step: String, expected: String?) async throws {
        try await Self.with(try await Receiver("webhook", "--secret", Self.secret)) { receiver in
            // Every request gets the answer: libcurl repeats one whose kept connection broke before any byte came.
            try await receiver.behave(#"{"path":"*","sequence":[],"then":\#(step)}"#)
            let attempt = await RESTSender(transport: Self.transport).send(
                try Sample.message(
                    .rest, #"{"url":"\#(receiver["hook_url"])","secret":"\#(Self.secret)","timeout_seconds":1}"#))
            #expect(attempt.failure?.errorClass.rawValue == expected)
            if step.contains("retryAfter") { #expect(attempt.failure?.pause == .seconds(7)) }
            if step.contains("300000") {
                #expect(attempt.isBodyTruncated && attempt.responseBody?.count == Attempt.bodyMaximum)
            }
            #expect(try await receiver.ledger(1).allSatisfy { $0["signature"] == .string("valid") })
        }
    }

    @Test("messages arrive as they were meant in both markups, whatever a contract wrote")
    func telegram() async throws {
        try await Self.with(try await Receiver("telegram")) { receiver in
            let sender = TelegramSender(
                settings: .init(apiURL: receiver["url"], token: receiver["token"]), transport: Self.transport,
                logger: .silent, didMigrate: { _, _ in })
            let html =
                #"{"chat_id":"77","message_template":"<b>Agent</b> <i>{{agent_uri}}</i> <a href=\"https://x.example/{{url(agent_uri)}}\">x</a>","buttons":[{"text":"Tx {{agent_uri}}","url":"{{transaction_url}}"}]}"#
            let markdown =
                #"{"chat_id":"77","message_template":"*Agent* _{{agent_uri}}_ `{{agent_uri}}` [x](https://x.example/{{url(agent_uri)}}) \\{{agent_id}}","parse_mode":"MarkdownV2"}"#
            for uri in Self.hostile {
                for config in [html, markdown.replacing("\\\\{{", with: "{{")] {
                    let attempt = await sender.send(try Sample.message(.telegram, config, uri: uri))
                    #expect(attempt.failure == nil, "\(uri.prefix(40))")
                }
            }
            let entries = try await receiver.ledger(2 * Self.hostile.count)
            #expect(entries.count == 2 * Self.hostile.count, "nothing had to be sent twice")
            for entry in entries {
                #expect(entry["ok"] == .boolean(true))
                #expect(entry["text"]?.string?.hasPrefix("Agent ") == true)
                guard case .array(let entities)? = entry["entities"] else { continue }
                let kinds = Set(entities.compactMap { $0["type"]?.string })
                #expect(kinds.isSubset(of: ["bold", "italic", "code", "text_link"]), "\(kinds)")
                #expect(entities.filter { $0["type"] == .string("text_link") }.count <= 1)
                #expect((entry["text"]?.string ?? "").utf16.count <= 4096)
            }
        }
    }

    @Test("the Bot API's errors lead where they should")
    func telegramErrors() async throws {
        try await Self.with(try await Receiver("telegram")) { receiver in
            let sender = TelegramSender(
                settings: .init(apiURL: receiver["url"], token: receiver["token"]), transport: Self.transport,
                logger: .silent, didMigrate: { _, _ in })
            let config = #"{"chat_id":"-100777","message_template":"<b>x</b> {{agent_id}}","message_thread_id":9}"#
            func send(_ step: String) async throws -> Attempt {
                try await receiver.behave(#"{"chat":"*","sequence":[\#(step)]}"#)
                return await sender.send(try Sample.message(.telegram, config))
            }
            for name in [
                "blocked", "deactivated", "kicked", "not_a_member", "group_deleted", "cannot_initiate",
                "chat_not_found",
            ] {
                let failure = try await send(#""\#(name)""#).failure
                #expect(failure?.errorClass == .telegramUnreachable && failure?.retry == .never, "\(name)")
            }
            for name in ["no_rights", "write_forbidden"] {
                #expect(try await send(#""\#(name)""#).failure?.errorClass == .telegramRights, "\(name)")
            }
            for name in ["thread_not_found", "topic_closed", "topic_deleted", "parse"] {
                #expect(try await send(#""\#(name)""#).failure == nil, "\(name) is sent once more, changed")
            }
            for name in ["internal", "restart", "bad_gateway"] {
                #expect(try await send(#""\#(name)""#).failure?.errorClass == .serverError, "\(name)")
            }
            for name in ["unauthorized", "conflict", "wrong_server"] {
                #expect(try await send(#""\#(name)""#).failure?.errorClass == .telegramBot, "\(name)")
            }
            #expect(
                try await send(#"{"error":"flood","retryAfter":3}"#).failure?.retry == .uncounted(after: .seconds(3)))
            #expect(try await send(#"{"drop":true,"always":true}"#).failure?.errorClass == .receive)
            #expect(try await send(#"{"error":"migrated","to":-100888}"#).failure == nil)
            let last = try await receiver.ledger(1).last
            #expect(last?["ok"] == .boolean(true) && last?["fields"]?["chat_id"] == .string("-100888"))
        }
    }

    @Test(
        "tools are called on every kind of server of the first generation",
        arguments: [[], ["--json"], ["--stateless"], ["--stateless", "--json"], ["--era", "legacy"]] as [[String]])
    func mcp(options: [String]) async throws {
        let receiver =
            switch options.count {
            case 0: try await Receiver("mcp_server", "--bearer", "mcp-token-0123456789")
            case 1: try await Receiver("mcp_server", "--bearer", "mcp-token-0123456789", options[0])
            default: try await Receiver("mcp_server", "--bearer", "mcp-token-0123456789", options[0], options[1])
            }
        try await Self.with(receiver) { receiver in
            let sender = MCPSender(transport: Self.transport, version: "1")
            let config =
                #"{"server_url":"\#(receiver["mcp_url"])","tool_name":"notify","auth_token":"mcp-token-0123456789"}"#
            for uri in Self.hostile.prefix(10) {
                let attempt = await sender.send(try Sample.message(.mcp, config, uri: uri))
                #expect(attempt.failure == nil)
            }
            let entries = try await receiver.ledger(10)
            for (entry, uri) in zip(entries, Self.hostile) {
                #expect(entry["arguments"]?["event_id"] == .string("42"))
                let received = entry["arguments"]?["data"]?["parameters"]?["agent_uri"]?.string ?? "-"
                #expect(Text(received) == Text(uri))
                #expect(entry["meta"]?["tocsin/delivery"]?["delivery_id"] == .string("1001"))
            }
            let methods = try await receiver.methods()
            #expect(methods.filter { $0 == "initialize" }.count == 1)
            #expect(methods.filter { $0 == "tools/call" }.count == 10)
            await sender.close()

            let stranger = #"{"server_url":"\#(receiver["mcp_url"])","tool_name":"notify","auth_token":"wrong-token"}"#
            #expect(await sender.send(try Sample.message(.mcp, stranger)).failure?.errorClass == .toolAuthorization)
        }
    }

    @Test("a tool's failures and a server's are told apart, and expired sessions are renewed")
    func mcpFailures() async throws {
        try await Self.with(try await Receiver("mcp_server", "--session-idle", "1")) { receiver in
            let sender = MCPSender(transport: Self.transport, version: "1")
            func send(_ tool: String, _ arguments: String = "{}") async throws -> Failure? {
                await sender.send(
                    try Sample.message(
                        .mcp,
                        #"{"server_url":"\#(receiver["mcp_url"])","tool_name":"\#(tool)","arguments_template":\#(arguments),"timeout_ms":3000}"#
                    )
                ).failure
            }
            #expect(try await send("refuse")?.errorClass == .toolError)
            #expect(try await send("crash")?.errorClass == .toolError)
            #expect(try await send("nonsense")?.errorClass == .toolContract)
            #expect(try await send("notify_strictly")?.errorClass == .toolError)
            #expect(try await send("notify_slowly", #"{"seconds":10}"#)?.errorClass == .timedOut)
            for script in ["500", "429", "406"] {
                try await receiver.behave(#"{"sequence":[\#(script)]}"#)
                #expect(try await send("notify") != nil)
            }
            #expect(try await send("notify") == nil)
            // The server forgets a session that was idle for a second; its ledger lets that time pass, in vain.
            try await receiver.pass(seconds: 3)
            let before = try await receiver.methods().filter { $0 == "initialize" }.count
            #expect(try await send("notify") == nil)
            #expect(try await receiver.methods().filter { $0 == "initialize" }.count == before + 1)
        }
    }

    @Test("a server of the second generation alone is recognised as one")
    func mcpModern() async throws {
        try await Self.with(try await Receiver("mcp_server", "--era", "modern")) { receiver in
            let sender = MCPSender(transport: Self.transport, version: "1")
            let attempt = await sender.send(
                try Sample.message(.mcp, #"{"server_url":"\#(receiver["mcp_url"])","tool_name":"notify"}"#))
            #expect(attempt.failure?.errorClass == .toolContract || attempt.failure?.errorClass == .toolVersion)
        }
    }
}
