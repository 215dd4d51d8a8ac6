import Domain
import Ethereum
import TestSupport
import Testing

@testable import Templates

@Suite struct TemplateTests {
    @Test(
        "values appear as people write them",
        arguments: [
            ("Agent {{agent_id}} scored {{score}}", "Agent 7 scored 87.5"),
            ("{{ agent_id }}", "7"),
            ("{{value}}/{{value_decimals}}", "8750/2"),
            ("{{client_address}}", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"),
            ("{{short(client_address)}}", "0x5aAe…eAed"),
            ("{{upper(tag1)}} {{lower(upper(tag1))}}", "QUALITY quality"),
            ("{{date(block_timestamp)}}", "2026-01-29T12:00:00Z"),
            ("{{timestamp}} {{date(timestamp)}}", "1769688000 2026-01-29T12:00:00Z"),
            ("{{date(tag1)}}", "quality"),
            (
                "{{event_type}} {{registry}} {{chain_id}} {{chain_name}}",
                "NewFeedback reputation 11155111 Ethereum Sepolia"
            ),
            ("{{event_id}} {{delivery_id}} {{trigger_name}}", "42 1001 My trigger"),
            ("{{kind}}{{#is_retraction}} gone{{/is_retraction}}", "notification"),
            ("{{json(tag1)}} {{json(value)}} {{json(owner)}}", "\"quality\" 8750 null"),
            (
                "{{url(client_address)}}?{{url(trigger_name)}}",
                "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed?My%20trigger"
            ),
            ("{{transaction_hash}}", "0x" + String(repeating: "aa", count: 32)),
            ("{{transaction_url}}", "https://sepolia.etherscan.io/tx/0x" + String(repeating: "aa", count: 32)),
            ("{{owner}}|{{agent_uri}}|{{response}}", "||"),
            ("{{! a comment }}x", "x"),
            ("{ {{agent_id}} }", "{ 7 }"),
        ] as [(String, String)])
    func renders(source: String, expected: String) throws {
        let template = try Template(parsing: source, for: .plain)
        #expect(template.render(Sample.feedback(tag1: "quality")) == expected)
    }

    @Test(
        "sections show for values that are there, also for zero",
        arguments: [
            ("{{#score}}s={{score}}{{/score}}", "s=0"), ("{{^score}}none{{/score}}", ""),
            ("{{#owner}}o{{/owner}}{{^owner}}no owner{{/owner}}", "no owner"),
            ("{{#tag1}}t{{/tag1}}{{^tag1}}no tag{{/tag1}}", "no tag"),
            (
                "{{#agent_id}}{{#is_retraction}}r{{/is_retraction}}{{^is_retraction}}n{{/is_retraction}}{{/agent_id}}",
                "n"
            ),
            ("a\n{{#agent_id}}\nb\n{{/agent_id}}\nc", "a\nb\nc"),
        ] as [(String, String)])
    func sections(source: String, expected: String) throws {
        let template = try Template(parsing: source, for: .plain)
        #expect(template.render(Sample.feedback(tag1: "", value: 0, decimals: 0)) == expected)
    }

    @Test(
        "whatever could write unescaped text, load text or run code is refused",
        arguments: [
            "{{{agent_id}}}", "{{&agent_id}}", "{{> partial}}", "{{< parent}}{{/parent}}", "{{$ block}}{{/block}}",
            "{{=<% %>=}}", "{{% CONTENT_TYPE:TEXT}}", "{{nonsense}}", "{{agent_uri", "{{}}", "{{ }}", "{{.}}",
            "{{a.b}}",
            "{{#agent_id}}", "{{/agent_id}}", "{{#agent_id}}{{/owner}}", "{{reversed(tag1)}}", "{{short(tag1}}",
            "{{_h(tag1)}}", "{{short()}}", "{{_if(tag1)}}", "{{agent_id}}\u{301}", "{\u{301}{agent_id}}",
            "{\u{200d}{x}}",
            "{{agent id}}", "{{AGENT_ID}}", "{{agent_id\n}", "{{#short(tag1)}}x{{/tag1}}",
            "{{json(json(json(json(json(tag1)))))}}",
        ])
    func refuses(source: String) {
        #expect(throws: TemplateError.self) { try Template(parsing: source, for: .plain) }
    }

    @Test("an unknown variable is named, and so are the known ones")
    func unknownVariable() {
        #expect(throws: TemplateError.unknownVariable("agent_idd")) {
            try Template(parsing: "{{agent_idd}}", for: .plain)
        }
        let text = TemplateError.unknownVariable("agent_idd").description
        #expect(text.contains("agent_idd") && text.contains("agent_uri") && text.contains("transaction_url"))
    }

    @Test("a source may be as long as its place allows, and no longer")
    func sourceLength() throws {
        for context in TemplateContext.allCases {
            let filler = context == .json ? " " : "x"
            let start = context == .json ? "[]" : ""
            let source = start + String(repeating: filler, count: context.sourceMaximum - start.utf8.count)
            _ = try Template(parsing: source, for: context)
            #expect(throws: TemplateError.tooLong(limit: context.sourceMaximum)) {
                try Template(parsing: source + filler, for: context)
            }
        }
    }

    @Test("tags and sections have a maximum")
    func complexity() throws {
        let tag = "{{to}}"
        _ = try Template(parsing: String(repeating: tag, count: TemplateSyntax.tagsMaximum), for: .plain)
        #expect(throws: TemplateError.self) {
            try Template(parsing: String(repeating: tag, count: TemplateSyntax.tagsMaximum + 1), for: .plain)
        }
        func nested(_ depth: Int) -> String {
            String(repeating: "{{#to}}", count: depth) + String(repeating: "{{/to}}", count: depth)
        }
        _ = try Template(parsing: nested(TemplateSyntax.depthMaximum), for: .plain)
        #expect(throws: TemplateError.self) {
            try Template(parsing: nested(TemplateSyntax.depthMaximum + 1), for: .plain)
        }
    }

    @Test("values are written once: a value that looks like a template stays text", arguments: Sample.hostile)
    func noSecondOrder(value: String) throws {
        let template = try Template(parsing: "{{tag1}}{{agent_id}}{{tag1}}", for: .plain)
        #expect(Text(template.render(Sample.feedback(tag1: value))) == Text(value + "7" + value))
    }

    @Test("random templates never trap: they parse and render, or are refused")
    func totality() throws {
        let seed = UInt64.random(in: .min ... .max)
        print("TemplateTests.totality seed \(seed)")
        var random = SeededGenerator(seed: seed)
        let pieces = [
            "{{", "}}", "{", "}", "#", "^", "/", "!", "agent_id", "tag1", "short(", ")", " ", "\n", "\r\n", "<b>",
            "</b>",
            "<a href=\"", "\">", "*", "_", "`", "[", "](", "\\", "\"", ",", ":", "é", "\u{301}", "👩‍👩‍👧‍👦", "%", "=", ">",
            "{{agent_id}}", "{{#tag1}}", "{{/tag1}}", "{{^tag1}}", "&amp;", "&#x41;", "\u{0}", "\u{600}",
        ]
        let notice = Sample.feedback(tag1: "x\"<*")
        var accepted = 0
        for _ in 0..<1500 {
            let source = (0..<Int.random(in: 0...10, using: &random)).map { _ in pieces.randomElement(using: &random)! }
                .joined()
            for context in TemplateContext.allCases {
                guard let template = try? Template(parsing: source, for: context) else { continue }
                accepted += 1
                #expect(context.outputLength(of: template.render(notice)) <= context.outputMaximum)
            }
        }
        #expect(accepted > 500)
    }
}
