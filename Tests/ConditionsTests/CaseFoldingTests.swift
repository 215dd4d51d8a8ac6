import Domain
import TestSupport
import Testing

@testable import Conditions

@Suite("Case folding")
struct CaseFoldingTests {
    /// RE2 brings tables of its own, made from Unicode's CaseFolding.txt.
    @Test("agrees with RE2 for every code point that case changes")
    func everyLetter() throws {
        var count = 0
        for value in UInt32(0)...0x10ffff {
            guard let scalar = Unicode.Scalar(value), scalar.folded != value,
                let age = scalar.properties.age, age.major <= 13, let folded = Unicode.Scalar(scalar.folded)
            else { continue }
            count += 1
            #expect(folded.folded == folded.value, "folding twice changes nothing")
            let pattern = try Pattern("^\\x{\(String(value, radix: 16))}$", isCaseSensitive: false)
            #expect(pattern.matches(String(folded)), "U+\(String(value, radix: 16))")
        }
        #expect(count > 1300)
    }

    @Test("leaves apart what RE2 keeps apart", arguments: ["ß", "ı", "İ", "ŉ", "ǰ", "ﬀ", "ᾀ", "1", "漢"])
    func apart(_ letter: String) throws {
        let scalar = try #require(letter.unicodeScalars.first)
        let pattern = try Pattern("^\\x{\(String(scalar.value, radix: 16))}$", isCaseSensitive: false)
        for other in ["ss", "s", "i", "I", "ʼn", "n", "j", "ff", "f", "α"] {
            #expect(pattern.matches(other) == FoldedText(letter).equals(other))
        }
    }

    @Test("a search for a folded text finds what a comparison at every place finds")
    func search() {
        let seed = UInt64.random(in: .min ... .max)
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<20_000 {
            let part = String(
                (0..<Int.random(in: 1...5, using: &generator)).map { _ in "aAbB".randomElement(using: &generator) ?? "a"
                })
            let text = String(
                (0..<Int.random(in: 0...12, using: &generator)).map { _ in
                    "aAbB".randomElement(using: &generator) ?? "a"
                })
            let plain = text.lowercased().contains(part.lowercased())
            #expect(FoldedText(part).isContained(in: text) == plain, "\(part) in \(text), seed \(seed)")
            #expect(FoldedText(part).isSuffix(of: text) == text.lowercased().hasSuffix(part.lowercased()))
        }
        print("seed \(seed)")
    }
}

@Suite("Patterns")
struct PatternTests {
    @Test("hostile patterns and texts stay linear")
    func linear() throws {
        let pattern = try Pattern("(a*)*b|(a|aa)+$x", isCaseSensitive: true)
        let text = String(repeating: "a", count: 200_000)
        let start = ContinuousClock.now
        #expect(!pattern.matches(text))
        #expect(ContinuousClock.now - start < .seconds(5))
    }

    @Test("one pattern serves many threads")
    func threads() async throws {
        let pattern = try Pattern("^[a-f]+(x|y)[0-9]{2,5}$", isCaseSensitive: true)
        let found = await withTaskGroup(of: Int.self) { group in
            for task in 0..<8 {
                group.addTask {
                    (0..<2000).count {
                        pattern.matches("abc\($0.isMultiple(of: 2) ? "x" : "z")\(100 + $0 % 900 + task)")
                    }
                }
            }
            return await group.reduce(0, +)
        }
        #expect(found == 8 * 1000)
    }

    @Test("a pattern with a zero byte matches that byte")
    func zero() throws {
        #expect(try Pattern("a\u{0}b", isCaseSensitive: true).matches("xa\u{0}by"))
        #expect(try !Pattern("a\u{0}b", isCaseSensitive: true).matches("a"))
    }
}

@Suite("Steps")
struct StepTests {
    @Test("a step takes 24 bytes")
    func size() { #expect(MemoryLayout<Step>.stride == 24) }

    @Test("a field's ordinal is its place among all")
    func ordinals() {
        for (place, field) in Field.allCases.enumerated() { #expect(Int(field.ordinal) == place) }
    }

    @Test("what the event types imply is not evaluated again")
    func implied() throws {
        let conditions = try ConditionSet(
            .event("event_type", "equals", "NewFeedback"), .event("agent_id", "equals", "1"), registry: .reputation)
        #expect(conditions.steps.count == 1)
        #expect(conditions.eventTypes == EventTypes(.newFeedback))
    }
}
