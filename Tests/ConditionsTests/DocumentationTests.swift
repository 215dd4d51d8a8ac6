import Domain
import Foundation
import Testing

@testable import Conditions

/// Runs every example of docs/conditions.md.
@Suite("The documentation")
struct DocumentationTests {
    private struct Example {
        let line: Int
        let sources: [ConditionSource]
        var lines: [(line: Int, kind: String, text: String)] = []
    }

    private static let text: String = {
        let url = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../docs/conditions.md").standardizedFileURL
        return (try? String(contentsOf: url, encoding: .utf8)) ?? ""
    }()

    private func examples() throws -> [Example] {
        var examples: [Example] = []
        var block: [Substring]?
        for (number, line) in Self.text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            if line == "```json" {
                block = []
            } else if line == "```", let lines = block {
                let document = try JSON(parsing: lines.joined(separator: "\n").utf8)
                examples.append(Example(line: number, sources: try sources(document)))
                block = nil
            } else if block != nil {
                block?.append(line)
            } else if line.hasPrefix("- "), let colon = line.firstIndex(of: ":"), line.hasSuffix("`") {
                let text = line[colon...].dropFirst(3).dropLast()
                let kind = String(line[..<colon].dropFirst(2))
                try #require(!examples.isEmpty)
                examples[examples.count - 1].lines.append((number, kind, String(text)))
            }
        }
        return examples
    }

    private func sources(_ document: JSON) throws -> [ConditionSource] {
        if case .array(let elements) = document { return try elements.flatMap { try sources($0) } }
        return [
            ConditionSource(
                type: try #require(document["condition_type"]?.string), field: document["field"]?.string ?? "group",
                operator: document["operator"]?.string ?? "group", value: document["value"], config: document["config"])
        ]
    }

    @Test("keeps what it promises")
    func run() throws {
        let examples = try examples()
        #expect(examples.count > 30)
        for example in examples {
            #expect(!example.lines.isEmpty, "line \(example.line) has no outcome")
            for (line, kind, text) in example.lines {
                switch kind {
                case "holds", "fails":
                    let fields = try JSONDecoder().decode([String: String].self, from: Data(text.utf8))
                    let conditions = try ConditionSet(compiling: example.sources, registry: nil)
                    let event = try Sample.event(fields)
                    #expect(conditions.matches(event) == (kind == "holds"), "line \(line + 1)")
                case "refused":
                    let error = #expect(throws: ConditionErrors.self, "line \(line + 1)") {
                        try ConditionSet(compiling: example.sources, registry: nil)
                    }
                    let found = error?.problems.map { "\($0.field): \($0.issue)" } ?? []
                    #expect(found.contains { $0.hasPrefix(text) }, "line \(line + 1): \(found)")
                default: Issue.record("line \(line + 1): \(kind)")
                }
            }
        }
    }

    @Test("has an example that holds and one that fails for each operator")
    func operators() throws {
        let examples = try examples()
        for known in Operator.allCases {
            let about = examples.filter { example in
                example.sources.contains { Operator($0.operator) == known && $0.operator.first?.isLetter == true }
            }
            for kind in ["holds", "fails"] {
                #expect(about.contains { $0.lines.contains { $0.kind == kind } }, "\(known.rawValue) \(kind)")
            }
        }
    }

    @Test("names every field with its events, and every event type")
    func fields() throws {
        var rows: [String: Substring] = [:]
        for line in Self.text.split(separator: "\n") where line.hasPrefix("| `") {
            let cells = line.split(separator: "|")
            guard cells.count == 3 else { continue }
            for name in cells[0].split(separator: " ") {
                rows[name.trimmingCharacters(in: CharacterSet(charactersIn: "`"))] = line
            }
        }
        for field in Field.allCases {
            let row = try #require(rows[field.rawValue], "\(field.rawValue)")
            for type in EventType.allCases where !field.isEnvelope && field != .agentID && type.fields.contains(field) {
                let isNamed = row.contains("`\(type.rawValue)`") || row.contains("the same")
                #expect(isNamed, "\(field.rawValue) of \(type.rawValue)")
            }
        }
        for type in EventType.allCases { #expect(Self.text.contains("`\(type.rawValue)`")) }
    }
}
