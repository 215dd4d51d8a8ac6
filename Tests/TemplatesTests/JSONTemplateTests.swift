import Domain
import Foundation
import Testing

@testable import Templates

@Suite struct JSONTemplateTests {
    @Test("texts are rendered, everything else stays", arguments: Sample.hostile)
    func renders(value: String) throws {
        let tree = try JSONTemplate(
            .object([
                "text": .string("Agent {{agent_id}}: {{tag1}}"), "fixed": .array([.number(1), .null, .boolean(true)]),
                "{{tag1}}": .string("names are no templates"), "plain": .string("no tags"),
                "typed": .object([
                    "id": .string("{{json(agent_id)}}"), "flag": .string("{{ json(is_retraction) }}"),
                    "none": .string("{{json(owner)}}"), "tag": .string("{{json(tag1)}}"),
                    "inner": .string("x{{json(agent_id)}}"),
                ]),
            ]))
        let rendered = tree.render(Sample.feedback(tag1: value))
        let expected = JSON.object([
            "text": .string("Agent 7: \(value)"), "fixed": .array([.number(1), .null, .boolean(true)]),
            "{{tag1}}": .string("names are no templates"), "plain": .string("no tags"),
            "typed": .object([
                "id": .number(7), "flag": .boolean(false), "none": .null, "tag": .string(value), "inner": .string("x7"),
            ]),
        ])
        #expect(rendered == expected)
        #expect(try JSON(parsing: rendered.canonicalBytes) == expected)
        #expect(tree.variables == ["agent_id", "tag1", "is_retraction", "owner"])
    }

    @Test("a text that is no template is told by its path")
    func failure() {
        let failure = JSONTemplate.Failure(path: "items[1].name", error: .unknownVariable("nope"))
        #expect(throws: failure) {
            try JSONTemplate(
                .object(["items": .array([.string("ok"), .object(["name": .string("{{nope}}")])])]))
        }
    }

    @Test("a number beyond 38 digits travels as text")
    func hugeNumber() throws {
        let event = Sample.event(.registered, [.agentID: .number(Number(decimal: String(repeating: "9", count: 77))!)])
        let tree = try JSONTemplate(.object(["id": .string("{{json(agent_id)}}")]))
        #expect(tree.render(Sample.notice(event)) == .object(["id": .string(String(repeating: "9", count: 77))]))
    }
}
