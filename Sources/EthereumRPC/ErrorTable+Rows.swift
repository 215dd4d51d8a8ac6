extension ErrorTable {
    struct Row: Sendable {
        let pattern: ErrorPattern
        let meaning: Meaning
    }

    /// Looked through from the top; the first that matches decides.
    static let rows: [Row] = [
        (.unknown, ownFaults), (.rate, rates), (.unauthorized, refusals), (.pruned, pruned), (.notYet, absences),
        (.range(.filter), filters), (.range(.results), results), (.range(.blocks), ranges),
        (.range(.results), suggestions),
        (.server, failures), (.methodMissing, missingMethods),
    ].flatMap { (meaning: Meaning, patterns: [String]) in
        patterns.map { Row(pattern: ErrorPattern($0), meaning: meaning) }
    }

    /// Said about requests that are wrong in themselves, and so like other rows that they come first.
    private static let ownFaults = ["invalid block range params"]

    private static let rates = [
        "{rate}/second",
        "exceeded its compute units per second",
        "request rate exceeded",
        "request rate limited",
        "rate limit exceeded",
        "rate limit",
        "ratelimit",
        "too many requests",
        "daily request count exceeded",
        "over rate limit",
        "requests per second",
    ]

    private static let refusals = [
        "monthly capacity limit",
        "invalid api key",
        "api key is not allowed",
        "must be authenticated",
        "unauthorized",
        "project id is disabled",
        "payment required",
        "out of credits",
    ]

    private static let pruned = [
        "pruned history unavailable",
        "history has been pruned",
        "history is pruned",
        "data before txnum=*is not available",
        "receipt not available for from block",
        "has been pruned",
        // Recent blocks are answered without one.
        "archive requests require a personal token",
    ]

    private static let absences = [
        "block range extends beyond current head block",
        "header not found",
        "unknown block",
        "block not found",
        "cannot query unfinalized data",
        "height is not available",
        "height {n} is not available",
        "no state available",
        "missing trie node",
        "failed to get logs for block",
        "invalid block range",
        "could not find block",
        "requested block is not available",
        "beyond current head",
    ]

    /// Too many contracts or topics in one search.
    private static let filters = [
        "query contains {n} filters",
        "exceed max addresses or topics per search position",
    ]

    /// Too many logs or bytes, or too long a time: elsewhere on the chain the same range may be fine.
    private static let results = [
        "log response size exceeded*{blocks} block range",
        "log response size exceeded",
        "query returned more than {results} results",
        "query timeout exceeded",
        "query exceeds max results {results}",
        "query exceeds max results",
        "response size should not greater than {n} bytes",
        "backend response too large",
        "logs matched by query exceeds limit of {results}",
        "more than {results} results",
        "more than {results} logs returned",
        "query returns too many logs, narrow your filter: {results}",
        "response is too big",
        "exceeded max limit of {n}",
    ]

    /// Too many blocks, wherever they are.
    private static let ranges = [
        "up to a {blocks} block range",
        "range {n} exceeds limit of {blocks}",
        "limited to a {blocks} range",
        "block range is too wide (maximum {blocks})",
        "block range is too wide",
        "blocks distance: {blocks}",
        "block range limit exceeded",
        "range too large. max range: {blocks}",
        "exceed maximum block range: {blocks}",
        "ranges over {blocks} blocks are not supported",
        "limited to {blocks} block range",
        "range is too large, max is {blocks} blocks",
        "limited to a {blocks} blocks range",
        "limited to {n} - {blocks} blocks range",
        "limited to * {n} - {blocks} blocks",
        "exceeds the range allowed for your plan ({n} > {blocks})",
        "maximum allowed number of requested blocks is {blocks}",
        "limit the query to at most {blocks} blocks",
        "is bigger than range limit {blocks}",
        "block range too large: maximum allowed is {blocks} blocks",
        "block range too large, range: {n}, max: {blocks}",
        "block range too large, max range: {blocks}",
        "block range too large ({n}), maximum allowed is {blocks} blocks",
        "block range too high",
        "maximin block range {blocks}",
        "block range too large",
        "block range is too large",
        "maximum is set to {blocks}",
        "query must be smaller than size {blocks}",
        "query exceeds max block range {blocks}",
        "query exceeds max block range of {blocks}",
        "block range exceeds {blocks}",
        "block range greater than {blocks} max",
        "exceed max block range: {blocks}",
        "max block range = {blocks}",
        "block range is bigger than maxblockrange",
        "allowed block range threshold exceeded",
        "logs are limited to a {blocks} block range",
        "query block range exceeds server limit, narrow your filter: {blocks}",
    ]

    /// Said beside a range that would work, and by some nodes without anything else.
    private static let suggestions = [
        "try with this block range",
        "this block range should work",
    ]

    private static let failures = [
        "no backend is currently healthy",
        "unable to complete request at this time",
        "temporarily unavailable",
        "service unavailable",
        "internal server error",
        "gateway timeout",
        "request timed out",
        "timeout",
    ]

    private static let missingMethods = [
        "method not found",
        "does not exist/is not available",
        "method not supported",
        "method is not supported",
        "unsupported method",
        "not whitelisted",
    ]
}
