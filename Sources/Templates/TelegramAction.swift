import Domain

/// What a Telegram action sends.
public struct TelegramAction: Sendable {
    /// How Telegram reads the text.
    public enum ParseMode: String, Sendable, CaseIterable {
        case html = "HTML"
        case markdownV2 = "MarkdownV2"
        case none

        /// The mode that a client's `name` means, whatever its case.
        init?(name: String) {
            switch name.lowercased() {
            case "html": self = .html
            case "markdownv2", "markdown": self = .markdownV2
            case "none", "": self = .none
            default: return nil
            }
        }

        var context: TemplateContext {
            switch self {
            case .html: .telegramHTML
            case .markdownV2: .telegramMarkdownV2
            case .none: .plain
            }
        }
    }

    /// A button below the message that opens a URL.
    public struct Button: Sendable {
        /// What stands on it.
        public let text: Template
        /// What it opens.
        public let url: Template
    }

    /// The most buttons on one message.
    public static let buttonsMaximum = 12
    /// What is sent where the config has no `message_template`.
    public static let defaultTemplate = """
        {{#is_retraction}}⚠️ <b>Retracted</b>: the block of this event was reorganised away.
        {{/is_retraction}}<b>{{event_type}}</b>{{#agent_id}} · agent {{agent_id}}{{/agent_id}}{{#chain_name}} · {{chain_name}}{{/chain_name}}
        {{#score}}Score: {{score}}
        {{/score}}{{#tag1}}Tag: {{tag1}}
        {{/tag1}}{{#response}}Response: {{response}}
        {{/response}}{{#owner}}Owner: <code>{{owner}}</code>
        {{/owner}}{{#client_address}}Client: <code>{{client_address}}</code>
        {{/client_address}}{{#agent_uri}}URI: {{short(agent_uri)}}
        {{/agent_uri}}Block {{block_number}}, {{date(block_timestamp)}}
        """

    /// The chat: a whole number in decimal digits, or `@name` in lower case.
    public let chatID: String
    /// The message.
    public let message: Template
    /// How Telegram reads the message.
    public let parseMode: ParseMode
    /// The forum topic; nil for the chat itself.
    public let messageThreadID: Int64?
    /// Whether the message arrives without a sound.
    public let disablesNotification: Bool
    /// Whether Telegram shows a preview of the first link.
    public let showsLinkPreview: Bool
    /// Rows of buttons.
    public let buttons: [[Button]]
    /// The bot of this action alone; nil for the one in the settings.
    public let botToken: String?

    init?(_ reader: inout ConfigReader) {
        let chatID = Self.chatID(&reader)
        let parseMode = Self.parseMode(&reader)
        let source = reader.text("message_template")
        let context = (source == nil ? .html : parseMode ?? .html).context
        let message = reader.template(source ?? Self.defaultTemplate, at: "message_template", for: context)
        if let source, source.trimmedIsEmpty { reader.refuse("message_template", "is empty") }
        messageThreadID = reader.integer("message_thread_id", in: 1...Int64.max)
        disablesNotification = reader.flag("disable_notification", default: false)
        showsLinkPreview = reader.flag("link_preview", default: false)
        buttons = Self.buttons(&reader)
        botToken = reader.secret("bot_token")
        if let botToken, !Self.isBotToken(botToken) { reader.refuse("bot_token", "is not a bot token (digits:secret)") }
        guard let chatID, let message else { return nil }
        self.chatID = chatID
        self.message = message
        self.parseMode = source == nil ? .html : parseMode ?? .html
    }

    private static func parseMode(_ reader: inout ConfigReader) -> ParseMode? {
        guard let name = reader.text("parse_mode") else { return nil }
        guard let mode = ParseMode(name: name) else {
            reader.refuse("parse_mode", "must be HTML, MarkdownV2 or none")
            return nil
        }
        return mode
    }

    /// A whole number of at most 52 significant bits, as Telegram has them, or a public name.
    private static func chatID(_ reader: inout ConfigReader) -> String? {
        let issue = "must be a chat's number or its public @name"
        guard let value = reader.member("chat_id") else {
            reader.refuse("chat_id", "is required")
            return nil
        }
        let number = value.integer ?? value.string.flatMap { Int64($0) }
        if let number {
            guard number != 0, number.magnitude < 1 << 52 else {
                reader.refuse("chat_id", issue)
                return nil
            }
            return String(number)
        }
        guard let name = value.string, name.first == "@", (5...33).contains(name.utf8.count),
            name.utf8.dropFirst().allSatisfy({ $0.isASCIIAlphanumeric || $0 == UInt8(ascii: "_") })
        else {
            reader.refuse("chat_id", issue)
            return nil
        }
        return name.lowercased()
    }

    /// A list of buttons, one a row, or of rows of buttons.
    private static func buttons(_ reader: inout ConfigReader) -> [[Button]] {
        guard let value = reader.member("buttons") else { return [] }
        guard case .array(let rows) = value else {
            reader.refuse("buttons", "must be a list")
            return []
        }
        var result: [[Button]] = []
        for (index, row) in rows.prefix(buttonsMaximum + 1).enumerated() {
            var buttons: [Button] = []
            if case .array(let inner) = row {
                for (column, element) in inner.prefix(buttonsMaximum + 1).enumerated() {
                    if let button = button(element, at: "buttons[\(index)][\(column)]", &reader) {
                        buttons.append(button)
                    }
                }
            } else if let button = button(row, at: "buttons[\(index)]", &reader) {
                buttons.append(button)
            }
            result.append(buttons)
        }
        if rows.count > buttonsMaximum || result.reduce(0, { $0 + $1.count }) > buttonsMaximum {
            reader.refuse("buttons", "has more than \(buttonsMaximum) buttons")
        }
        return result.filter { !$0.isEmpty }
    }

    private static func button(_ json: JSON, at field: String, _ reader: inout ConfigReader) -> Button? {
        guard case .object(let members) = json else {
            reader.refuse(field, "must be an object with text and url")
            return nil
        }
        for name in members.keys where name != "text" && name != "url" {
            reader.refuse("\(field).\(name)", "is not a member of a button")
        }
        guard let text = members["text"]?.string, !text.trimmedIsEmpty, text.utf16.count <= 256 else {
            reader.refuse("\(field).text", "must be a text of 1 to 256 characters")
            return nil
        }
        guard let url = members["url"]?.string, !url.trimmedIsEmpty else {
            reader.refuse("\(field).url", "must be a URL")
            return nil
        }
        let lower = url.lowercased()
        guard
            lower.hasPrefix("http://") || lower.hasPrefix("https://") || lower.hasPrefix("tg://")
                || lower.hasPrefix("{{")
        else {
            reader.refuse("\(field).url", "must begin with https://, http://, tg:// or a variable that holds a URL")
            return nil
        }
        let textTemplate = reader.template(text, at: "\(field).text", for: .plain)
        let urlTemplate = reader.template(url, at: "\(field).url", for: .url)
        guard let textTemplate, let urlTemplate else { return nil }
        return Button(text: textTemplate, url: urlTemplate)
    }

    private static func isBotToken(_ token: String) -> Bool {
        let parts = token.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, (1...20).contains(parts[0].utf8.count), (20...100).contains(parts[1].utf8.count) else {
            return false
        }
        return parts[0].utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            && parts[1].utf8.allSatisfy { $0.isASCIIAlphanumeric || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-") }
    }
}

extension UInt8 {
    /// Whether the byte is an ASCII letter or digit.
    var isASCIIAlphanumeric: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }
}

extension String {
    /// Whether nothing but white space is in it.
    var trimmedIsEmpty: Bool { allSatisfy(\.isWhitespace) }
}
