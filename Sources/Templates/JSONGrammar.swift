/// The grammar of JSON, nothing more and nothing less.
///
/// Foundation's reader takes some texts that receivers refuse, such as a comma before a closing bracket.
///
/// - SeeAlso: RFC 8259.
struct JSONGrammar {
    private let bytes: [UInt8]
    private var position = 0
    private static let depthMaximum = 64

    /// Whether `text` is one JSON document, at most 64 levels deep.
    static func accepts(_ text: String) -> Bool {
        var grammar = JSONGrammar(bytes: Array(text.utf8))
        guard grammar.value(depth: 0) else { return false }
        grammar.space()
        return grammar.position == grammar.bytes.count
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: scalar) else { return false }
        position += 1
        return true
    }

    private mutating func space() {
        while let byte = next, [0x20, 0x09, 0x0a, 0x0d].contains(byte) { position += 1 }
    }

    private mutating func value(depth: Int) -> Bool {
        guard depth <= Self.depthMaximum else { return false }
        space()
        switch next {
        case UInt8(ascii: "{"): return members(until: "}", depth: depth, named: true)
        case UInt8(ascii: "["): return members(until: "]", depth: depth, named: false)
        case UInt8(ascii: "\""): return string()
        case UInt8(ascii: "t"): return word("true")
        case UInt8(ascii: "f"): return word("false")
        case UInt8(ascii: "n"): return word("null")
        default: return number()
        }
    }

    private mutating func members(until end: Unicode.Scalar, depth: Int, named: Bool) -> Bool {
        position += 1
        space()
        if take(end) { return true }
        while true {
            if named {
                space()
                guard string() else { return false }
                space()
                guard take(":") else { return false }
            }
            guard value(depth: depth + 1) else { return false }
            space()
            if take(end) { return true }
            guard take(",") else { return false }
        }
    }

    private mutating func word(_ word: String) -> Bool {
        guard bytes[position...].starts(with: word.utf8) else { return false }
        position += word.utf8.count
        return true
    }

    private mutating func string() -> Bool {
        guard take("\"") else { return false }
        while let byte = next {
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return true
            case 0..<0x20: return false
            case UInt8(ascii: "\\"):
                guard let escape = next else { return false }
                position += 1
                if escape == UInt8(ascii: "u") {
                    for _ in 0..<4 {
                        guard let digit = next, digit.isHexadecimalDigit else { return false }
                        position += 1
                    }
                } else if !"\"\\/bfnrt".utf8.contains(escape) {
                    return false
                }
            default: break
            }
        }
        return false
    }

    private mutating func digits() -> Bool {
        let start = position
        while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
        return position > start
    }

    private mutating func number() -> Bool {
        _ = take("-")
        if !take("0") {
            guard digits() else { return false }
        }
        if take("."), !digits() { return false }
        if take("e") || take("E") {
            if !take("+") { _ = take("-") }
            return digits()
        }
        return true
    }
}

extension UInt8 {
    fileprivate var isHexadecimalDigit: Bool {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
            UInt8(ascii: "A")...UInt8(ascii: "F"):
            true
        default: false
        }
    }
}
