import Testing

@testable import Dispatchers

@Suite struct TelegramReactionTests {
    /// What a reaction comes down to.
    static func word(_ reaction: TelegramReaction) -> String {
        switch reaction {
        case .delivered: "delivered"
        case .wait(let delay): "wait \(delay.components.seconds)"
        case .migrate(let chat): "migrate \(chat)"
        case .resendPlain: "plain"
        case .resendWithoutThread: "no thread"
        case .resendWithoutButtons: "no buttons"
        case .resendShorter: "shorter"
        case .fail(let failure): "\(failure.errorClass.rawValue)\(failure.retry == .never ? ", never" : "")"
        case .failBot(let failure): "bot \(failure.errorClass.rawValue)"
        }
    }

    @Test(
        "every row of the error map",
        arguments: [
            (429, "Too Many Requests: retry after 7", "wait 7"),
            (400, "Bad Request: chat not found", "telegram_unreachable, never"),
            (400, "Bad Request: chat_id is empty", "telegram_unreachable, never"),
            (400, "Bad Request: private chat not found", "telegram_unreachable, never"),
            (403, "Forbidden: bot was blocked by the user", "telegram_unreachable, never"),
            (403, "Forbidden: user is deactivated", "telegram_unreachable, never"),
            (403, "Forbidden: bot was kicked from the supergroup chat", "telegram_unreachable, never"),
            (403, "Forbidden: bot is not a member of the channel chat", "telegram_unreachable, never"),
            (403, "Forbidden: the group chat was deleted", "telegram_unreachable, never"),
            (403, "Forbidden: bot can't initiate conversation with a user", "telegram_unreachable, never"),
            (400, "Bad Request: message thread not found", "no thread"),
            (400, "Bad Request: TOPIC_CLOSED", "no thread"), (400, "Bad Request: TOPIC_DELETED", "no thread"),
            (400, "Bad Request: not enough rights to send text messages to the chat", "telegram_rights, never"),
            (400, "Bad Request: CHAT_WRITE_FORBIDDEN", "telegram_rights, never"),
            (400, "Bad Request: can't parse entities: Character '.' is reserved", "plain"),
            (400, "Bad Request: message is too long", "shorter"),
            (400, "Bad Request: reply markup is too long", "no buttons"),
            (400, "Bad Request: Wrong HTTP URL specified", "no buttons"),
            (400, "Bad Request: BUTTON_URL_INVALID", "no buttons"),
            (400, "Bad Request: inline keyboard button URL 'x' is invalid: Wrong HTTP URL", "no buttons"),
            (400, "Bad Request: message text is empty", "plain"),
            (400, "Bad Request: something new", "telegram_message, never"),
            (401, "Unauthorized", "bot telegram_bot"), (404, "Not Found", "bot telegram_bot"),
            (409, "Conflict: terminated by other getUpdates request", "bot telegram_bot"),
            (421, "Misdirected Request", "telegram_bot"), (500, "Internal Server Error: restart", "http_5xx"),
            (502, "", "http_5xx"), (503, "", "http_5xx"), (504, "", "http_5xx"), (200, "", "protocol"),
            (302, "", "http_4xx"), (418, "", "http_4xx"),
        ] as [(Int, String, String)])
    func map(status: Int, description: String, expected: String) {
        let reply = TelegramReply(status: status, description: description, retryAfter: status == 429 ? 7 : nil)
        #expect(Self.word(TelegramReaction.to(reply)) == expected)
    }

    @Test("a group that became a supergroup is followed")
    func migration() {
        let reply = TelegramReply(
            status: 400,
            body: Array(
                #"{"ok":false,"error_code":400,"description":"Bad Request: group chat was upgraded to a supergroup chat","parameters":{"migrate_to_chat_id":-1001234567890}}"#
                    .utf8))
        #expect(TelegramReaction.to(reply) == .migrate(to: -1_001_234_567_890))
    }

    @Test(
        "answers are read as they are, and nonsense as nonsense",
        arguments: [
            (200, #"{"ok":true,"result":{"message_id":5}}"#, "delivered"), (200, #"{"ok":false}"#, "protocol"),
            (200, "<html>", "protocol"), (429, "{}", "wait 60"), (429, #"{"parameters":{"retry_after":0}}"#, "wait 1"),
            (429, #"{"parameters":{"retry_after":1e9}}"#, "wait 86400"),
            (429, #"{"parameters":{"retry_after":"x"}}"#, "wait 60"), (500, #"{"ok":true}"#, "http_5xx"),
        ] as [(Int, String, String)])
    func reading(status: Int, body: String, expected: String) {
        #expect(Self.word(TelegramReaction.to(TelegramReply(status: status, body: Array(body.utf8)))) == expected)
    }
}
