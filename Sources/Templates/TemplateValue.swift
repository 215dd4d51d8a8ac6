import Domain
import Ethereum
import Mustache

/// A variable's value on its way into a template: transformed, then escaped for the place of its tag.
///
/// It has no children and shows nothing of itself: only the transform that names a place yields text.
struct TemplateValue {
    enum Content {
        case absent
        case field(FieldValue)
        /// JSON already, made by the transform `json`.
        case json(String)
        /// Percent-encoded already, made by the transform `url`.
        case component(String)
    }

    var content: Content
    /// The most UTF-16 units that the value may show.
    private let cap: Int
    private let cuts: Cuts?

    init(_ content: Content, cap: Int = .max, cuts: Cuts? = nil) {
        self.content = content
        self.cap = cap
        self.cuts = cuts
    }

    /// The value as text, not escaped, not longer than `cap`.
    var text: String {
        switch content {
        case .absent: ""
        case .json(let text), .component(let text): text
        case .field(let value): cut(value.text)
        }
    }

    private func cut(_ whole: String) -> String {
        let text = Truncation.cut(whole, to: cap)
        if text.utf8.count != whole.utf8.count { cuts?.happened = true }
        return text
    }

    /// Whether a section shows for it: neither absent nor empty nor false.
    ///
    /// Zero is a value.
    var isTrue: Bool {
        switch content {
        case .absent: false
        case .json(let text), .component(let text): !text.isEmpty
        case .field(.boolean(let flag)): flag
        case .field(.text(let text)): !text.string.isEmpty
        case .field(.bytes(let bytes)): !bytes.isEmpty
        case .field(.number), .field(.address), .field(.hash): true
        }
    }

    /// The value as JSON; text is quoted, so it stays text whatever it says.
    var json: String {
        switch content {
        case .absent: "null"
        case .json(let text): text
        case .component(let text): JSONText.quoted(text)
        case .field(.number(let number)): number.description
        case .field(.boolean(let flag)): flag ? "true" : "false"
        case .field: JSONText.quoted(text)
        }
    }

    /// The value as `transform` shows it.
    func applying(_ transform: TemplateTransform) -> TemplateValue {
        var result = self
        switch (transform, content) {
        case (_, .absent): if transform == .json { result.content = .json("null") }
        case (.json, _): result.content = .json(json)
        case (.url, _): result.content = .component(Escaping.urlComponent(text))
        case (.date, .field(.number(let number))):
            if let seconds = number.int64, let date = Timestamp.rfc3339(seconds: seconds) {
                result.content = .field(.text(Text(date)))
            }
        case (.date, _): break
        case (.upper, _): result.content = .field(.text(Text(text.uppercased())))
        case (.lower, _): result.content = .field(.text(Text(text.lowercased())))
        case (.short, .field(let value)): result.content = .field(.text(Text(value.short)))
        case (.short, _): break
        }
        return result
    }

    /// The value escaped for `place`.
    func rendered(at place: TemplatePlace) -> String {
        switch (place, content) {
        case (.jsonValue, _): json
        case (.urlComponent, .component(let text)), (.urlStart, .component(let text)): text
        case (.plain, _): text
        case (.html, _): Escaping.html(text)
        case (.markdown, _): Escaping.markdown(text)
        case (.markdownItalic, _): Escaping.markdownItalic(text)
        case (.jsonString, _): Escaping.jsonString(text)
        case (.urlComponent, _): Escaping.urlComponent(text)
        case (.urlStart, _): Escaping.urlStart(text)
        case (.header, _): Escaping.header(text)
        }
    }
}

extension TemplateValue: MustacheTransformable, MustacheParent, MustacheCustomRenderable {
    func transform(_ name: String) -> Any? {
        if name == TemplatePlace.condition { return isTrue }
        if let place = TemplatePlace(rawValue: name) { return RenderedText(renderText: rendered(at: place)) }
        return TemplateTransform(rawValue: name).map { applying($0) }
    }

    func child(named: String) -> Any? { nil }
    var renderText: String { "" }
    var isNull: Bool { true }
}

/// Text that is final.
struct RenderedText: MustacheCustomRenderable, MustacheParent {
    let renderText: String
    var isNull: Bool { false }
    func child(named: String) -> Any? { nil }
}

/// What a template reads while it renders: one notice, each value at most `cap` UTF-16 units long.
struct NoticeScope: MustacheParent {
    let notice: Notice
    let cap: Int
    let cuts = Cuts()

    func child(named: String) -> Any? { TemplateValue(notice.content(of: named), cap: cap, cuts: cuts) }
}

/// Whether a rendering had to cut a value; belongs to one rendering on one thread.
final class Cuts {
    var happened = false
}

/// What a template reads when it is checked: every variable present, or none.
struct SampleScope: MustacheParent {
    let isPresent: Bool

    func child(named: String) -> Any? {
        TemplateValue(isPresent ? .field(.number(Number(1))) : .absent)
    }
}
