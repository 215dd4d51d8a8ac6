/// Where a value lands, which decides how it is escaped.
///
/// The raw value is the name under which the place appears as the outermost transform of each tag that the Mustache
/// parser is given; no template can write it, since templates may name only the transforms of ``TemplateTransform``.
enum TemplatePlace: String, Sendable {
    case plain = "_p"
    case html = "_h"
    case markdown = "_m"
    /// Behind a `_` of MarkdownV2, which would read as one `__` with another behind an empty value.
    case markdownItalic = "_n"
    /// Inside a JSON string.
    case jsonString = "_j"
    /// Where a whole JSON value belongs.
    case jsonValue = "_v"
    case urlComponent = "_u"
    /// The beginning of a URL, where a value may be an `http` or `https` URL of its own.
    case urlStart = "_l"
    case header = "_e"

    /// The transform that a section's value passes through: whether there is something to show.
    static let condition = "_if"
}

/// What a template's text is part of.
public enum TemplateContext: Sendable, CaseIterable {
    /// A Telegram message with `parse_mode` `HTML`.
    case telegramHTML
    /// A Telegram message with `parse_mode` `MarkdownV2`.
    case telegramMarkdownV2
    /// Text that is encoded afterwards, or shown as it is.
    case plain
    /// A whole JSON document, written as text.
    case json
    /// The inside of a JSON string.
    case jsonString
    /// A whole URL.
    case url
    /// A part of a URL's path or query.
    case urlComponent
    /// The value of an HTTP header.
    case header

    /// The longest source: UTF-16 units for Telegram, bytes elsewhere.
    public var sourceMaximum: Int {
        switch self {
        case .telegramHTML, .telegramMarkdownV2: 4096
        case .plain, .json, .jsonString: 65536
        case .url, .urlComponent: 2048
        case .header: 1024
        }
    }

    /// The longest output: visible UTF-16 units for Telegram, bytes elsewhere.
    public var outputMaximum: Int {
        switch self {
        case .telegramHTML, .telegramMarkdownV2: 4096
        case .plain, .json, .jsonString: 262_144
        case .url, .urlComponent: 2048
        case .header: 1024
        }
    }

    func sourceLength(of text: String) -> Int {
        switch self {
        case .telegramHTML, .telegramMarkdownV2: text.utf16.count
        default: text.utf8.count
        }
    }

    /// How much of ``outputMaximum`` the rendered `text` takes.
    func outputLength(of text: String) -> Int {
        switch self {
        case .telegramHTML: TelegramHTML.visibleText(of: text).utf16.count
        case .telegramMarkdownV2: TelegramMarkdown.visibleText(of: text).utf16.count
        default: text.utf8.count
        }
    }
}
