extension Unicode.Scalar {
    /// The code point that stands for this one where case does not matter.
    ///
    /// Simple case folding of Unicode (statuses C and S of CaseFolding.txt): one code point for one, so that a text
    /// keeps its count; `ß` stays `ß` and the Turkish letters keep their dots.
    var folded: UInt32 {
        if value < 0x80 { return value &- 0x41 < 26 ? value | 0x20 : value }
        guard properties.changesWhenCaseFolded else { return value }
        let upper = Self.single(properties.uppercaseMapping) ?? self
        // Cherokee folds to upper case: its capitals are the older letters.
        guard upper.properties.changesWhenCaseFolded else { return upper.value }
        return (Self.single(upper.properties.lowercaseMapping) ?? self).value
    }

    private static func single(_ mapping: String) -> Unicode.Scalar? {
        let scalars = mapping.unicodeScalars
        return scalars.count == 1 ? scalars.first : nil
    }
}

/// A text to compare with where case does not matter: its folded code points, and what a search needs.
final class FoldedText: Sendable {
    let scalars: [UInt32]
    /// Knuth, Morris and Pratt's table: where a search goes on after a mismatch, so that it reads a text once.
    private let fallback: [Int]

    init(_ text: String) {
        let scalars = text.unicodeScalars.map(\.folded)
        self.scalars = scalars
        var fallback = [Int](repeating: 0, count: scalars.count)
        var length = 0
        for index in scalars.indices.dropFirst() {
            while length > 0, scalars[index] != scalars[length] { length = fallback[length - 1] }
            if scalars[index] == scalars[length] { length += 1 }
            fallback[index] = length
        }
        self.fallback = fallback
    }

    /// Whether `text` holds this one in the way that `containment` says.
    func holds(_ containment: Containment, _ text: String) -> Bool {
        switch containment {
        case .whole: equals(text)
        case .anywhere: isContained(in: text)
        case .prefix: isPrefix(of: text)
        case .suffix: isSuffix(of: text)
        }
    }

    func equals(_ text: String) -> Bool {
        var index = 0
        for scalar in text.unicodeScalars {
            guard index < scalars.count, scalar.folded == scalars[index] else { return false }
            index += 1
        }
        return index == scalars.count
    }

    func isPrefix(of text: String) -> Bool {
        var index = 0
        for scalar in text.unicodeScalars {
            guard index < scalars.count else { return true }
            guard scalar.folded == scalars[index] else { return false }
            index += 1
        }
        return index == scalars.count
    }

    func isSuffix(of text: String) -> Bool {
        var index = scalars.count
        for scalar in text.unicodeScalars.reversed() {
            guard index > 0 else { return true }
            index -= 1
            guard scalar.folded == scalars[index] else { return false }
        }
        return index == 0
    }

    func isContained(in text: String) -> Bool {
        guard !scalars.isEmpty else { return true }
        var length = 0
        for scalar in text.unicodeScalars {
            let folded = scalar.folded
            while length > 0, folded != scalars[length] { length = fallback[length - 1] }
            if folded == scalars[length] { length += 1 }
            if length == scalars.count { return true }
        }
        return false
    }
}
