import Ethereum

/// Makes text harmless for one place each; all are total.
enum Escaping {
    /// Telegram's HTML, text and quoted attributes alike.
    static func html(_ text: String) -> String {
        replacing(in: message(text)) { byte in
            switch byte {
            case UInt8(ascii: "&"): "&amp;"
            case UInt8(ascii: "<"): "&lt;"
            case UInt8(ascii: ">"): "&gt;"
            case UInt8(ascii: "\""): "&quot;"
            case UInt8(ascii: "'"): "&#39;"
            default: nil
            }
        }
    }

    /// Telegram's MarkdownV2.
    static func markdown(_ text: String) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count + 16)
        for byte in message(text).utf8 {
            if TelegramMarkdown.reserved.contains(byte) { bytes.append(UInt8(ascii: "\\")) }
            bytes.append(byte)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Telegram's MarkdownV2 behind a `_`: never nothing, but a space that is not to be seen.
    static func markdownItalic(_ text: String) -> String {
        let escaped = markdown(text)
        return escaped.isEmpty ? "\u{200b}" : escaped
    }

    /// The inside of a JSON string.
    static func jsonString(_ text: String) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count + 16)
        JSONText.escape(text, into: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A part of a URL: everything but the unreserved characters of RFC 3986 is percent-encoded.
    static func urlComponent(_ text: String) -> String {
        percentEncoded(text) { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                true
            default: false
            }
        }
    }

    /// A whole URL: an `http` or `https` one keeps its structure, anything else becomes a component.
    static func urlStart(_ text: String) -> String {
        let lower = text.prefix(8).lowercased()
        guard lower.hasPrefix("http://") || lower.hasPrefix("https://") else { return urlComponent(text) }
        let legal = Set(
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~:/?#[]@!$&'()*+,;=%".utf8)
        return percentEncoded(text) { legal.contains($0) }
    }

    /// A header's value: whatever is not visible ASCII or a space is percent-encoded, so no line can end in it.
    static func header(_ text: String) -> String {
        percentEncoded(text) { (0x20...0x7e).contains($0) }
    }

    /// Text for a chat: line breaks and control characters become spaces, and signs that turn the direction of
    /// writing go, since either could make a value look like a part of the message around it.
    private static func message(_ text: String) -> String {
        let isClean = text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f && !isHazard($0) }
        if isClean { return text }
        var scalars = String.UnicodeScalarView()
        for scalar in text.unicodeScalars where !isHazard(scalar) {
            scalars.append(scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value) ? " " : scalar)
        }
        return String(scalars)
    }

    private static func isHazard(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x2028...0x202e, 0x2066...0x2069: true
        default: false
        }
    }

    private static func replacing(in text: String, _ replacement: (UInt8) -> StaticString?) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count + 16)
        for byte in text.utf8 {
            if let replacement = replacement(byte) {
                replacement.withUTF8Buffer { bytes.append(contentsOf: $0) }
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func percentEncoded(_ text: String, _ isAllowed: (UInt8) -> Bool) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count + 16)
        for byte in text.utf8 {
            if isAllowed(byte) {
                bytes.append(byte)
            } else {
                bytes.append(UInt8(ascii: "%"))
                bytes.append(digits[Int(byte >> 4)])
                bytes.append(digits[Int(byte & 0xf)])
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
