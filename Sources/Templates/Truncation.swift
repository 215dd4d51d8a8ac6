/// Cuts text to a length in UTF-16 units, between grapheme clusters.
enum Truncation {
    /// `text` if it has at most `units`, else its beginning and how much is missing.
    ///
    /// A cluster longer than `units` is dropped whole: no limit on a cluster's length exists.
    static func cut(_ text: String, to units: Int) -> String {
        // Every UTF-16 unit takes at most three bytes, so short text is recognised without walking through it.
        if text.utf8.count <= units || text.utf16.count <= units { return text }
        let kept = prefix(of: text, units: units)
        let missing = text.unicodeScalars.count - kept.unicodeScalars.count
        return units < 32 ? kept + "…" : kept + "… (\(missing) more)"
    }

    /// The longest beginning of `text` that ends between clusters and has at most `units`.
    static func prefix(of text: String, units: Int) -> Substring {
        guard units > 0 else { return "" }
        // A cluster that reaches over the limit is cut off with what follows it.
        let window = text.utf16.index(text.startIndex, offsetBy: units, limitedBy: text.endIndex) ?? text.endIndex
        if window == text.endIndex { return text[...] }
        var end = text.startIndex
        while end < text.endIndex {
            let next = text.index(after: end)
            if next > window { break }
            end = next
        }
        return text[..<end]
    }
}

extension TemplateContext {
    /// The last resort where the literals alone are too long: shortens output that has no structure to break.
    func truncate(_ text: String, to limit: Int) -> String {
        switch self {
        case .telegramHTML, .telegramMarkdownV2, .json, .jsonString: text
        case .plain, .url, .urlComponent, .header:
            text.utf8.count <= limit ? text : String(text.unicodeScalarPrefix(bytes: max(limit, 0)))
        }
    }
}

extension String {
    /// The longest beginning of whole scalars that has at most `bytes` bytes of UTF-8.
    func unicodeScalarPrefix(bytes: Int) -> Substring {
        var end = startIndex
        var length = 0
        for scalar in unicodeScalars {
            length += UTF8.width(scalar)
            if length > bytes { break }
            end = unicodeScalars.index(after: end)
        }
        return self[..<end]
    }
}
