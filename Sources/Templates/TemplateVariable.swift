import Domain

/// The names that templates read an event by.
public enum TemplateVariable {
    /// Every name, fields of events first.
    public static let names: [String] = Field.allCases.map(\.rawValue) + extras

    /// What a template knows besides the event's fields.
    static let extras = [
        "event_id", "trigger_id", "trigger_name", "delivery_id", "chain_name", "explorer_url", "transaction_url",
        "kind", "is_retraction", "is_test",
    ]

    /// Names that clients of older systems use for the same things.
    static let aliases = [
        "timestamp": Field.blockTimestamp.rawValue, "token_uri": Field.agentURI.rawValue,
        "file_uri": Field.feedbackURI.rawValue, "file_hash": Field.feedbackHash.rawValue,
        "validation_tag": Field.tag.rawValue,
    ]

    private static let known = Set(names)

    /// The name that `written` stands for; nil when no variable is called that.
    static func resolve(_ written: String) -> String? {
        known.contains(written) ? written : aliases[written]
    }
}

/// What a template can do to a value before it is written: `{{short(owner)}}`.
public enum TemplateTransform: String, CaseIterable, Sendable {
    /// The first and last digits of a long hexadecimal value, the beginning of a long text.
    case short
    case upper
    case lower
    /// Seconds since 1970 as RFC 3339 in UTC.
    case date
    /// The value as JSON: a number, `true`, `null` or a quoted text.
    case json
    /// The value percent-encoded for a URL's path or query.
    case url

    /// Every name.
    public static let names = allCases.map(\.rawValue)
}
