import Domain
import Ethereum
import Foundation
import Hummingbird

/// Reads a request's query parameters one by one and gathers what is wrong with them.
///
/// A parameter that nobody asked for is refused by `finish`: a mistyped filter must not widen a list to everything.
final class QueryReader {
    let problems = Problems()
    private var values: [String: String] = [:]
    /// `tier` is document 003's hint about a query's cost; it changes no answer.
    private var known: Set<String> = ["tier"]

    init(_ request: Request) {
        for (name, value) in request.uri.queryParameters {
            if values.updateValue(String(value), forKey: String(name)) != nil {
                problems.add(String(name), "is given twice")
            }
        }
    }

    /// Ends the reading.
    ///
    /// - Throws: `APIError.invalid` with everything that was wrong.
    func finish() throws(APIError) {
        for name in values.keys.sorted() where !known.contains(name) { problems.add(name, "is not a known parameter") }
        try problems.finish()
    }

    func has(_ name: String) -> Bool { values[name] != nil }

    /// The parameter `name`, as the JSON reader `read` understands the text of it.
    func value<Value>(_ name: String, _ read: (JSON) -> Result<Value, Refusal>) -> Value? {
        known.insert(name)
        guard let text = values[name] else { return nil }
        switch read(.string(text)) {
        case .success(let value): return value
        case .failure(let refusal):
            problems.add(name, refusal.issue)
            return nil
        }
    }

    func integer(_ name: String, _ limits: ClosedRange<Int64>) -> Int64? {
        value(name) { text in
            guard let number = text.string.flatMap({ Int64($0) }), limits.contains(number) else {
                return .failure(Refusal("must be an integer from \(limits.lowerBound) to \(limits.upperBound)"))
            }
            return .success(number)
        }
    }

    func chainID(_ name: String = "chain_id") -> ChainID? {
        integer(name, 1...Int64.max).flatMap(ChainID.init(rawValue:))
    }

    func boolean(_ name: String) -> Bool? {
        value(name) { text in
            switch text.string {
            case "true": .success(true)
            case "false": .success(false)
            default: .failure(Refusal("must be true or false"))
            }
        }
    }

    /// The page that `limit` (1–100, 20) and `offset` (0) ask for.
    func page() -> Page {
        Page(limit: integer("limit", 1...100) ?? 20, offset: integer("offset", 0...Int64(Int32.max)) ?? 0)
    }
}

/// A stretch of a list.
struct Page: Equatable {
    let limit: Int64
    let offset: Int64
}

extension JSONWriter {
    /// `"pagination": {…}` for `count` elements shown out of `total`.
    mutating func pagination(_ page: Page, total: Int64, count: Int) {
        member(
            "pagination",
            object: {
                $0.member("total", total)
                $0.member("limit", page.limit)
                $0.member("offset", page.offset)
                $0.member("has_more", page.offset + Int64(count) < total)
            })
    }
}
