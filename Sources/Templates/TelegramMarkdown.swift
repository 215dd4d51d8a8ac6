/// Telegram's MarkdownV2.
///
/// - SeeAlso: Bot API, "MarkdownV2 style". A backslash before any character with a code of 1...126 makes it plain,
///   also within code and within a link's URL, so one way of escaping is right wherever a value lands.
enum TelegramMarkdown {
    static let reserved = Set("_*[]()~`>#+-=|{}.!\\".utf8)

    /// Follows backslashes through a template: one right before a value would eat the value's own escape.
    struct Walker: TemplateWalker {
        private var isEscape = false
        private var endsWithUnderscore = false

        mutating func read(_ literal: String) throws(TemplateError) {
            for byte in literal.utf8 { isEscape = byte == UInt8(ascii: "\\") && !isEscape }
            endsWithUnderscore = literal.hasSuffix("_")
        }

        func place() throws(TemplateError) -> TemplatePlace {
            if isEscape { throw .invalidMarkup("has a variable behind a backslash") }
            return endsWithUnderscore ? .markdownItalic : .markdown
        }

        /// Which character stands before a section does not bind its end.
        static func == (left: Walker, right: Walker) -> Bool { left.isEscape == right.isEscape }

        func finish() throws(TemplateError) {
            if isEscape { throw .invalidMarkup("ends with a backslash") }
        }
    }

    private enum Entity: Equatable {
        case bold, italic, underline, strike, spoiler, code, pre, link
    }

    /// Why Telegram would refuse `text`; nil when it would not.
    static func problem(in text: String) -> String? {
        let bytes = Array(text.utf8)
        var open: [Entity] = []
        var position = 0
        var isLineStart = true
        func at(_ offset: Int, is character: Unicode.Scalar) -> Bool {
            position + offset < bytes.count && bytes[position + offset] == UInt8(ascii: character)
        }
        while position < bytes.count {
            let byte = bytes[position]
            let wasLineStart = isLineStart
            isLineStart = byte == UInt8(ascii: "\n")
            if byte == UInt8(ascii: "\\"), position + 1 < bytes.count, (1...126).contains(bytes[position + 1]) {
                position += 2
                continue
            }
            guard reserved.contains(byte), byte != UInt8(ascii: "\\") else {
                position += 1
                continue
            }
            switch open.last {
            case .code:
                if byte == UInt8(ascii: "`") { open.removeLast() }
                position += 1
                continue
            case .pre:
                let isEnd = byte == UInt8(ascii: "`") && at(1, is: "`") && at(2, is: "`")
                if isEnd { open.removeLast() }
                position += isEnd ? 3 : 1
                continue
            case .link where byte == UInt8(ascii: "]"):
                open.removeLast()
                position += 1
                guard at(0, is: "(") else { continue }
                guard let end = linkEnd(bytes, from: position + 1) else { return "does not close a link's address" }
                position = end + 1
                continue
            default: break
            }
            switch Unicode.Scalar(byte) {
            case "*":
                toggle(.bold, in: &open)
                position += 1
            case "_":
                let isDouble = at(1, is: "_") && !(open.last == .italic)
                toggle(isDouble ? .underline : .italic, in: &open)
                position += isDouble ? 2 : 1
            case "~":
                toggle(.strike, in: &open)
                position += 1
            case "|" where at(1, is: "|"):
                toggle(.spoiler, in: &open)
                position += 2
            case "`":
                let isBlock = at(1, is: "`") && at(2, is: "`")
                open.append(isBlock ? .pre : .code)
                position += isBlock ? 3 : 1
            case "[":
                open.append(.link)
                position += 1
            case "!" where at(1, is: "["):
                open.append(.link)
                position += 2
            case ">" where wasLineStart: position += 1
            default:
                let sign = String(Character(Unicode.Scalar(byte)))
                return "has an unescaped '\(sign)'; MarkdownV2 wants '\\\(sign)'"
            }
        }
        return open.isEmpty ? nil : "leaves \(open.map { "\($0)" }.joined(separator: ", ")) open in MarkdownV2"
    }

    private static func toggle(_ entity: Entity, in open: inout [Entity]) {
        if open.last == entity { open.removeLast() } else { open.append(entity) }
    }

    private static func linkEnd(_ bytes: [UInt8], from start: Int) -> Int? {
        var position = start
        while position < bytes.count {
            if bytes[position] == UInt8(ascii: ")") { return position }
            position += bytes[position] == UInt8(ascii: "\\") ? 2 : 1
        }
        return nil
    }

    /// At least what a reader sees of `text`: escapes are resolved, markers stay.
    static func visibleText(of text: String) -> String {
        var visible: [UInt8] = []
        var bytes = text.utf8.makeIterator()
        while let byte = bytes.next() {
            if byte == UInt8(ascii: "\\"), let next = bytes.next() {
                if !(1...126).contains(next) { visible.append(byte) }
                visible.append(next)
            } else {
                visible.append(byte)
            }
        }
        return String(decoding: visible, as: UTF8.self)
    }
}
