public import Domain
public import Ethereum
import HTTPClient
import Metrics

extension ProviderPool {
    /// The headers and the logs of `range`, in one batch from one endpoint.
    ///
    /// Up to `Configuration.maximumHeaders` blocks come with all their headers, each the parent of the next; longer
    /// ranges with the first and the last one, which proves that the endpoint has got that far. Where the endpoint is
    /// known to search fewer blocks at once, the batch holds several searches.
    ///
    /// - Parameters:
    ///   - addresses: The contracts whose logs are wanted; empty for all.
    ///   - excluded: An endpoint that is not asked, for a second opinion.
    /// - Throws: `notYet` where a header is missing, `inconsistent` where the logs do not fit the question or the
    ///   headers, `rangeTooLarge` where no endpoint answers one of the blocks.
    public func blockWithLogs(
        range: ClosedRange<BlockNumber>, addresses: [Address], topics: [[Hash]] = [], notBy excluded: Int? = nil
    ) async throws(RPCError) -> BlockLogs {
        try await search(range, isWhole: true, addresses: addresses, topics: topics, notBy: excluded)
    }

    /// The headers and the logs of the beginning of `range`: of as many blocks as the endpoint answers at once.
    ///
    /// What an endpoint refuses is learned and asked for again at once, less of it. The answer's own range says what was
    /// covered; headers come as in `blockWithLogs`, and so do errors.
    public func blockWithLogs(
        beginningOf range: ClosedRange<BlockNumber>, addresses: [Address], topics: [[Hash]] = [],
        notBy excluded: Int? = nil
    ) async throws(RPCError) -> BlockLogs {
        try await search(range, isWhole: false, addresses: addresses, topics: topics, notBy: excluded)
    }

    private func search(
        _ range: ClosedRange<BlockNumber>, isWhole: Bool, addresses: [Address], topics: [[Hash]], notBy excluded: Int?
    ) async throws(RPCError) -> BlockLogs {
        let needs = Needs(kind: .search, lowest: range.lowerBound, blocks: range.length, excluded: excluded)
        do throws(RPCError) {
            // The tip does not wait for one slow endpoint.
            guard isWhole else {
                return try await each(needs) { index throws(RPCError) in
                    try await search(index, range, isWhole: isWhole, addresses, topics)
                }
            }
            return try await race(needs) { index throws(RPCError) in
                try await self.search(index, range, isWhole: isWhole, addresses, topics)
            }
        } catch {
            guard case .rangeTooLarge = error else { throw error }
            guard isWhole else {
                return try await denseBlock(
                    range.lowerBound, addresses: addresses, topics: topics, notBy: excluded, error)
            }
            return try await denseBlocks(range, addresses: addresses, topics: topics, notBy: excluded, error)
        }
    }

    /// Asks one endpoint for `range`, or its beginning, and for less as often as it refuses.
    private func search(
        _ index: Int, _ range: ClosedRange<BlockNumber>, isWhole: Bool, _ addresses: [Address], _ topics: [[Hash]]
    ) async throws(RPCError) -> BlockLogs {
        for _ in 0..<Self.refusalsMax {
            let start = now()
            let (size, addressesMax) = update(index) {
                ($0.range.take(range.length, isWhole: isWhole, at: start), $0.range.addressesMax)
            }
            let plan = SearchPlan(
                range: isWhole ? range : range.lowerBound...range.lowerBound.advanced(by: size - 1), size: size,
                addresses: addresses, addressesMax: addressesMax, topics: topics,
                headersMax: configuration.maximumHeaders)
            do throws(RPCError) {
                let (found, results) = try await ask(index, plan.calls) { answers throws(RPCError) in
                    try plan.read(answers)
                }
                let now = now()
                update(index) {
                    $0.range.answered(size, results: results, after: now - start, at: now)
                    $0.history.answered(range.lowerBound)
                }
                return found
            } catch {
                let now = now()
                guard case .rangeTooLarge(let hint) = error else {
                    update(index) {
                        $0.range.gaveUp(size)
                        if error == .pruned { $0.history.refused(range.lowerBound, head: $0.head, at: now) }
                        if error.mayBeTooLarge {
                            _ = $0.range.refused(size, addresses: 0, RangeHint(.unknown), at: now)
                        }
                    }
                    throw error
                }
                countRefusal(hint)
                let canAskLess = update(index) {
                    $0.range.refused(size, addresses: plan.addressCount, hint, at: now)
                }
                guard canAskLess else { throw error }
            }
        }
        throw .rangeTooLarge(RangeHint())
    }

    /// Each refusal makes the next search smaller, from a million blocks and hundreds of contracts to one of each.
    private static let refusalsMax = 32

    /// The logs of the block `blockHash`.
    ///
    /// The block is asked for in the same batch, since a node that does not know it may answer with no logs.
    /// - Parameters:
    ///   - addresses: The contracts whose logs are wanted; empty for all.
    ///   - excluded: An endpoint that is not asked, for a second opinion.
    public func logs(
        blockHash: Hash, addresses: [Address], topics: [[Hash]] = [], notBy excluded: Int? = nil
    ) async throws(RPCError) -> BlockLogs {
        do throws(RPCError) {
            return try await race(Needs(kind: .search, excluded: excluded)) { index throws(RPCError) in
                try await self.search(index, blockHash, addresses, topics)
            }
        } catch {
            guard case .rangeTooLarge = error else { throw error }
            return try await denseBlock(blockHash, addresses: addresses, topics: topics, notBy: excluded, error)
        }
    }

    /// Asks one endpoint for the logs of `blockHash`.
    func search(
        _ index: Int, _ blockHash: Hash, _ addresses: [Address], _ topics: [[Hash]]
    ) async throws(RPCError) -> BlockLogs {
        for _ in 0..<Self.refusalsMax {
            let lists = SearchPlan.lists(of: addresses, atMost: health(index).range.addressesMax)
            let filters = lists.map { LogFilter(blocks: .hash(blockHash), addresses: $0, topics: topics) }
            do throws(RPCError) {
                return try await ask(index, [.block(.hash(blockHash))] + filters.map { .logs($0) }) {
                    answers throws(RPCError) in
                    let header = try Header(answers.result(0), expecting: .hash(blockHash))
                    var found = BlockLogs(
                        range: header.number...header.number, headers: [header], logs: [], node: answers.node)
                    for (place, filter) in filters.enumerated() {
                        let (logs, malformed) = try answers.logs(place + 1)
                        try LogCheck(filter: filter, headers: [header]).check(logs)
                        found.logs += logs
                        found.malformed += malformed
                    }
                    return found
                }
            } catch {
                guard case .rangeTooLarge(let hint) = error, hint.cause == .filter else { throw error }
                let now = now()
                let canAskLess = update(index) {
                    $0.range.refused(1, addresses: lists.first?.count ?? 0, hint, at: now)
                }
                guard canAskLess else { throw error }
            }
        }
        throw .rangeTooLarge(RangeHint(.filter))
    }

    /// Counts a search that an endpoint refused, by what there was too much of.
    private func countRefusal(_ hint: RangeHint) {
        let dimensions = [("chain", "\(chainID)"), ("cause", "\(hint.cause)")]
        Counter(label: "rpc.refused.ranges.count", dimensions: dimensions).increment()
    }
}

extension RPCError {
    /// Whether a smaller search may work, though the error does not say so.
    ///
    /// Less takes less time, and a node that words a limit in a new way must not stop the chain.
    fileprivate var mayBeTooLarge: Bool {
        switch self {
        case .transport(.timedOut), .unknown: true
        default: false
        }
    }
}

extension ClosedRange<BlockNumber> {
    /// How many blocks these are, 1 or more.
    var length: Int {
        let distance = lowerBound.distance(to: upperBound)
        return distance == .max ? .max : distance + 1
    }
}
