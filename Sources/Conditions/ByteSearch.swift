import CRE2

/// How a run of bytes is looked for in another.
enum Containment: UInt8, Sendable {
    case whole, anywhere, prefix, suffix

    /// Whether `text` holds `part` in this way.
    ///
    /// Time is linear in both.
    func holds(_ part: UnsafeBufferPointer<UInt8>, in text: UnsafeBufferPointer<UInt8>) -> Bool {
        guard part.count <= text.count else { return false }
        guard let start = part.baseAddress, let textStart = text.baseAddress, part.count > 0 else {
            return self != .whole || text.isEmpty
        }
        return switch self {
        case .whole: part.elementsEqual(text)
        case .prefix: text.starts(with: part)
        case .suffix: text.suffix(part.count).elementsEqual(part)
        case .anywhere: cre2_contains(textStart, text.count, start, part.count)
        }
    }

    /// Whether the UTF-8 bytes of `text` hold those of `part` in this way.
    func holds(_ part: String, in text: String) -> Bool {
        var part = part
        var text = text
        return part.withUTF8 { part in text.withUTF8 { holds(part, in: $0) } }
    }
}
