/// The HTML that Telegram understands.
///
/// - SeeAlso: Bot API, "HTML style"; tags are checked as the server's parser does.
enum TelegramHTML {
    static let tags: Set<String> = [
        "b", "strong", "i", "em", "u", "ins", "s", "strike", "del", "span", "tg-spoiler", "a", "code", "pre",
        "blockquote", "tg-emoji", "tg-time",
    ]

    /// Follows text, tags and quoted attributes through a template.
    struct Walker: TemplateWalker {
        private enum State: Equatable {
            case text
            case tagName(String)
            /// Between the tag's name, its attributes and `>`.
            case tag
            case attributeName
            /// After `=`, before the quote.
            case attributeStart
            case attribute(quote: Character)
        }

        private var state = State.text
        private var isClosing = false
        private var open: [String] = []

        mutating func read(_ literal: String) throws(TemplateError) {
            for character in literal { try step(character) }
        }

        func place() throws(TemplateError) -> TemplatePlace {
            switch state {
            case .text, .attribute: return .html
            case .tagName, .tag, .attributeName, .attributeStart:
                throw .invalidMarkup("has a variable inside a tag; only text and quoted attributes can hold one")
            }
        }

        func finish() throws(TemplateError) {
            guard state == .text else { throw .invalidMarkup("ends inside a tag") }
            if let tag = open.last { throw .invalidMarkup("does not close <\(tag)>") }
        }

        private mutating func step(_ character: Character) throws(TemplateError) {
            switch state {
            case .text:
                if character == "<" { state = .tagName("") }
            case .tagName(let name): try stepName(character, name)
            case .tag:
                switch character {
                case ">": state = .text
                case _ where character.isWhitespace: break
                case _ where character.isLetter: state = .attributeName
                default: throw .invalidMarkup("has an unexpected '\(character)' in a tag")
                }
            case .attributeName:
                switch character {
                case "=": state = .attributeStart
                case ">": state = .text
                case _ where character.isWhitespace: state = .tag
                case _ where character.isLetter || character.isNumber || character == "-": break
                default: throw .invalidMarkup("has an unexpected '\(character)' in a tag")
                }
            case .attributeStart:
                guard character == "\"" || character == "'" else {
                    throw .invalidMarkup("has an attribute without quotes")
                }
                state = .attribute(quote: character)
            case .attribute(let quote):
                if character == quote { state = .tag }
            }
        }

        private mutating func stepName(_ character: Character, _ name: String) throws(TemplateError) {
            if character == "/", name.isEmpty, !isClosing {
                isClosing = true
            } else if character == ">" || character.isWhitespace {
                try enter(name.lowercased())
                state = character == ">" ? .text : .tag
            } else if character.isASCII, character.isLetter || character == "-" {
                state = .tagName(name + String(character))
            } else {
                throw .invalidMarkup("has an unexpected '\(character)' behind '<'; write &lt; for the sign itself")
            }
        }

        private mutating func enter(_ name: String) throws(TemplateError) {
            if isClosing {
                guard let last = open.popLast(), name.isEmpty || name == last else {
                    throw .invalidMarkup("closes </\(name)> where it is not open")
                }
            } else {
                guard tags.contains(name) else {
                    throw .invalidMarkup("has the tag <\(name)>, which Telegram does not know")
                }
                open.append(name)
            }
            isClosing = false
        }
    }

    /// What a reader sees of well-formed `text`: without tags, entities resolved.
    static func visibleText(of text: String) -> String {
        var visible: [UInt8] = []
        let bytes = Array(text.utf8)
        var position = 0
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "<"):
                var quote: UInt8?
                position += 1
                while position < bytes.count, quote != nil || bytes[position] != UInt8(ascii: ">") {
                    let byte = bytes[position]
                    if let open = quote {
                        if byte == open { quote = nil }
                    } else if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
                        quote = byte
                    }
                    position += 1
                }
                position += 1
            case UInt8(ascii: "&"):
                let (character, length) = entity(bytes[position...])
                visible.append(contentsOf: character)
                position += length
            default:
                visible.append(bytes[position])
                position += 1
            }
        }
        return String(decoding: visible, as: UTF8.self)
    }

    /// The bytes that the entity at the beginning of `bytes` stands for, and its length; an unknown one stands for itself.
    private static func entity(_ bytes: ArraySlice<UInt8>) -> (character: [UInt8], length: Int) {
        for (name, character) in [("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"), ("&quot;", "\"")] {
            if bytes.starts(with: name.utf8) { return (Array(character.utf8), name.utf8.count) }
        }
        guard bytes.starts(with: "&#".utf8), let end = bytes.prefix(12).firstIndex(of: UInt8(ascii: ";")) else {
            return ([UInt8(ascii: "&")], 1)
        }
        let digits = String(decoding: bytes[(bytes.startIndex + 2)..<end], as: UTF8.self)
        let isHexadecimal = digits.first == "x" || digits.first == "X"
        guard let value = UInt32(isHexadecimal ? String(digits.dropFirst()) : digits, radix: isHexadecimal ? 16 : 10),
            let scalar = Unicode.Scalar(value)
        else { return ([UInt8(ascii: "&")], 1) }
        return (Array(String(Character(scalar)).utf8), end - bytes.startIndex + 1)
    }
}
