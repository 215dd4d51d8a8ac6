import Domain
import Foundation
import HTTPClient
import Logging
import Synchronization
import Templates

/// Sends messages with the Bot API.
///
/// The bot's token stands in the path of the URL, so neither the URL nor an error that might quote it goes anywhere.
final class TelegramSender: Sender {
    /// Where the Bot API is, and the bot that is used where an action names none.
    struct Settings: Sendable {
        let apiURL: String
        let token: String?
    }

    /// The most requests that one attempt makes: the first, and one for each thing that can be left out.
    static let requestsMaximum = 5
    private static let movedMaximum = 10_000

    private let settings: Settings
    private let transport: any Transport
    private let logger: Logger
    private let now: @Sendable () -> Date
    private let didMigrate: @Sendable (Message, Int64) async -> Void
    /// Groups that became supergroups, until their actions say so themselves.
    private let moved = Mutex<[String: Int64]>([:])

    init(
        settings: Settings, transport: any Transport, logger: Logger, now: @escaping @Sendable () -> Date = { Date() },
        didMigrate: @escaping @Sendable (Message, Int64) async -> Void
    ) {
        self.settings = settings
        self.transport = transport
        self.logger = logger
        self.now = now
        self.didMigrate = didMigrate
    }

    /// The token that `action` is sent with.
    func token(of action: TelegramAction) -> String? { action.botToken ?? settings.token }

    func send(_ message: Message) async -> Attempt {
        let start = now()
        var attempt = Attempt(startedAt: start, endedAt: start, failure: nil)
        guard case .telegram(let action) = message.configuration.action else {
            attempt.failure = message.wrongChannel
            return attempt
        }
        guard let token = token(of: action) else {
            attempt.failure = Failure(.configuration, "no bot token is set")
            return attempt
        }
        var draft = TelegramDraft(action, notice: message.notice)
        if let chat = moved.withLock({ $0[draft.chatID] }) { draft.chatID = String(chat) }
        let redactor = Redactor(message.configuration.secrets.values + [token])
        for _ in 0..<Self.requestsMaximum {
            switch await exchange(draft, token, redactor, &attempt) {
            case nil: return attempt
            case .delivered?:
                attempt.failure = nil
                return attempt
            case .wait(let delay)?:
                attempt.failure = Failure(
                    .rateLimited, "Telegram asks to slow down", retry: .uncounted(after: delay), pause: delay)
                return attempt
            case .fail(let failure)?:
                attempt.failure = failure
                return attempt
            case .failBot(let failure)?:
                logger.error(
                    "a Telegram bot cannot send: check its token and who else uses it",
                    metadata: ["action.id": "\(message.claim.actionID)", "own": "\(action.botToken != nil)"])
                attempt.failure = failure
                return attempt
            case .migrate(let chat)? where draft.chatID != String(chat):
                await migrate(message, from: draft.chatID, to: chat)
                draft.chatID = String(chat)
            case let reaction?:
                guard draft.apply(reaction) else {
                    attempt.failure = Failure(.telegramMessage, "Telegram refused the message", retry: .never)
                    return attempt
                }
                logger.notice(
                    "sending a Telegram message once more, changed",
                    metadata: ["delivery.id": "\(message.claim.id)", "reason": "\(reaction)"])
            }
        }
        attempt.failure = Failure(.telegramMessage, "Telegram refused the message", retry: .never)
        return attempt
    }

    /// One request; nil where no answer came, with the failure in `attempt`.
    private func exchange(
        _ draft: TelegramDraft, _ token: String, _ redactor: Redactor, _ attempt: inout Attempt
    ) async -> TelegramReaction? {
        let body = draft.json.canonicalBytes
        // The operator chose this address, so the egress guard, which is for what users choose, does not apply.
        let request = OutboundRequest(
            url: "\(settings.apiURL)/bot\(token)/sendMessage", headers: ["Content-Type": "application/json"],
            body: body, deadline: .seconds(15), bodyOverflow: .truncate, guarded: false)
        attempt.record(request: body)
        do {
            let response = try await transport.send(request)
            attempt.endedAt = now()
            attempt.record(response, redactor: redactor)
            return TelegramReaction.to(TelegramReply(status: response.status, body: response.body))
        } catch {
            attempt.endedAt = now()
            attempt.failure = Failure(error)
            return nil
        }
    }

    private func migrate(_ message: Message, from old: String, to chat: Int64) async {
        moved.withLock { moved in
            if moved.count >= Self.movedMaximum { moved.removeAll() }
            moved[old] = chat
        }
        await didMigrate(message, chat)
    }
}
