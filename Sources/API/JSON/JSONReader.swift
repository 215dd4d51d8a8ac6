import Domain
import Foundation

/// Why bytes are not a JSON document that is read here; `offset` counts bytes from 0.
struct JSONProblem: Error, Equatable {
    let offset: Int
    let reason: String
}

/// Reads one JSON document, refusing what two readers could understand differently.
///
/// Beyond RFC 8259 it refuses repeated members, text that is not valid Unicode, documents nested deeper than
/// `JSON.maximumDepth` and numbers that `Decimal` cannot hold exactly (more than 38 digits).
struct JSONReader {
    private let bytes: [UInt8]
    private let maximumDepth: Int
    private var position = 0

    private init(_ bytes: [UInt8], maximumDepth: Int) {
        self.bytes = bytes
        self.maximumDepth = maximumDepth
    }

    /// The document that `bytes` spell, at most `depth` levels deep, and nothing behind it but white space.
    static func read(_ bytes: [UInt8], depth: Int = JSON.maximumDepth) throws(JSONProblem) -> JSON {
        var reader = JSONReader(bytes, maximumDepth: depth)
        reader.skipSpace()
        let document = try reader.value(depth: 1)
        reader.skipSpace()
        guard reader.position == bytes.count else { throw reader.problem("text behind the document") }
        return document
    }

    private func problem(_ reason: String) -> JSONProblem { JSONProblem(offset: position, reason: reason) }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 { position += 1 }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func value(depth: Int) throws(JSONProblem) -> JSON {
        switch next {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .boolean(true))
        case UInt8(ascii: "f"): return try word("false", .boolean(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case .some(UInt8(ascii: "-")), .some(UInt8(ascii: "0")...UInt8(ascii: "9")): return .number(try number())
        case .some: throw problem("not a JSON value")
        case nil: throw problem("the document ends too early")
        }
    }

    private mutating func word(_ text: StaticString, _ value: JSON) throws(JSONProblem) -> JSON {
        let end = position + text.utf8CodeUnitCount
        let matches = text.withUTF8Buffer { end <= bytes.count && bytes[position..<end].elementsEqual($0) }
        guard matches else { throw problem("not a JSON value") }
        position = end
        return value
    }

    private mutating func object(depth: Int) throws(JSONProblem) -> JSON {
        guard depth <= maximumDepth else { throw problem("nested more than \(maximumDepth) levels deep") }
        position += 1
        var members: [String: JSON] = [:]
        skipSpace()
        if take("}") { return .object(members) }
        while true {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw problem("a member's name is expected") }
            let start = position
            let name = try string()
            skipSpace()
            guard take(":") else { throw problem("':' is expected") }
            skipSpace()
            let member = try value(depth: depth + 1)
            guard members.updateValue(member, forKey: name) == nil else {
                throw JSONProblem(offset: start, reason: "the member is repeated")
            }
            skipSpace()
            if take("}") { return .object(members) }
            guard take(",") else { throw problem("',' or '}' is expected") }
        }
    }

    private mutating func array(depth: Int) throws(JSONProblem) -> JSON {
        guard depth <= maximumDepth else { throw problem("nested more than \(maximumDepth) levels deep") }
        position += 1
        var elements: [JSON] = []
        skipSpace()
        if take("]") { return .array(elements) }
        while true {
            skipSpace()
            elements.append(try value(depth: depth + 1))
            skipSpace()
            if take("]") { return .array(elements) }
            guard take(",") else { throw problem("',' or ']' is expected") }
        }
    }

    private mutating func string() throws(JSONProblem) -> String {
        position += 1
        var text: [UInt8] = []
        var runStart = position
        while let byte = next {
            switch byte {
            case UInt8(ascii: "\""):
                text.append(contentsOf: bytes[runStart..<position])
                position += 1
                guard let string = String(validating: text, as: UTF8.self) else { throw problem("invalid UTF-8") }
                return string
            case UInt8(ascii: "\\"):
                text.append(contentsOf: bytes[runStart..<position])
                position += 1
                try escape(into: &text)
                runStart = position
            case 0..<0x20: throw problem("a control character in a string")
            default: position += 1
            }
        }
        throw problem("a string does not end")
    }

    private mutating func escape(into text: inout [UInt8]) throws(JSONProblem) {
        guard let byte = next else { throw problem("a string does not end") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0c)
        case UInt8(ascii: "n"): text.append(0x0a)
        case UInt8(ascii: "r"): text.append(0x0d)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"):
            let scalar = try escapedScalar()
            text.append(contentsOf: String(Character(scalar)).utf8)
        default: throw problem("an unknown escape")
        }
    }

    private mutating func escapedScalar() throws(JSONProblem) -> Unicode.Scalar {
        let first = try fourDigits()
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard (0xd800...0xdbff).contains(first), take("\\"), take("u") else { throw problem("half a surrogate pair") }
        let second = try fourDigits()
        guard (0xdc00...0xdfff).contains(second),
            let scalar = Unicode.Scalar(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00))
        else { throw problem("half a surrogate pair") }
        return scalar
    }

    private mutating func fourDigits() throws(JSONProblem) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else {
                throw problem("four hexadecimal digits are expected")
            }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }

    private mutating func digits() -> Int {
        let start = position
        while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
        return position - start
    }

    private mutating func number() throws(JSONProblem) -> Decimal {
        let start = position
        _ = take("-")
        let leading = position
        let integerDigits = digits()
        guard integerDigits > 0 else { throw problem("a digit is expected") }
        guard integerDigits == 1 || bytes[leading] != UInt8(ascii: "0") else { throw problem("a leading zero") }
        var isInteger = true
        if take(".") {
            isInteger = false
            guard digits() > 0 else { throw problem("a digit is expected") }
        }
        if take("e") || take("E") {
            isInteger = false
            if !take("+") { _ = take("-") }
            let count = digits()
            guard count > 0 else { throw problem("a digit is expected") }
            guard count <= 3 else { throw JSONProblem(offset: start, reason: "the number is out of range") }
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isInteger, let small = Int64(text) { return Decimal(small) }
        return try exact(text, at: start)
    }

    private func exact(_ text: String, at start: Int) throws(JSONProblem) -> Decimal {
        let mantissa = text.prefix { $0 != "e" && $0 != "E" }.filter(\.isNumber).drop { $0 == "0" }
        let significant = mantissa.reversed().drop { $0 == "0" }.count
        guard significant <= 38 else {
            throw JSONProblem(offset: start, reason: "the number has more than 38 digits; send it as a string")
        }
        if significant == 0 { return 0 }
        guard let value = Decimal(string: text), value.isFinite, value != 0 else {
            throw JSONProblem(offset: start, reason: "the number is out of range")
        }
        return value
    }
}
