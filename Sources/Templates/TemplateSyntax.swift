/// A template's text cut into literals and checked tags.
///
/// Works by grapheme clusters as the Mustache parser does, and refuses braces that belong to a longer cluster, so that
/// both always find the same tags.
struct TemplateSyntax {
    enum Segment: Equatable {
        case literal(String)
        case variable(name: String, transforms: [TemplateTransform])
        case open(name: String, transforms: [TemplateTransform], isInverted: Bool)
        case close(name: String, transforms: [TemplateTransform])
        case comment
    }

    static let tagsMaximum = 512
    static let depthMaximum = 8
    static let transformsMaximum = 4

    private(set) var segments: [Segment] = []

    init(_ source: String) throws(TemplateError) {
        let characters = Array(source)
        try Self.checkBraces(characters)
        var literal = ""
        var position = 0
        var tags = 0
        var sections: [(name: String, transforms: [TemplateTransform])] = []
        while position < characters.count {
            guard characters[position] == "{", position + 1 < characters.count, characters[position + 1] == "{" else {
                literal.append(characters[position])
                position += 1
                continue
            }
            guard let end = Self.end(of: characters, from: position + 2) else {
                throw .malformedTag(String(characters[position...].prefix(40)))
            }
            if !literal.isEmpty { segments.append(.literal(literal)) }
            literal = ""
            tags += 1
            guard tags <= Self.tagsMaximum else { throw .tooComplex(limit: Self.tagsMaximum, of: "tags") }
            let segment = try Self.tag(String(characters[(position + 2)..<end]))
            try Self.nest(segment, in: &sections)
            segments.append(segment)
            position = end + 2
        }
        if !literal.isEmpty { segments.append(.literal(literal)) }
        if let open = sections.last { throw .unbalancedSection(open.name) }
    }

    private static func checkBraces(_ characters: [Character]) throws(TemplateError) {
        for character in characters where character.unicodeScalars.count > 1 {
            if character.unicodeScalars.contains(where: { $0 == "{" || $0 == "}" }) { throw .combinedBrace }
        }
    }

    private static func end(of characters: [Character], from start: Int) -> Int? {
        var position = start
        while position + 1 < characters.count {
            if characters[position] == "}", characters[position + 1] == "}" { return position }
            position += 1
        }
        return nil
    }

    private static func nest(
        _ segment: Segment, in sections: inout [(name: String, transforms: [TemplateTransform])]
    ) throws(TemplateError) {
        switch segment {
        case .open(let name, let transforms, _):
            sections.append((name, transforms))
            guard sections.count <= depthMaximum else { throw .tooComplex(limit: depthMaximum, of: "nested sections") }
        case .close(let name, let transforms):
            guard let open = sections.popLast(), open.name == name, open.transforms == transforms else {
                throw .unbalancedSection(name)
            }
        case .literal, .variable, .comment: break
        }
    }

    private static func tag(_ inner: String) throws(TemplateError) -> Segment {
        let body = String(inner.dropFirst())
        switch inner.first {
        case "#":
            let (name, transforms) = try reference(body)
            return .open(name: name, transforms: transforms, isInverted: false)
        case "^":
            let (name, transforms) = try reference(body)
            return .open(name: name, transforms: transforms, isInverted: true)
        case "/":
            let (name, transforms) = try reference(body)
            return .close(name: name, transforms: transforms)
        case "!": return .comment
        case "{", "&":
            throw .unsupportedTag(
                inner.first == "{" ? "{{{…}}}" : "{{&…}}", reason: "values are always escaped, write {{…}}")
        case ">": throw .unsupportedTag("{{>…}}", reason: "there are no partials")
        case "<", "$": throw .unsupportedTag("{{<…}} or {{$…}}", reason: "there is no inheritance")
        case "=": throw .unsupportedTag("{{=…=}}", reason: "the delimiters are fixed")
        case "%": throw .unsupportedTag("{{%…}}", reason: "the content type is fixed by the action")
        default:
            let (name, transforms) = try reference(inner)
            return .variable(name: name, transforms: transforms)
        }
    }

    /// Reads `name`, `transform(name)` or transforms around transforms; spaces around each part are ignored.
    private static func reference(_ text: String) throws(TemplateError) -> (String, [TemplateTransform]) {
        var rest = Substring(text).trimmed
        var transforms: [TemplateTransform] = []
        while let open = rest.firstIndex(of: "(") {
            let name = rest[..<open].trimmed
            guard rest.last == ")", isName(name) else { throw .malformedTag("{{\(text.prefix(60))}}") }
            guard let transform = TemplateTransform(rawValue: String(name)) else {
                throw .unknownTransform(String(name.prefix(60)))
            }
            transforms.append(transform)
            guard transforms.count <= transformsMaximum else {
                throw .tooComplex(limit: transformsMaximum, of: "transforms around one variable")
            }
            rest = rest[rest.index(after: open)...].dropLast().trimmed
        }
        guard isName(rest) else { throw .malformedTag("{{\(text.prefix(60))}}") }
        guard let name = TemplateVariable.resolve(String(rest)) else { throw .unknownVariable(String(rest.prefix(60))) }
        return (name, transforms)
    }

    private static func isName(_ text: Substring) -> Bool {
        !text.isEmpty
            && text.unicodeScalars.allSatisfy {
                $0.isASCII && ($0.properties.isAlphabetic || $0.properties.numericType != nil || $0 == "_")
            }
    }
}

extension Substring {
    /// Without spaces, tabs and line breaks at either end.
    var trimmed: Substring {
        var text = self
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }
}
