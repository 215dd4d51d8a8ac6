import Domain
import Foundation

/// What Telegram answered.
struct TelegramReply: Equatable {
    let status: Int
    /// Whether the body says `"ok": true`.
    let isOK: Bool
    let description: String
    let retryAfter: Int64?
    let migrateToChatID: Int64?

    init(
        status: Int, isOK: Bool = false, description: String = "", retryAfter: Int64? = nil,
        migrateToChatID: Int64? = nil
    ) {
        self.status = status
        self.isOK = isOK
        self.description = description
        self.retryAfter = retryAfter
        self.migrateToChatID = migrateToChatID
    }

    /// Reads an answer; a body that is no JSON leaves the status to decide.
    init(status: Int, body: [UInt8]) {
        let json = try? JSON(parsing: body)
        let parameters = json?["parameters"]
        self.init(
            status: status, isOK: json?["ok"] == .boolean(true), description: json?["description"]?.string ?? "",
            retryAfter: parameters?["retry_after"]?.whole, migrateToChatID: parameters?["migrate_to_chat_id"]?.whole)
    }
}

/// What to do about an answer of Telegram's.
enum TelegramReaction: Equatable {
    case delivered
    /// Leave the chat alone for so long; the attempt does not count.
    case wait(Duration)
    /// The group is a supergroup now: send there, from now on.
    case migrate(to: Int64)
    // Send once more, at once, changed like this.
    case resendPlain
    case resendWithoutThread
    case resendWithoutButtons
    case resendShorter
    case fail(Failure)
    /// The bot itself is the trouble: its other messages wait as well.
    case failBot(Failure)

    /// The answer to `reply`.
    ///
    /// - SeeAlso: `docs/webhooks.md`, "Telegram's errors".
    static func to(_ reply: TelegramReply) -> TelegramReaction {
        if reply.isOK, (200...299).contains(reply.status) { return .delivered }
        let text = reply.description.lowercased()
        switch reply.status {
        case 429:
            let seconds = min(max(reply.retryAfter ?? 60, 1), 86400)
            return .wait(.seconds(seconds))
        case 400:
            if let chat = reply.migrateToChatID { return .migrate(to: chat) }
            return badRequests.first { text.contains($0.text) }?.reaction ?? unknownBadRequest
        case 401, 404:
            return .failBot(Failure(.telegramBot, "Telegram does not accept the bot's token", pause: botPause))
        case 403: return .fail(unreachable)
        case 409: return .failBot(Failure(.telegramBot, "another process uses the bot", pause: botPause))
        case 421: return .fail(Failure(.telegramBot, "this Bot API server does not serve the bot"))
        case 500...599: return .fail(Failure(.serverError, "Telegram failed"))
        case 200...299: return .fail(Failure(.violation, "Telegram's answer was not understood"))
        default: return .fail(Failure(.clientError, "Telegram refused the message"))
        }
    }

    /// How long all chats of a bot wait that cannot send.
    private static let botPause = Duration.seconds(60)
    private static let unreachable = Failure(
        .telegramUnreachable, "the chat cannot be reached: the bot is blocked, removed, or the chat is gone",
        retry: .never)
    private static let unknownChat = Failure(
        .telegramUnreachable, "the chat does not exist or never started the bot", retry: .never)
    private static let rights = Failure(.telegramRights, "the bot may not write to the chat", retry: .never)
    private static let unknownBadRequest = TelegramReaction.fail(
        Failure(.telegramMessage, "Telegram refused the message", retry: .never))

    /// What a 400 means, by a part of its description in lower case; the first that fits.
    static let badRequests: [(text: String, reaction: TelegramReaction)] = [
        ("can't parse entities", .resendPlain),
        ("chat not found", .fail(unknownChat)),
        ("chat_id is empty", .fail(unknownChat)),
        ("user is deactivated", .fail(unreachable)),
        ("group chat was deleted", .fail(unreachable)),
        ("message thread not found", .resendWithoutThread),
        ("topic_closed", .resendWithoutThread),
        ("topic_deleted", .resendWithoutThread),
        ("topic is closed", .resendWithoutThread),
        ("not enough rights", .fail(rights)),
        ("chat_write_forbidden", .fail(rights)),
        ("need administrator rights", .fail(rights)),
        ("message is too long", .resendShorter),
        ("reply markup is too long", .resendWithoutButtons),
        ("wrong http url", .resendWithoutButtons),
        ("button_", .resendWithoutButtons),
        ("can't parse inline keyboard", .resendWithoutButtons),
        ("inline keyboard button", .resendWithoutButtons),
        ("message text is empty", .resendPlain),
    ]
}

extension JSON {
    /// The whole number that this is; nil for anything else and beyond 64 bits.
    var whole: Int64? {
        guard case .number(let number) = self, number.isFinite else { return nil }
        return Int64(number.description)
    }
}
