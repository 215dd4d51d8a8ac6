import Domain
import Foundation
import Templates

/// A message as `sendMessage` takes it, before and after what Telegram refuses is left out.
struct TelegramDraft {
    /// What stands above a retracted event's message whose template does not say so itself.
    static let retractionNotice = "⚠️ Retracted: the block of this event was reorganised away."

    var chatID: String
    private let action: TelegramAction
    private let notice: Notice
    private var isPlain: Bool
    private var hasThread: Bool
    private var hasButtons: Bool
    private var limit = 4096

    init(_ action: TelegramAction, notice: Notice) {
        self.action = action
        self.notice = notice
        chatID = action.chatID
        isPlain = action.parseMode == .none
        hasThread = action.messageThreadID != nil
        hasButtons = !action.buttons.isEmpty
    }

    /// Changes the message as `reaction` asks; false where that was done before or cannot be done.
    mutating func apply(_ reaction: TelegramReaction) -> Bool {
        switch reaction {
        case .resendPlain where !isPlain: isPlain = true
        case .resendWithoutThread where hasThread: hasThread = false
        case .resendWithoutButtons where hasButtons: hasButtons = false
        case .resendShorter where limit == 4096: limit = 2048
        default: return false
        }
        return true
    }

    /// What `sendMessage` is given.
    var json: JSON {
        var members: [String: JSON] = [
            "chat_id": .string(chatID), "text": .string(text),
            "link_preview_options": .object(["is_disabled": .boolean(!action.showsLinkPreview)]),
        ]
        if !isPlain, action.parseMode != .none { members["parse_mode"] = .string(action.parseMode.rawValue) }
        if hasThread, let thread = action.messageThreadID { members["message_thread_id"] = .number(Decimal(thread)) }
        if action.disablesNotification { members["disable_notification"] = .boolean(true) }
        if hasButtons, let keyboard { members["reply_markup"] = .object(["inline_keyboard": keyboard]) }
        return .object(members)
    }

    private var text: String {
        let addsNotice = notice.kind == .retraction && !action.message.saysKind
        let prefix =
            addsNotice ? Self.escape(Self.retractionNotice, for: isPlain ? .none : action.parseMode) + "\n" : ""
        let prefixLength = addsNotice ? Self.retractionNotice.utf16.count + 1 : 0
        var text = action.message.render(notice, limit: limit - prefixLength)
        if isPlain { text = action.message.context.visibleText(of: text) }
        let whole = prefix + text
        // Telegram refuses a message in which nothing is to be seen.
        return whole.allSatisfy(\.isWhitespace) ? notice.summary : whole
    }

    private static func escape(_ text: String, for mode: TelegramAction.ParseMode) -> String {
        switch mode {
        case .html: TelegramText.escape(text, for: .telegramHTML)
        case .markdownV2: TelegramText.escape(text, for: .telegramMarkdownV2)
        case .none: text
        }
    }

    /// The buttons whose URL is one that Telegram takes; nil where none is left.
    private var keyboard: JSON? {
        let rows: [JSON] = action.buttons.compactMap { row in
            let buttons: [JSON] = row.compactMap { button in
                let url = button.url.render(notice)
                let lower = url.lowercased()
                let text = button.text.render(notice, limit: 256)
                guard ["http://", "https://", "tg://"].contains(where: { lower.hasPrefix($0) }),
                    !text.allSatisfy(\.isWhitespace)
                else { return nil }
                return .object(["text": .string(text), "url": .string(url)])
            }
            return buttons.isEmpty ? nil : .array(buttons)
        }
        return rows.isEmpty ? nil : .array(rows)
    }
}
