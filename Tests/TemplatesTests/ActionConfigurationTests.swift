import Domain
import Foundation
import Testing

@testable import Templates

@Suite struct ActionConfigurationTests {
    static func config(_ text: String) throws -> JSON { try JSON(parsing: Array(text.utf8)) }

    /// The fields that are refused.
    static func problems(_ channel: Channel, _ text: String, keeping stored: [String: String] = [:]) throws -> [String]
    {
        let config = try config(text)
        do {
            _ = try ActionConfiguration(channel: channel, config: config, keeping: stored)
            return []
        } catch {
            for problem in error.problems { #expect(!problem.issue.isEmpty) }
            return error.problems.map(\.field)
        }
    }

    @Test(
        "Telegram configs that are accepted, and their chats",
        arguments: [
            (#"{"chat_id":"123456789","message_template":"New agent minted: {{agent_id}}"}"#, "123456789"),
            (#"{"chat_id":-1001234567890,"message_template":"x"}"#, "-1001234567890"),
            (#"{"chat_id":"@My_Channel","message_template":"x"}"#, "@my_channel"),
            (#"{"chat_id":"1"}"#, "1"),
            (#"{"chat_id":"1","message_template":"*{{tag1}}*","parse_mode":"markdown"}"#, "1"),
            (
                #"{"chat_id":"1","message_template":"a < b!","parse_mode":"none","message_thread_id":5,"disable_notification":true,"link_preview":true,"buttons":[{"text":"Tx","url":"{{transaction_url}}"},[{"text":"A","url":"https://a.example/{{agent_id}}"}]]}"#,
                "1"
            ),
        ] as [(String, String)])
    func telegram(text: String, chat: String) throws {
        let configuration = try ActionConfiguration(channel: .telegram, config: Self.config(text))
        #expect(configuration.target == chat)
        #expect(configuration.publicConfig == (try Self.config(text)))
        #expect(configuration.secrets.isEmpty && configuration.generatedSecrets.isEmpty)
    }

    @Test(
        "Telegram configs that are refused, with every field at once",
        arguments: [
            (#"{}"#, ["chat_id"]),
            (
                #"{"chat_id":"abc","message_template":"{{nope}}","parse_mode":"XML","color":1}"#,
                ["chat_id", "color", "message_template", "parse_mode"]
            ),
            (#"{"chat_id":0}"#, ["chat_id"]), (#"{"chat_id":1.5}"#, ["chat_id"]),
            (#"{"chat_id":"9007199254740993"}"#, ["chat_id"]),
            (#"{"chat_id":"@ab"}"#, ["chat_id"]), (#"{"chat_id":"@a b c d"}"#, ["chat_id"]),
            (#"{"chat_id":1,"message_template":" "}"#, ["message_template"]),
            (#"{"chat_id":1,"message_template":"<b>x"}"#, ["message_template"]),
            (#"{"chat_id":1,"message_template":"x!","parse_mode":"MarkdownV2"}"#, ["message_template"]),
            (#"{"chat_id":1,"message_thread_id":0}"#, ["message_thread_id"]),
            (#"{"chat_id":1,"disable_notification":"yes"}"#, ["disable_notification"]),
            (#"{"chat_id":1,"bot_token":"nonsense"}"#, ["bot_token"]),
            (#"{"chat_id":1,"buttons":[{"text":"x"}]}"#, ["buttons[0].url"]),
            (#"{"chat_id":1,"buttons":[{"text":"","url":"https://x","a":1}]}"#, ["buttons[0].a", "buttons[0].text"]),
            (#"{"chat_id":1,"buttons":[[{"text":"x","url":"javascript:alert(1)"}]]}"#, ["buttons[0][0].url"]),
            (#"[1]"#, ["", "chat_id"]),
        ] as [(String, [String])])
    func telegramRefused(text: String, fields: [String]) throws {
        #expect(try Self.problems(.telegram, text) == fields)
    }

    @Test(
        "webhook configs that are refused, with every field at once",
        arguments: [
            (#"{}"#, ["url"]),
            (
                #"{"url":"ftp://x","method":"TRACE","timeout_seconds":31,"expected_status_codes":[99,200],"ordering":"fifo","x":1}"#,
                ["expected_status_codes[0]", "method", "ordering", "timeout_seconds", "url", "x"]
            ),
            (#"{"url":"https://a.example/{{agent_id}}"}"#, ["url"]),
            (#"{"url":"https://user:pw@a.example/"}"#, ["url"]),
            (#"{"url":"https://a.example/#f"}"#, ["url"]), (#"{"url":"https:///x"}"#, ["url"]),
            (#"{"url":5}"#, ["url"]),
            (
                #"{"url":"https://a.example/","headers":{"Content-Type":"x","webhook-id":"1","X A":"1","x-a":1,"Host":"h"}}"#,
                ["headers.Content-Type", "headers.Host", "headers.X A", "headers.webhook-id", "headers.x-a"]
            ),
            (#"{"url":"https://a.example/","headers":{"X-A":"a\nb"}}"#, ["headers.X-A"]),
            (#"{"url":"https://a.example/","headers":{"X-A":"{{nope}}","x-a":"1"}}"#, ["headers.X-A", "headers.x-a"]),
            (#"{"url":"https://a.example/","body":"{\"a\": {{tag1}"}"#, ["body"]),
            (#"{"url":"https://a.example/","body":{"a":["{{nope}}"]}}"#, ["body.a[0]"]),
            (#"{"url":"https://a.example/","body":7}"#, ["body"]),
            (#"{"url":"https://a.example/","secret":"short"}"#, ["secret"]),
            (#"{"url":"https://a.example/","secret":"••••abcd"}"#, ["secret"]),
        ] as [(String, [String])])
    func restRefused(text: String, fields: [String]) throws {
        #expect(try Self.problems(.rest, text) == fields)
    }

    @Test(
        "MCP configs that are refused, with every field at once",
        arguments: [
            (#"{}"#, ["server_url", "tool_name"]),
            (
                #"{"server_url":"https://a.example/mcp","tool_name":"a b","timeout_ms":0,"arguments_template":[],"auth_token":"a b"}"#,
                ["arguments_template", "auth_token", "timeout_ms", "tool_name"]
            ),
            (
                #"{"server_url":"https://a.example/mcp","tool_name":"t","arguments_template":{"x":"{{nope}}"}}"#,
                ["arguments_template.x"]
            ),
            (
                #"{"server_url":"https://a.example/mcp","tool_name":"t","resolve_from_agent":true}"#,
                ["resolve_from_agent"]
            ),
        ] as [(String, [String])])
    func mcpRefused(text: String, fields: [String]) throws {
        #expect(try Self.problems(.mcp, text) == fields)
    }

    @Test("a webhook without a secret gets one, which is shown once and masked afterwards")
    func generatedSecret() throws {
        let config = try Self.config(#"{"url":"https://a.example/hook"}"#)
        let made = try ActionConfiguration(channel: .rest, config: config)
        let secret = try #require(made.secrets["secret"])
        #expect(made.generatedSecrets == ["secret"])
        #expect(secret.hasPrefix("whsec_"))
        #expect(Data(base64Encoded: String(secret.dropFirst(6)))?.count == 32)
        #expect(made.publicConfig["secret"] == .string("••••" + secret.suffix(4)))
        #expect(try ActionConfiguration(channel: .rest, config: config).secrets["secret"] != secret)

        // What is stored reads back as the same action, and so does what a client read and sends again.
        let stored = try ActionConfiguration(channel: .rest, config: made.publicConfig, keeping: made.secrets)
        #expect(stored.secrets == made.secrets && stored.generatedSecrets.isEmpty)
        #expect(stored.publicConfig == made.publicConfig)
        let leftOut = try ActionConfiguration(channel: .rest, config: config, keeping: made.secrets)
        #expect(leftOut.secrets == made.secrets)
        guard case .rest(let rest) = stored.action else {
            Issue.record("not a webhook")
            return
        }
        #expect(rest.secret == secret)
    }

    @Test("secrets are split off wherever they stand, null removes one")
    func secrets() throws {
        let token = "123456:" + String(repeating: "A", count: 35)
        let telegram = try ActionConfiguration(
            channel: .telegram, config: Self.config(#"{"chat_id":1,"bot_token":"\#(token)"}"#))
        #expect(telegram.secrets == ["bot_token": token])
        #expect(telegram.publicConfig["bot_token"] == .string("••••AAAA"))

        let mcp = try ActionConfiguration(
            channel: .mcp,
            config: Self.config(
                #"{"server_url":"https://a.example/mcp","tool_name":"t","auth_token":"0123456789abcdef"}"#))
        #expect(mcp.secrets == ["auth_token": "0123456789abcdef"])
        #expect(!mcp.publicConfig.text.contains("0123456789"))
        let removed = try ActionConfiguration(
            channel: .mcp,
            config: Self.config(#"{"server_url":"https://a.example/mcp","tool_name":"t","auth_token":null}"#),
            keeping: mcp.secrets)
        #expect(removed.secrets.isEmpty)

        let rest = try ActionConfiguration(
            channel: .rest,
            config: Self.config(
                #"{"url":"https://a.example/","headers":{"Authorization":"Bearer planted-secret","X-Team":"{{agent_id}}"}}"#
            ))
        #expect(rest.secrets["headers.authorization"] == "Bearer planted-secret")
        #expect(!rest.publicConfig.text.contains("planted"))
        let again = try ActionConfiguration(channel: .rest, config: rest.publicConfig, keeping: rest.secrets)
        #expect(again.secrets == rest.secrets)
        guard case .rest(let action) = again.action else { return }
        #expect(action.headers.map(\.name) == ["Authorization", "X-Team"])
        #expect(action.headers[0].value.render(Sample.feedback(tag1: "")) == "Bearer planted-secret")
    }

    @Test("the body's kind follows from how it is written")
    func bodies() throws {
        func body(_ text: String) throws -> RESTAction.Body {
            let configuration = try ActionConfiguration(
                channel: .rest, config: .object(["url": .string("https://a.example/"), "body": try Self.config(text)]))
            guard case .rest(let rest) = configuration.action else { throw CancellationError() }
            return rest.body
        }
        guard case .json = try body(#""{\"id\": {{agent_id}}}""#), case .json = try body(#""[1]""#),
            case .text = try body(#""{{agent_id}} arrived""#), case .tree = try body(#"{"id":"{{agent_id}}"}"#)
        else {
            Issue.record("a body was read as another kind")
            return
        }
    }

    @Test("the default message is markup that Telegram accepts, for every kind of event", arguments: EventType.allCases)
    func defaultMessage(type: EventType) throws {
        let template = try Template(parsing: TelegramAction.defaultTemplate, for: .telegramHTML)
        let text = template.render(Sample.notice(Sample.event(type), kind: .retraction))
        #expect(TelegramHTML.visibleText(of: text).contains(type.rawValue))
        #expect(text.hasPrefix("⚠️"))
    }

    @Test("an MCP action without a template sends the default arguments")
    func defaultArguments() throws {
        let configuration = try ActionConfiguration(
            channel: .mcp, config: Self.config(#"{"server_url":"https://a.example/mcp","tool_name":"notify"}"#))
        guard case .mcp(let action) = configuration.action else { return }
        let arguments = action.arguments(for: Sample.feedback(tag1: "x"))
        #expect(arguments["event_id"] == .string("42"))
        #expect(arguments["summary"] == .string("NewFeedback of agent 7 on Ethereum Sepolia in block 24339925"))
        #expect(arguments["data"]?["parameters"]?["tag1"] == .string("x"))
    }
}
