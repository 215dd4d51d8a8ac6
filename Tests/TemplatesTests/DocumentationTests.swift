import Domain
import Foundation
import Testing

@testable import Templates

@Suite struct DocumentationTests {
    static func document(_ name: String) throws -> String {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return try String(contentsOf: root.appending(path: "docs/\(name)"), encoding: .utf8)
    }

    @Test(
        "the JSON Schema in docs/webhooks.md names exactly the members that documents have",
        arguments: EventType.allCases)
    func schema(type: EventType) throws {
        let text = try Self.document("webhooks.md")
        let start = try #require(text.range(of: "```json\n")?.upperBound)
        let end = try #require(text.range(of: "\n```", range: start..<text.endIndex)?.lowerBound)
        let schema = try JSON(parsing: Array(text[start..<end].utf8))

        for kind in [DeliveryKind.notification, .retraction] {
            let document = EventDocument(Sample.notice(Sample.event(type), kind: kind)).json
            try Self.check(document, against: schema)
            try Self.check(try #require(document["data"]), against: try #require(schema["properties"]?["data"]))
            try Self.check(try #require(document["trigger"]), against: try #require(schema["properties"]?["trigger"]))
        }
        let names = schema["properties"]?["type"]?["description"]?.string ?? ""
        #expect(names.contains(type.snakeCase), "every type is named")
    }

    /// Every required member is there, every member is known and of the type that the schema names.
    static func check(_ document: JSON, against schema: JSON) throws {
        guard case .object(let members) = document, case .object(let properties)? = schema["properties"],
            case .array(let required)? = schema["required"]
        else {
            Issue.record("not an object")
            return
        }
        for name in required { #expect(members[name.string ?? ""] != nil, "\(name) is missing") }
        for (name, value) in members {
            let property = try #require(properties[name], "\(name) is not in the schema")
            switch property["type"]?.string {
            case "string": #expect(value.string != nil, "\(name)")
            case "integer": #expect(value.integer != nil, "\(name)")
            case "boolean": #expect(value == .boolean(true) || value == .boolean(false), "\(name)")
            default: break
            }
        }
    }

    @Test("docs/templates.md names every transform and every name that is no field")
    func templates() throws {
        let text = try Self.document("templates.md")
        for name in TemplateTransform.names + TemplateVariable.extras + TemplateVariable.aliases.keys {
            #expect(text.contains("`\(name)`"), "\(name)")
        }
    }
}
