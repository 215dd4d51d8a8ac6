public import Domain
import Foundation

/// A JSON tree whose texts are templates.
///
/// The tree's structure and member names are fixed when it is parsed. A text that is exactly one tag with the
/// transform `json`, such as `"{{json(agent_id)}}"`, becomes the value with its type; every other text stays text.
public struct JSONTemplate: Sendable {
    /// The most values that a tree may hold.
    public static let valuesMaximum = 1024

    private indirect enum Node: Sendable {
        case fixed(JSON)
        case text(Template)
        case typed(name: String)
        case array([Node])
        case object([String: Node])
    }

    /// A template of the tree that was refused, and where it stands, as in `items[0].name`.
    public struct Failure: Error, Equatable {
        /// Members and indices from the root; empty for the root itself.
        public let path: String
        /// What is wrong.
        public let error: TemplateError
    }

    private let root: Node
    /// The variables that its texts name.
    public let variables: Set<String>

    /// The tree `json`; throws the first text that is no template.
    public init(_ json: JSON) throws(Failure) {
        var variables: Set<String> = []
        var count = 0
        root = try Self.node(json, path: "", variables: &variables, count: &count)
        self.variables = variables
    }

    /// The tree with its texts rendered for `notice`.
    ///
    /// Total. What one text may take is its share of the context's maximum, so the whole stays below it.
    public func render(_ notice: Notice) -> JSON {
        Self.render(root, notice)
    }

    private static func node(
        _ json: JSON, path: String, variables: inout Set<String>, count: inout Int
    ) throws(Failure) -> Node {
        count += 1
        guard count <= valuesMaximum else {
            throw Failure(path: path, error: .tooComplex(limit: valuesMaximum, of: "values"))
        }
        switch json {
        case .null, .boolean, .number: return .fixed(json)
        case .string(let source):
            guard source.contains("{{") else { return .fixed(json) }
            if let name = typedReference(source) {
                variables.insert(name)
                return .typed(name: name)
            }
            do {
                let template = try Template(parsing: source, for: .plain)
                variables.formUnion(template.variables)
                return .text(template)
            } catch {
                throw Failure(path: path, error: error)
            }
        case .array(let elements):
            var nodes: [Node] = []
            for (index, element) in elements.enumerated() {
                nodes.append(try node(element, path: "\(path)[\(index)]", variables: &variables, count: &count))
            }
            return .array(nodes)
        case .object(let members):
            var nodes: [String: Node] = [:]
            for (name, member) in members.sorted(by: { $0.key < $1.key }) {
                let place = path.isEmpty ? name : "\(path).\(name)"
                nodes[name] = try node(member, path: place, variables: &variables, count: &count)
            }
            return .object(nodes)
        }
    }

    /// The variable of a text that is `{{json(variable)}}` and nothing else.
    private static func typedReference(_ source: String) -> String? {
        guard let segments = try? TemplateSyntax(source).segments, segments.count == 1,
            case .variable(let name, [.json]) = segments[0]
        else { return nil }
        return name
    }

    private static func render(_ node: Node, _ notice: Notice) -> JSON {
        switch node {
        case .fixed(let json): json
        case .text(let template): .string(template.render(notice, limit: EventDocument.textMaximum))
        case .typed(let name): typed(notice.content(of: name))
        case .array(let nodes): .array(nodes.map { render($0, notice) })
        case .object(let nodes): .object(nodes.mapValues { render($0, notice) })
        }
    }

    /// A number where JSON's numbers of this program hold it exactly, else text.
    private static func typed(_ content: TemplateValue.Content) -> JSON {
        let value = TemplateValue(content, cap: EventDocument.textMaximum)
        switch content {
        case .absent: return .null
        case .field(.boolean(let flag)): return .boolean(flag)
        case .field(.number(let number)):
            let digits = number.description
            guard digits.utf8.count <= 38, let decimal = Decimal(string: digits) else { return .string(digits) }
            return .number(decimal)
        case .field, .json, .component: return .string(value.text)
        }
    }
}

extension JSON {
    /// The document as compact UTF-8, members in the order of their names; for bodies that are signed.
    public var canonicalBytes: [UInt8] {
        var bytes: [UInt8] = []
        JSONText.write(self, into: &bytes)
        return bytes
    }
}
