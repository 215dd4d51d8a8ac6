/// Why a template was refused.
public enum TemplateError: Error, Equatable, CustomStringConvertible {
    /// The source is longer than its place allows, in UTF-16 units for Telegram and bytes elsewhere.
    case tooLong(limit: Int)
    /// More tags, deeper sections or more nested transforms than are allowed.
    case tooComplex(limit: Int, of: String)
    /// A `{{` without its `}}`, or a tag that is no name.
    case malformedTag(String)
    /// A kind of tag that is left out on purpose: partials, lambdas, delimiters, inheritance, unescaped values.
    case unsupportedTag(String, reason: String)
    /// No variable has this name.
    case unknownVariable(String)
    /// No transform has this name.
    case unknownTransform(String)
    /// A section is not closed, or closed by another name.
    case unbalancedSection(String)
    /// A brace carries a combining mark, which parsers see differently.
    case combinedBrace
    /// The text around the tags is not what its place needs.
    case invalidMarkup(String)

    /// The reason in words for whoever wrote the template.
    public var description: String {
        switch self {
        case .tooLong(let limit): "is longer than \(limit)"
        case .tooComplex(let limit, let what): "has more than \(limit) \(what)"
        case .malformedTag(let tag): "has a malformed tag: \(tag)"
        case .unsupportedTag(let tag, let reason): "uses \(tag): \(reason)"
        case .unknownVariable(let name):
            "names the unknown variable '\(name)'; known are \(TemplateVariable.names.joined(separator: ", "))"
        case .unknownTransform(let name):
            "names the unknown transform '\(name)'; known are \(TemplateTransform.names.joined(separator: ", "))"
        case .unbalancedSection(let name): "does not close its section '\(name)' where it should"
        case .combinedBrace: "has a combining mark on a brace"
        case .invalidMarkup(let reason): reason
        }
    }
}
