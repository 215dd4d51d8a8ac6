import Domain
import Ethereum

/// Which calls search the logs of a range, all sent in one batch.
///
/// The headers come along: of a short range all, of a long one the first and the last.
struct SearchPlan: Sendable {
    let range: ClosedRange<BlockNumber>
    /// The heights whose headers are asked for, ascending.
    let numbers: [BlockNumber]
    /// What is searched, lowest blocks first; together all of it, and nothing twice.
    let filters: [LogFilter]

    /// Searches of at most `size` blocks and `addressesMax` contracts.
    ///
    /// - Parameter headersMax: Ranges up to this many blocks come with all their headers.
    init(
        range: ClosedRange<BlockNumber>, size: Int, addresses: [Address], addressesMax: Int, topics: [[Hash]],
        headersMax: Int
    ) {
        self.range = range
        let count = range.lowerBound.distance(to: range.upperBound)
        numbers =
            count < headersMax
            ? (0...count).map { range.lowerBound.advanced(by: $0) } : [range.lowerBound, range.upperBound]
        let lists = Self.lists(of: addresses, atMost: addressesMax)
        filters = stride(from: 0, through: count, by: size).flatMap { start in
            let end = range.lowerBound.advanced(by: min(start + size - 1, count))
            let piece = range.lowerBound.advanced(by: start)...end
            return lists.map { LogFilter(blocks: .range(piece), addresses: $0, topics: topics) }
        }
    }

    /// `addresses` in lists of at most `count`, which is 1 or more; one empty list for none.
    static func lists(of addresses: [Address], atMost count: Int) -> [[Address]] {
        // No list is ever empty by splitting: clients disagree about what an empty one means.
        guard !addresses.isEmpty else { return [[]] }
        return stride(from: 0, to: addresses.count, by: count).map {
            Array(addresses[$0..<min($0 + count, addresses.count)])
        }
    }

    var calls: [Call] { numbers.map { .block(.number($0)) } + filters.map { .logs($0) } }

    /// The most contracts in one search.
    var addressCount: Int { filters.first?.addresses.count ?? 0 }

    /// The headers and logs in `answers`, and the most logs that one search found.
    func read(_ answers: Answers) throws(RPCError) -> (found: BlockLogs, results: Int) {
        var found = BlockLogs(range: range, headers: [], logs: [], node: answers.node)
        for (index, number) in numbers.enumerated() {
            let header = try Header(answers.result(index), expecting: .number(number))
            if let last = found.headers.last, last.number.advanced(by: 1) == number, last.hash != header.parentHash {
                throw .inconsistent("headers that are not parent and child")
            }
            found.headers.append(header)
        }
        var results = 0
        for (place, filter) in filters.enumerated() {
            let (logs, malformed) = try answers.logs(numbers.count + place)
            try LogCheck(filter: filter, headers: found.headers).check(logs)
            results = max(results, logs.count + malformed.count)
            found.logs = found.logs.isEmpty ? logs : found.logs + logs
            found.malformed += malformed
        }
        return (found, results)
    }
}
