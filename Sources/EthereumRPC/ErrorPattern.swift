/// A text with holes, found anywhere in a node's message.
///
/// Written in lower case. `{n}` stands for a number, `{blocks}`, `{results}` and `{rate}` for one that is a limit, `*`
/// for anything. Numbers may have separators and a `k`.
struct ErrorPattern: Sendable {
    /// The limits that stood in the holes.
    struct Limits: Sendable, Equatable {
        var blocks: Int?
        var results: Int?
        /// In a second.
        var rate: Int?
    }

    private enum Part: Sendable {
        case text([UInt8])
        case number
        case limit(any WritableKeyPath<Limits, Int?> & Sendable)
        case anything
    }

    private let parts: [Part]

    init(_ pattern: String) {
        var parts: [Part] = []
        var rest = pattern[...]
        while let next = rest.firstIndex(where: { $0 == "{" || $0 == "*" }) {
            if next > rest.startIndex { parts.append(.text(Array(rest[..<next].utf8))) }
            if rest[next] == "*" {
                parts.append(.anything)
                rest = rest[rest.index(after: next)...]
                continue
            }
            guard let end = rest[next...].firstIndex(of: "}") else { preconditionFailure("a hole is closed by }") }
            switch rest[rest.index(after: next)..<end] {
            case "n": parts.append(.number)
            case "blocks": parts.append(.limit(\.blocks))
            case "results": parts.append(.limit(\.results))
            case "rate": parts.append(.limit(\.rate))
            default: preconditionFailure("a hole is {n}, {blocks}, {results} or {rate}")
            }
            rest = rest[rest.index(after: end)...]
        }
        if !rest.isEmpty { parts.append(.text(Array(rest.utf8))) }
        self.parts = parts
    }

    /// The limits in the holes, if the pattern stands anywhere in `text`; nil if it does not.
    func match(_ text: [UInt8]) -> Limits? { match(text[...], parts[...], isAnchored: false) }

    private func match(_ text: ArraySlice<UInt8>, _ parts: ArraySlice<Part>, isAnchored: Bool) -> Limits? {
        guard let part = parts.first else { return Limits() }
        let rest = parts.dropFirst()
        if case .anything = part { return match(text, rest, isAnchored: false) }
        var start = text.startIndex
        while start <= text.endIndex {
            if let (end, value) = read(part, text[start...]), var limits = match(text[end...], rest, isAnchored: true) {
                if case .limit(let path) = part { limits[keyPath: path] = value }
                return limits
            }
            if isAnchored { return nil }
            start += 1
        }
        return nil
    }

    /// Where `part` ends if it begins `text`, and the number in it.
    private func read(_ part: Part, _ text: ArraySlice<UInt8>) -> (end: Int, value: Int?)? {
        switch part {
        case .text(let bytes): text.starts(with: bytes) ? (text.startIndex + bytes.count, nil) : nil
        case .anything: (text.startIndex, nil)
        case .number, .limit: Self.number(text).map { ($0.end, $0.value) }
        }
    }

    /// A decimal number at the beginning of `text`, `10,000` and `10k` included, and where it ends.
    static func number(_ text: ArraySlice<UInt8>) -> (end: Int, value: Int)? {
        var value = 0
        var index = text.startIndex
        var digits = 0
        while index < text.endIndex {
            let byte = text[index]
            if (0x30...0x39).contains(byte) {
                guard digits < 15 else { return nil }
                value = value * 10 + Int(byte - 0x30)
                digits += 1
            } else if byte != UInt8(ascii: ",") && byte != UInt8(ascii: "_") || digits == 0 || !isDigit(text, index + 1)
            {
                break
            }
            index += 1
        }
        guard digits > 0 else { return nil }
        if index < text.endIndex, text[index] == UInt8(ascii: "k") { return (index + 1, value * 1000) }
        return (index, value)
    }

    private static func isDigit(_ text: ArraySlice<UInt8>, _ index: Int) -> Bool {
        index < text.endIndex && (0x30...0x39).contains(text[index])
    }
}
