import Domain
import Foundation
import HTTPClient
import Logging
import Synchronization
import Templates
import TestSupport
import Testing

@testable import Dispatchers

@Suite struct TelegramSenderTests {
    static let token = "123456:planted-bot-token-0123456789"
    static let config =
        #"{"chat_id":"-100123","message_template":"<b>Agent</b> {{agent_id}}: {{agent_uri}}","message_thread_id":4,"disable_notification":true,"buttons":[{"text":"Tx","url":"{{transaction_url}}"},{"text":"URI","url":"{{agent_uri}}"}]}"#

    static func sender(
        _ transport: ScriptedTransport, token: String? = token,
        didMigrate: @escaping @Sendable (Message, Int64) async -> Void = { _, _ in }
    ) -> TelegramSender {
        TelegramSender(
            settings: .init(apiURL: "https://api.telegram.example", token: token), transport: transport,
            logger: .silent, didMigrate: didMigrate)
    }

    static func refusal(_ description: String, code: Int = 400, parameters: String = "{}") -> OutboundResponse {
        OutboundResponse(
            code,
            json: #"{"ok":false,"error_code":\#(code),"description":"\#(description)","parameters":\#(parameters)}"#)
    }

    static let success = OutboundResponse(200, json: #"{"ok":true,"result":{"message_id":5}}"#)

    @Test("a message as sendMessage takes it, chat text escaped, unusable buttons left out")
    func message() async throws {
        let transport = ScriptedTransport { _, _ in Self.success }
        let attempt = await Self.sender(transport).send(
            try Sample.message(.telegram, Self.config, uri: "</b><script>\n& \u{202e}x"))
        #expect(attempt.failure == nil && attempt.status == 200)
        let request = try #require(transport.requests.first)
        #expect(request.url == "https://api.telegram.example/bot\(Self.token)/sendMessage")
        #expect(!request.guarded, "the operator chose the address")
        let json = try #require(request.json)
        #expect(json["text"] == .string("<b>Agent</b> 7: &lt;/b&gt;&lt;script&gt; &amp; x"))
        #expect(json["chat_id"] == .string("-100123") && json["parse_mode"] == .string("HTML"))
        #expect(json["message_thread_id"] == .number(4) && json["disable_notification"] == .boolean(true))
        #expect(json["link_preview_options"] == .object(["is_disabled": .boolean(true)]))
        guard case .array(let rows)? = json["reply_markup"]?["inline_keyboard"] else {
            Issue.record("no keyboard")
            return
        }
        #expect(rows.count == 1, "the URI of the agent is no URL")
    }

    @Test("what Telegram refuses is left out once, in the same attempt")
    func resends() async throws {
        let answers = [
            Self.refusal("Bad Request: message thread not found"), Self.refusal("Bad Request: BUTTON_URL_INVALID"),
            Self.refusal("Bad Request: can't parse entities: x"), Self.refusal("Bad Request: message is too long"),
            Self.success,
        ]
        let transport = ScriptedTransport { _, number in answers[number - 1] }
        let attempt = await Self.sender(transport).send(try Sample.message(.telegram, Self.config, uri: "a<b"))
        #expect(attempt.failure == nil)
        let bodies = transport.requests.compactMap(\.json)
        #expect(bodies.map { $0["message_thread_id"] != nil } == [true, false, false, false, false])
        #expect(bodies.map { $0["reply_markup"] != nil } == [true, true, false, false, false])
        #expect(bodies.map { $0["parse_mode"] != nil } == [true, true, true, false, false])
        #expect(bodies[3]["text"] == .string("Agent 7: a<b"), "plain text as a reader would see it")
    }

    @Test("the same refusal twice ends the attempt")
    func refusedTwice() async throws {
        let transport = ScriptedTransport { _, _ in Self.refusal("Bad Request: can't parse entities") }
        let attempt = await Self.sender(transport).send(try Sample.message(.telegram, Self.config))
        #expect(transport.requests.count == 2)
        #expect(attempt.failure?.errorClass == .telegramMessage && attempt.failure?.retry == .never)
    }

    @Test("a group that moved is followed at once and remembered")
    func migration() async throws {
        let moves = Mutex<[Int64]>([])
        let transport = ScriptedTransport { request, _ in
            request.json?["chat_id"] == .string("-100123")
                ? Self.refusal(
                    "Bad Request: group chat was upgraded to a supergroup chat",
                    parameters: #"{"migrate_to_chat_id":-100999}"#)
                : Self.success
        }
        let sender = Self.sender(transport) { _, chat in moves.withLock { $0.append(chat) } }
        #expect(await sender.send(try Sample.message(.telegram, Self.config)).failure == nil)
        #expect(await sender.send(try Sample.message(.telegram, Self.config)).failure == nil)
        #expect(moves.withLock { $0 } == [-100_999])
        #expect(
            transport.requests.compactMap { $0.json?["chat_id"] } == [
                .string("-100123"), .string("-100999"), .string("-100999"),
            ])
    }

    @Test("a flood limit does not count as an attempt; a chat that moves in circles ends")
    func limits() async throws {
        let flood = ScriptedTransport { _, _ in
            Self.refusal("Too Many Requests", code: 429, parameters: #"{"retry_after":9}"#)
        }
        let attempt = await Self.sender(flood).send(try Sample.message(.telegram, Self.config))
        #expect(attempt.failure?.retry == .uncounted(after: .seconds(9)) && attempt.failure?.pause == .seconds(9))
        let circle = ScriptedTransport { _, number in
            Self.refusal("upgraded", parameters: #"{"migrate_to_chat_id":\#(-100_000 - number)}"#)
        }
        #expect(
            await Self.sender(circle).send(try Sample.message(.telegram, Self.config)).failure?.errorClass
                == .telegramMessage)
        #expect(circle.requests.count == TelegramSender.requestsMaximum)
    }

    @Test("the bot's token is in the URL and nowhere else")
    func secrecy() async throws {
        let transport = ScriptedTransport { request, _ in
            OutboundResponse(
                status: 404, headers: ["Server": request.url], body: Array("no such path: \(request.url)".utf8))
        }
        let attempt = await Self.sender(transport).send(try Sample.message(.telegram, Self.config))
        #expect(transport.requests[0].url.contains(Self.token))
        #expect(!"\(attempt)".contains("planted"))
        #expect(!String(decoding: attempt.responseBody ?? [], as: UTF8.self).contains("planted"))
        #expect(attempt.responseHeaders?.contains("planted") == false)
        #expect(attempt.failure?.errorClass == .telegramBot)
    }

    @Test("an action's own bot comes first; without any bot the action says so")
    func bots() async throws {
        let transport = ScriptedTransport { _, _ in Self.success }
        let own = "987654:" + String(repeating: "B", count: 35)
        let message = try Sample.message(.telegram, #"{"chat_id":1,"bot_token":"\#(own)"}"#)
        _ = await Self.sender(transport).send(message)
        #expect(transport.requests[0].url.contains(own))
        let attempt = await Self.sender(transport, token: nil).send(try Sample.message(.telegram, #"{"chat_id":1}"#))
        #expect(attempt.failure?.errorClass == .configuration)
        #expect(transport.requests.count == 1)
    }

    @Test("a retraction says so even where the template does not; nothing to see becomes a summary")
    func retraction() async throws {
        let transport = ScriptedTransport { _, _ in Self.success }
        let sender = Self.sender(transport)
        let silent = #"{"chat_id":1,"message_template":"Agent *{{agent_id}}*","parse_mode":"MarkdownV2"}"#
        let telling = #"{"chat_id":1,"message_template":"{{kind}}"}"#
        let empty = #"{"chat_id":1,"message_template":"{{#response}}x{{/response}}"}"#
        for config in [silent, telling] {
            _ = await sender.send(try Sample.message(.telegram, config, kind: .retraction))
        }
        _ = await sender.send(try Sample.message(.telegram, empty))
        let texts = transport.requests.compactMap { $0.json?["text"]?.string }
        #expect(texts[0] == "⚠️ Retracted: the block of this event was reorganised away\\.\nAgent *7*")
        #expect(texts[1] == "retraction")
        #expect(texts[2] == "Registered of agent 7 on Sepolia in block 1007")
    }

    @Test(
        "failures of the exchange are told as such",
        arguments: [TransportError.timedOut(after: .seconds(1)), .cancelled])
    func exchange(error: TransportError) async throws {
        let transport = ScriptedTransport { _, _ throws(TransportError) in throw error }
        let attempt = await Self.sender(transport).send(try Sample.message(.telegram, Self.config))
        #expect(attempt.failure == Failure(error))
    }
}
