import CRE2
import Domain

/// A regular expression of RE2's syntax, compiled.
///
/// Searching takes time linear in the text, whatever a stranger wrote as pattern. The text is UTF-8 and a character is
/// a code point.
///
/// `@unchecked`: RE2 guards what it caches by locks of its own, and the handle never changes.
final class Pattern: @unchecked Sendable {
    /// The most memory that one pattern may take, program and automaton together.
    ///
    /// RE2 refuses a program above two thirds of it and matches slower, never wrongly, where the automaton outgrows
    /// the rest.
    static let maximumMemory: Int64 = 256 << 10

    private let handle: OpaquePointer

    /// Compiles `source`.
    ///
    /// - Throws: `PatternError` with RE2's reason, for a syntax that RE2 does not have and for a pattern that is too
    ///   large.
    init(_ source: String, isCaseSensitive: Bool) throws(PatternError) {
        var reason = [CChar](repeating: 0, count: 256)
        var source = source
        let compiled = source.withUTF8 { utf8 in
            utf8.withMemoryRebound(to: CChar.self) { pattern in
                cre2_compile(
                    pattern.baseAddress, pattern.count, isCaseSensitive, Self.maximumMemory, &reason, reason.count)
            }
        }
        guard let compiled else {
            let text = reason.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
            throw PatternError(reason: String(decoding: text, as: UTF8.self))
        }
        handle = compiled
    }

    deinit { cre2_free(handle) }

    /// Whether some part of `text` matches.
    func matches(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { utf8 in
            utf8.withMemoryRebound(to: CChar.self) { cre2_matches(handle, $0.baseAddress, $0.count) }
        }
    }
}

/// Why a text is no pattern, in RE2's words.
struct PatternError: Error, Equatable {
    let reason: String
}
