/// The place where each tag of a template lands.
///
/// Follows the literals from tag to tag: quotes for JSON, tags and attributes for HTML. A section must end where it
/// began, so what it shows or hides cannot move the tags behind it to another place.
struct TemplatePlaces {
    private var places: [Int: TemplatePlace] = [:]

    subscript(index: Int) -> TemplatePlace { places[index] ?? .plain }

    init(of segments: [TemplateSyntax.Segment], in context: TemplateContext) throws(TemplateError) {
        switch context {
        case .telegramHTML: try follow(segments, TelegramHTML.Walker())
        case .json: try follow(segments, JSONText.Walker())
        case .telegramMarkdownV2: try follow(segments, TelegramMarkdown.Walker())
        case .plain: fill(segments, .plain)
        case .jsonString: fill(segments, .jsonString)
        case .urlComponent: fill(segments, .urlComponent)
        case .header: fill(segments, .header)
        case .url:
            fill(segments, .urlComponent)
            if case .variable = segments.first { places[0] = .urlStart }
        }
    }

    private mutating func fill(_ segments: [TemplateSyntax.Segment], _ place: TemplatePlace) {
        for (index, segment) in segments.enumerated() {
            if case .variable = segment { places[index] = place }
        }
    }

    private mutating func follow<Walker: TemplateWalker>(
        _ segments: [TemplateSyntax.Segment], _ start: Walker
    ) throws(TemplateError) {
        var walker = start
        var sections: [Walker] = []
        for (index, segment) in segments.enumerated() {
            switch segment {
            case .literal(let text): try walker.read(text)
            case .variable: places[index] = try walker.place()
            case .open: sections.append(walker)
            case .close(let name, _):
                guard sections.popLast() == walker else {
                    throw .invalidMarkup("opens or closes markup within the section '\(name)' only by half")
                }
            case .comment: break
            }
        }
        try walker.finish()
    }
}

/// Reads a template's literals and knows what surrounds the current position.
protocol TemplateWalker: Equatable, Sendable {
    mutating func read(_ literal: String) throws(TemplateError)
    /// Where a value at this position lands.
    func place() throws(TemplateError) -> TemplatePlace
    /// Checks that nothing is left open.
    func finish() throws(TemplateError)
}
