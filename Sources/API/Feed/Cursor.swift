import Domain

/// A place in a list that is ordered by number, newest first.
enum Cursor: Equatable {
    /// What is older than this row.
    case before(Int64)
    /// What is newer than this row.
    case after(Int64)

    /// The cursor that a client was given; nil for any other text.
    init?(_ text: String) {
        guard let row = Int64(text.dropFirst()), row >= 0 else { return nil }
        switch text.first {
        case "b": self = .before(row)
        case "a": self = .after(row)
        default: return nil
        }
    }

    /// As clients hand it back; they are told to read nothing into it.
    var text: String {
        switch self {
        case .before(let row): "b\(row)"
        case .after(let row): "a\(row)"
        }
    }

    static func read(_ value: JSON) -> Result<Cursor, Refusal> {
        guard let cursor = value.string.flatMap(Cursor.init) else { return .failure(Refusal("is not a cursor")) }
        return .success(cursor)
    }
}

/// A stretch of a long list: how many, and from where.
struct Stretch {
    let limit: Int64
    /// Nil for the newest.
    let cursor: Cursor?

    init(_ query: QueryReader) {
        limit = query.integer("limit", 1...100) ?? 20
        cursor = query.value("cursor", Cursor.read)
    }

    /// Whether rows are read from old to new, as after a cursor.
    var isAscending: Bool { if case .after = cursor { true } else { false } }

    /// The rows to show, newest first, of `rows` in the order they were read, one more than `limit` where there are more.
    func shown<Row>(_ rows: [Row]) -> [Row] {
        let page = rows.prefix(Int(limit))
        return isAscending ? page.reversed() : Array(page)
    }
}

extension JSONWriter {
    /// `"cursor": {…}` for the page of `ids` shown, newest first, out of `read` rows.
    ///
    /// `has_more` says whether more lies in the direction that was read. `previous` is always there, since what is newer
    /// may come at any time.
    mutating func cursor(_ stretch: Stretch, ids: [Int64], read: Int) {
        let hasMore = read > Int(stretch.limit)
        let next: Cursor? = stretch.isAscending || hasMore ? ids.last.map(Cursor.before) : nil
        let previous = ids.first.map(Cursor.after) ?? stretch.cursor.flatMap { if case .after = $0 { $0 } else { nil } }
        member(
            "cursor",
            object: {
                $0.member("next", next?.text)
                $0.member("previous", previous?.text)
                $0.member("has_more", hasMore)
            })
    }
}
