import Mustache

/// A checked message template: Mustache without partials, lambdas, inheritance and unescaped values.
///
/// Every value is escaped for the place where its tag stands, and is written once: text from a chain is never read as
/// markup, structure or a template.
public struct Template: Sendable {
    /// The text as it was written.
    public let source: String
    /// What the text is part of.
    public let context: TemplateContext
    /// The variables that it names, aliases resolved.
    public let variables: Set<String>

    private let mustache: MustacheTemplate
    private let tags: Int

    /// The template that `source` spells.
    ///
    /// - Throws: What is wrong with it; also when its own markup (Telegram's HTML or MarkdownV2, JSON) is broken.
    public init(parsing source: String, for context: TemplateContext) throws(TemplateError) {
        guard context.sourceLength(of: source) <= context.sourceMaximum else {
            throw .tooLong(limit: context.sourceMaximum)
        }
        let segments = try TemplateSyntax(source).segments
        let places = try TemplatePlaces(of: segments, in: context)
        var variables: Set<String> = []
        var tags = 0
        for case .variable(let name, _) in segments {
            variables.insert(name)
            tags += 1
        }
        for case .open(let name, _, _) in segments { variables.insert(name) }
        self.source = source
        self.context = context
        self.variables = variables
        self.tags = tags
        do {
            mustache = try MustacheTemplate(string: Self.normalised(segments, places))
        } catch {
            throw .malformedTag(String(source.suffix(40)))
        }
        try checkSamples()
    }

    /// The text for `notice`, at most as long as the context allows.
    ///
    /// Total: absent values are empty, and values that are too long are cut at a grapheme boundary before they are
    /// escaped, so that the template's own markup stays whole.
    public func render(_ notice: Notice) -> String {
        render(notice, limit: context.outputMaximum)
    }

    /// The text for `notice`, at most `limit` long in the units of ``TemplateContext/outputMaximum``.
    public func render(_ notice: Notice, limit: Int) -> String {
        let limit = max(limit, 0)
        // An equal share for each tag is tried first: values are short as a rule, and then nothing is cut.
        var cap = limit / max(tags, 1)
        var best = rendered(notice, cap)
        var tooLong: Int?
        if context.outputLength(of: best.text) > limit {
            tooLong = cap
            cap = 0
            best = rendered(notice, cap)
        }
        while best.isCut, tooLong.map({ $0 - cap > max(1, cap / 64) }) ?? (cap < limit) {
            let next = tooLong.map { (cap + $0) / 2 } ?? min(limit, max(16, cap * 2))
            let candidate = rendered(notice, next)
            if context.outputLength(of: candidate.text) <= limit {
                (best, cap) = (candidate, next)
            } else {
                tooLong = next
            }
        }
        return context.truncate(best.text, to: limit)
    }

    /// The text with every value cut to `cap` UTF-16 units, and whether any was.
    private func rendered(_ notice: Notice, _ cap: Int) -> (text: String, isCut: Bool) {
        let scope = NoticeScope(notice: notice, cap: cap)
        let text = mustache.render(scope)
        return (text, scope.cuts.happened)
    }

    /// The source for the Mustache parser: the same literals and sections, each tag naming the place where it lands.
    private static func normalised(_ segments: [TemplateSyntax.Segment], _ places: TemplatePlaces) -> String {
        func wrapped(_ name: String, _ transforms: [TemplateTransform], in outermost: String) -> String {
            let names = [outermost] + transforms.map(\.rawValue)
            return names.joined(separator: "(") + "(" + name + String(repeating: ")", count: names.count)
        }
        var text = ""
        for (index, segment) in segments.enumerated() {
            switch segment {
            case .literal(let literal): text += literal
            case .variable(let name, let transforms):
                text += "{{&\(wrapped(name, transforms, in: places[index].rawValue))}}"
            case .open(let name, let transforms, let isInverted):
                text += "{{\(isInverted ? "^" : "#")\(wrapped(name, transforms, in: TemplatePlace.condition))}}"
            case .close(let name, let transforms):
                text += "{{/\(wrapped(name, transforms, in: TemplatePlace.condition))}}"
            case .comment: text += "{{!}}"
            }
        }
        return text
    }

    /// Renders with every variable present and with every one absent, and checks both as the receiver would.
    private func checkSamples() throws(TemplateError) {
        for isPresent in [true, false] {
            let text = mustache.render(SampleScope(isPresent: isPresent))
            switch context {
            case .telegramMarkdownV2:
                if let problem = TelegramMarkdown.problem(in: text) {
                    throw .invalidMarkup("\(problem), when its variables are \(isPresent ? "present" : "absent")")
                }
            case .json:
                guard JSONGrammar.accepts(text) else {
                    throw .invalidMarkup("is not JSON when its variables are \(isPresent ? "present" : "absent")")
                }
            case .telegramHTML, .plain, .jsonString, .url, .urlComponent, .header: break
            }
        }
    }
}
