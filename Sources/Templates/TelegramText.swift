/// What senders need of Telegram's markup besides templates.
public enum TelegramText {
    /// `text` as it stands for itself in a message of `context`; unchanged for any other context.
    public static func escape(_ text: String, for context: TemplateContext) -> String {
        switch context {
        case .telegramHTML: Escaping.html(text)
        case .telegramMarkdownV2: Escaping.markdown(text)
        default: text
        }
    }
}

extension TemplateContext {
    /// What a reader sees of `rendered`: without tags and escapes where the context is a Telegram message.
    public func visibleText(of rendered: String) -> String {
        switch self {
        case .telegramHTML: TelegramHTML.visibleText(of: rendered)
        case .telegramMarkdownV2: TelegramMarkdown.visibleText(of: rendered)
        default: rendered
        }
    }
}

extension Template {
    /// Whether its text depends on what the message says of the event: that it happened, or no longer holds.
    public var saysKind: Bool { variables.contains("kind") || variables.contains("is_retraction") }
}
