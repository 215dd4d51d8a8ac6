import Domain
import Foundation

/// JSON as text: quoting, writing, checking.
enum JSONText {
    /// Appends `text` as the inside of a JSON string.
    static func escape(_ text: String, into bytes: inout [UInt8]) {
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""): bytes.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "\"")])
            case UInt8(ascii: "\\"): bytes.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "\\")])
            case UInt8(ascii: "\n"): bytes.append(contentsOf: "\\n".utf8)
            case UInt8(ascii: "\r"): bytes.append(contentsOf: "\\r".utf8)
            case UInt8(ascii: "\t"): bytes.append(contentsOf: "\\t".utf8)
            case 0..<0x20, 0x7f:
                bytes.append(contentsOf: "\\u00".utf8)
                bytes.append(digit(byte >> 4))
                bytes.append(digit(byte & 0xf))
            default: bytes.append(byte)
            }
        }
    }

    /// `text` as a JSON string, quotes included.
    static func quoted(_ text: String) -> String {
        var bytes = [UInt8(ascii: "\"")]
        escape(text, into: &bytes)
        bytes.append(UInt8(ascii: "\""))
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Appends `document` compactly, members in the order of their names' bytes.
    static func write(_ document: JSON, into bytes: inout [UInt8]) {
        switch document {
        case .null: bytes.append(contentsOf: "null".utf8)
        case .boolean(let flag): bytes.append(contentsOf: (flag ? "true" : "false").utf8)
        case .number(let number): bytes.append(contentsOf: digits(of: number).utf8)
        case .string(let text):
            bytes.append(UInt8(ascii: "\""))
            escape(text, into: &bytes)
            bytes.append(UInt8(ascii: "\""))
        case .array(let elements):
            bytes.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                write(element, into: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let members):
            bytes.append(UInt8(ascii: "{"))
            let sorted = members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            for (index, member) in sorted.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                bytes.append(UInt8(ascii: "\""))
                escape(member.key, into: &bytes)
                bytes.append(contentsOf: "\":".utf8)
                write(member.value, into: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }

    private static func digits(of number: Decimal) -> String {
        number.isFinite ? number.description : "null"
    }

    private static func digit(_ nibble: UInt8) -> UInt8 {
        nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10
    }

    /// Follows quotes through a template.
    struct Walker: TemplateWalker {
        private var isQuoted = false
        private var isEscape = false

        mutating func read(_ literal: String) throws(TemplateError) {
            for byte in literal.utf8 {
                if isEscape {
                    isEscape = false
                } else if byte == UInt8(ascii: "\\"), isQuoted {
                    isEscape = true
                } else if byte == UInt8(ascii: "\"") {
                    isQuoted.toggle()
                }
            }
        }

        func place() throws(TemplateError) -> TemplatePlace {
            if isEscape { throw .invalidMarkup("has a variable behind a backslash") }
            return isQuoted ? .jsonString : .jsonValue
        }

        func finish() throws(TemplateError) {
            if isQuoted || isEscape { throw .invalidMarkup("does not close a quoted text") }
        }
    }
}
