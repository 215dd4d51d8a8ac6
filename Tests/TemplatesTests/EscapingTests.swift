import Domain
import Foundation
import Testing

@testable import Templates

@Suite struct EscapingTests {
    @Test(
        "Telegram's HTML",
        arguments: [
            ("<b>", "&lt;b&gt;"), ("a & b", "a &amp; b"), ("\"'", "&quot;&#39;"), ("&amp;", "&amp;amp;"), ("é東", "é東"),
            ("a\nb\u{0}c", "a b c"), ("\u{202e}abc", "abc"), ("\u{2066}x\u{2069}", "x"), ("", ""),
        ] as [(String, String)])
    func html(value: String, expected: String) { #expect(Escaping.html(value) == expected) }

    @Test(
        "Telegram's MarkdownV2",
        arguments: [
            ("a_b*c", "a\\_b\\*c"), ("1.5 (x)!", "1\\.5 \\(x\\)\\!"), ("`\\", "\\`\\\\"),
            ("#+-=|{}[]~>", "\\#\\+\\-\\=\\|\\{\\}\\[\\]\\~\\>"),
            ("plain é", "plain é"), ("a\nb", "a b"),
        ] as [(String, String)])
    func markdown(value: String, expected: String) { #expect(Escaping.markdown(value) == expected) }

    @Test(
        "a header's value",
        arguments: [
            ("x\r\nEvil: 1", "x%0D%0AEvil: 1"), ("é", "%C3%A9"), ("\u{0}\u{7f}\t", "%00%7F%09"), ("a b~", "a b~"),
        ] as [(String, String)])
    func header(value: String, expected: String) { #expect(Escaping.header(value) == expected) }

    @Test(
        "a URL's component",
        arguments: [
            ("a b/c?d=e&f#g", "a%20b%2Fc%3Fd%3De%26f%23g"), ("é", "%C3%A9"), ("A-z_0.9~", "A-z_0.9~"), ("%", "%25"),
        ] as [(String, String)])
    func component(value: String, expected: String) { #expect(Escaping.urlComponent(value) == expected) }

    @Test("text from a chain never becomes a tag in HTML, in text or in an attribute", arguments: Sample.hostile)
    func hostileHTML(value: String) throws {
        let template = try Template(
            parsing: "<b>{{tag1}}</b> <a href=\"https://x.example/?q={{tag1}}\">{{tag1}}</a> <a href='{{tag1}}'>x</a>",
            for: .telegramHTML)
        let text = template.render(Sample.feedback(tag1: value))
        var walker = TelegramHTML.Walker()
        try walker.read(text)
        try walker.finish()
        #expect(text.components(separatedBy: "<").count == 7, "three elements, so six '<'")
        let shown = String(
            value.unicodeScalars.filter {
                !(0x2028...0x202e).contains($0.value) && !(0x2066...0x2069).contains($0.value)
            }
            .map { $0.value < 0x20 || (0x7f...0x9f).contains($0.value) ? " " : Character($0) })
        #expect(TelegramHTML.visibleText(of: text) == "\(shown) \(shown) x")
    }

    @Test("text from a chain never becomes an entity in MarkdownV2", arguments: Sample.hostile)
    func hostileMarkdown(value: String) throws {
        let source = "*{{tag1}}* `{{tag1}}` [{{tag1}}](https://x.example/{{tag1}}) \\\\{{tag1}} _{{tag1}}_\n>{{tag1}}"
        let template = try Template(parsing: source, for: .telegramMarkdownV2)
        #expect(TelegramMarkdown.problem(in: template.render(Sample.feedback(tag1: value))) == nil)
    }

    @Test("text from a chain changes neither a JSON template's structure nor its types", arguments: Sample.hostile)
    func hostileJSON(value: String) throws {
        let source =
            #"{"a": "{{tag1}}", "b": {{tag1}}, "c": ["x{{tag1}}y", {{agent_id}}, {{owner}}], "d": {{json(tag1)}}}"#
        let template = try Template(parsing: source, for: .json)
        let parsed = try JSON(parsing: Array(template.render(Sample.feedback(tag1: value)).utf8))
        #expect(
            parsed
                == .object([
                    "a": .string(value), "b": .string(value),
                    "c": .array([.string("x\(value)y"), .number(7), .null]), "d": .string(value),
                ]))
    }

    @Test("text from a chain ends no header", arguments: Sample.hostile)
    func hostileHeader(value: String) throws {
        let template = try Template(parsing: "agent {{tag1}}", for: .header)
        let text = template.render(Sample.feedback(tag1: value))
        #expect(text.utf8.allSatisfy { (0x20...0x7e).contains($0) })
        #expect(text.hasPrefix("agent "))
    }

    @Test("text from a chain stays in its part of a URL", arguments: Sample.hostile)
    func hostileURL(value: String) throws {
        let template = try Template(parsing: "https://x.example/a/{{tag1}}?b={{tag1}}", for: .url)
        let text = template.render(Sample.feedback(tag1: value))
        let components = try #require(URLComponents(string: text))
        #expect(components.host == "x.example" && components.fragment == nil)
        #expect(components.queryItems?.count == 1)
        #expect(components.path.utf8.elementsEqual("/a/\(value)".utf8))
        #expect(components.queryItems?.first?.value?.utf8.elementsEqual(value.utf8) == true)
    }

    @Test(
        "a variable at a URL's beginning may hold a URL of its own, but nothing else than http and https",
        arguments: [
            ("https://a.example/x?y=1#z", "https://a.example/x?y=1#z"), ("HTTP://a", "HTTP://a"),
            ("https://a/ <b>\"", "https://a/%20%3Cb%3E%22"), ("javascript:alert(1)", "javascript%3Aalert%281%29"),
            ("data:text/html,x", "data%3Atext%2Fhtml%2Cx"),
        ] as [(String, String)])
    func urlStart(value: String, expected: String) throws {
        let template = try Template(parsing: "{{agent_uri}}", for: .url)
        #expect(template.render(Sample.registration(uri: value)) == expected)
    }

    @Test(
        "HTML that Telegram would refuse is refused when it is written",
        arguments: [
            "<b>x", "x</b>", "<b><i>x</b></i>", "<script>x</script>", "<a href={{tag1}}>x</a>", "<{{tag1}}>", "a < b",
            "<a {{tag1}}>x</a>", "{{#tag1}}<b>{{/tag1}}x</b>", "<b", "<a href=\"x>y</a>", "<img src=\"x\">",
        ])
    func brokenHTML(source: String) {
        #expect(throws: TemplateError.self) { try Template(parsing: source, for: .telegramHTML) }
    }

    @Test(
        "MarkdownV2 that Telegram would refuse is refused when it is written",
        arguments: [
            "x!", "x.", "*x", "_x", "`x", "a-b", "(x)", "[x](y", "{x}", "1 > 2", "x\n- y", "||x|", "__x_",
            "{{#tag1}}*{{/tag1}}", "\\{{tag1}}", "x\\\\\\{{tag1}}", "\\{{#tag1}}{{tag1}}{{/tag1}}", "x\\",
            "{{#tag1}}\\{{/tag1}}.",
        ])
    func brokenMarkdown(source: String) {
        #expect(throws: TemplateError.self) { try Template(parsing: source, for: .telegramMarkdownV2) }
    }

    @Test(
        "MarkdownV2 that Telegram accepts is accepted",
        arguments: [
            "*bold* _it_ __under__ ~s~ ||sp|| `co.de!` ```x\ny.z```", "x\\!", "[a](https://b.c/d-e)", "> quote\n>more",
            "*a _b_*", "{{#tag1}}*{{tag1}}*{{/tag1}}", "_{{agent_id}}_", "_{{tag1}}{{tag2}}_",
            "_{{#tag1}}x{{/tag1}} y_",
            "\\\\{{tag1}}", "_x_{{tag1}}_y_",
        ])
    func rightMarkdown(source: String) throws { _ = try Template(parsing: source, for: .telegramMarkdownV2) }

    @Test(
        "JSON that is broken around its variables is refused when it is written",
        arguments: [
            "{\"a\": }", "{\"a\": \"{{tag1}}}", "{{{tag1}}", "{\"a\": {{tag1}}", "{\"a\": \"\\{{tag1}}\"}",
            "{\"a\": {{#tag1}}\"x{{/tag1}}\"}", "{\"a\" {{tag1}}}", "[1,2,{{#tag1}}3{{/tag1}}]",
        ])
    func brokenJSON(source: String) {
        #expect(throws: TemplateError.self) { try Template(parsing: source, for: .json) }
    }
}
