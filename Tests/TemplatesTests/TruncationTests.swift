import Domain
import Testing

@testable import Templates

@Suite struct TruncationTests {
    @Test(
        "a message is cut to 4,096 visible units with its markup whole",
        arguments: ["x", "<", "é", "👩‍👩‍👧‍👦", "a\u{301}\u{302}", "&", "."], [4097, 60000])
    func message(unit: String, count: Int) throws {
        let notice = Sample.feedback(tag1: String(repeating: unit, count: count))
        let source = "<b>Agent</b> {{agent_id}}: <i>{{tag1}}</i> <code>{{tag1}}</code> end"
        let html = try Template(parsing: source, for: .telegramHTML).render(notice)
        var walker = TelegramHTML.Walker()
        try walker.read(html)
        try walker.finish()
        let visible = TelegramHTML.visibleText(of: html)
        #expect(visible.utf16.count <= 4096)
        #expect(visible.utf16.count > 3900)
        #expect(visible.hasPrefix("Agent 7: \(unit)") && visible.hasSuffix(" end"))
        #expect(visible.contains(" more)"))

        let markdown = try Template(parsing: "*Agent* {{agent_id}}: _{{tag1}}_ `{{tag1}}`", for: .telegramMarkdownV2)
            .render(notice)
        #expect(TelegramMarkdown.problem(in: markdown) == nil)
        #expect(TelegramMarkdown.visibleText(of: markdown).utf16.count <= 4096)
    }

    @Test("short values are left as they are")
    func untouched() throws {
        let template = try Template(parsing: "{{tag1}}", for: .telegramHTML)
        let text = String(repeating: "x", count: 4096)
        #expect(template.render(Sample.feedback(tag1: text)) == text)
    }

    @Test(
        "text is cut between grapheme clusters",
        arguments: [
            ("abcdef", 3, "abc…"), ("👩‍👩‍👧‍👦👩‍👩‍👧‍👦", 11, "👩‍👩‍👧‍👦…"), ("👩‍👩‍👧‍👦👩‍👩‍👧‍👦", 10, "…"), ("ae\u{301}e\u{301}", 4, "ae\u{301}…"),
            ("abc", 3, "abc"), ("\r\n\r\n", 3, "\r\n…"), ("abc", 0, "…"), ("🇩🇪🇫🇷", 5, "🇩🇪…"),
        ] as [(String, Int, String)])
    func cut(text: String, units: Int, expected: String) {
        #expect(Text(Truncation.cut(text, to: units)) == Text(expected))
    }

    @Test("one cluster of endless marks is dropped whole")
    func endlessCluster() throws {
        let zalgo = "a" + String(repeating: "\u{301}", count: 50000)
        let template = try Template(parsing: "<b>{{tag1}}</b>!", for: .telegramHTML)
        let visible = TelegramHTML.visibleText(of: template.render(Sample.feedback(tag1: zalgo)))
        #expect(visible.utf16.count <= 4096 && visible.hasSuffix("!"))
    }

    @Test("a template of nothing but tags fits as well, whatever the values")
    func onlyTags() throws {
        let source = String(repeating: "{{tag1}}", count: 512)
        let template = try Template(parsing: source, for: .telegramHTML)
        let text = template.render(Sample.feedback(tag1: String(repeating: "<", count: 70000)))
        #expect(TelegramHTML.visibleText(of: text).utf16.count <= 4096)
    }

    @Test("a JSON body stays JSON when its values are cut")
    func json() throws {
        let source =
            "{" + (0..<40).map { "\"k\($0)\": \"{{tag1}}\", \"v\($0)\": {{tag1}}" }.joined(separator: ",") + "}"
        let template = try Template(parsing: source, for: .json)
        let text = template.render(Sample.feedback(tag1: String(repeating: "\"\u{1}", count: 40000)))
        #expect(text.utf8.count <= 262_144)
        #expect(JSONGrammar.accepts(text))
    }

    @Test("the default document stays below its limit for a log of megabytes and names what was cut")
    func document() throws {
        let huge = String(repeating: "é", count: 1_000_000)
        let event = Sample.event(
            .metadataSet,
            [.metadataKey: .text(Text(huge)), .metadataValue: .bytes([UInt8](repeating: 0xab, count: 3_000_000))])
        let document = EventDocument(Sample.notice(event))
        #expect(document.bytes.count < 262_144)
        #expect(document.json["data"]?["truncated"] == .array([.string("metadata_key"), .string("metadata_value")]))
    }
}
