public import Domain
public import Ethereum

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
        let wanted = range.lowerBound.distance(to: range.upperBound) + 1
        return try await each(notBy: excluded, blocks: wanted) { index throws(RPCError) in
            // Each refusal makes the next range shorter, at least by one block of what is left.
            while true {
                let now = now()
                let size = take(wanted, from: index)
                let covered = isWhole ? range : range.lowerBound...range.lowerBound.advanced(by: size - 1)
                do throws(RPCError) {
                    let found = try await search(index, covered, size, addresses, topics)
                    let time = self.now() - now
                    update(index) { $0.range.answered(size, results: found.logs.count, after: time) }
                    return found
                } catch {
                    guard case .rangeTooLarge(let hint) = error, refuse(size, hint, at: index) else {
                        update(index) { $0.range.gaveUp(size) }
                        throw error
                    }
                }
            }
        }
    }

    private func take(_ wanted: Int, from index: Int) -> Int {
        let now = now()
        return update(index) { $0.range.take(wanted, at: now) }
    }

    /// Learns from a refusal; false where there is nothing less to ask for.
    private func refuse(_ size: Int, _ hint: RangeHint, at index: Int) -> Bool {
        let now = now()
        return update(index) { $0.range.refused(size, hint, at: now) }
    }

    /// Asks one endpoint for `range`, in searches of `size` blocks.
    private func search(
        _ index: Int, _ range: ClosedRange<BlockNumber>, _ size: Int, _ addresses: [Address], _ topics: [[Hash]]
    ) async throws(RPCError) -> BlockLogs {
        let count = range.lowerBound.distance(to: range.upperBound)
        let numbers =
            count < configuration.maximumHeaders
            ? (0...count).map { range.lowerBound.advanced(by: $0) }
            : [range.lowerBound, range.upperBound]
        let filters = stride(from: 0, through: count, by: size).map { start in
            let piece =
                range.lowerBound.advanced(by: start)...range.lowerBound.advanced(by: min(start + size - 1, count))
            return LogFilter(blocks: .range(piece), addresses: addresses, topics: topics)
        }
        let calls = numbers.map { Call.block(.number($0)) } + filters.map { .logs($0) }
        return try await ask(index, calls, isSearch: true) { answers throws(RPCError) in
            var found = BlockLogs(range: range, headers: [], logs: [], node: answers.node)
            for (index, number) in numbers.enumerated() {
                let header = try Header(answers.result(index), expecting: .number(number))
                if let last = found.headers.last, last.number.advanced(by: 1) == number, last.hash != header.parentHash
                {
                    throw .inconsistent("headers that are not parent and child")
                }
                found.headers.append(header)
            }
            for (place, filter) in filters.enumerated() {
                let (logs, malformed) = try answers.logs(numbers.count + place)
                try LogCheck(filter: filter, headers: found.headers).check(logs)
                found.logs += logs
                found.malformed += malformed
            }
            return found
        }
    }

    /// The logs of the block `blockHash`.
    ///
    /// The block is asked for in the same batch, since a node that does not know it may answer with no logs.
    /// - Parameters:
    ///   - addresses: The contracts whose logs are wanted; empty for all.
    ///   - excluded: An endpoint that is not asked, for a second opinion.
    public func logs(
        blockHash: Hash, addresses: [Address], topics: [[Hash]] = [], notBy excluded: Int? = nil
    ) async throws(RPCError) -> BlockLogs {
        let filter = LogFilter(blocks: .hash(blockHash), addresses: addresses, topics: topics)
        return try await ask([.block(.hash(blockHash)), .logs(filter)], isSearch: true, notBy: excluded) {
            answers throws(RPCError) in
            let header = try Header(answers.result(0), expecting: .hash(blockHash))
            let (logs, malformed) = try answers.logs(1)
            try LogCheck(filter: filter, headers: [header]).check(logs)
            return BlockLogs(
                range: header.number...header.number, headers: [header], logs: logs, malformed: malformed,
                node: answers.node)
        }
    }
}

/// Checks that logs answer the question that was asked.
struct LogCheck {
    private let range: ClosedRange<BlockNumber>?
    /// Few, so that comparing with each costs less than hashing; mostly the first ones match.
    private let addresses: [Address]
    private let topics: [[Hash]]
    private let hashes: [BlockNumber: Hash]

    /// A check against `filter` and what is known of its blocks.
    init(filter: LogFilter, headers: [Header]) {
        var hashes = Dictionary(headers.map { ($0.number, $0.hash) }, uniquingKeysWith: { first, _ in first })
        switch filter.blocks {
        case .range(let range): self.range = range
        case .hash(let hash):
            range = headers.first.map { $0.number...$0.number }
            if let number = headers.first?.number { hashes[number] = hash }
        }
        self.hashes = hashes
        addresses = filter.addresses
        topics = filter.topics
    }

    /// Throws `inconsistent` for the first log that is not what was asked for.
    func check(_ logs: [Log]) throws(RPCError) {
        var place: (number: BlockNumber, hash: Hash)?
        // Read where they stand; a log is too large to be copied for each look at it.
        let logs = logs.span
        for index in logs.indices {
            let number = logs[index].blockNumber
            let hash = logs[index].blockHash
            if !addresses.isEmpty, !addresses.contains(logs[index].address) {
                throw .inconsistent("a log of another contract")
            }
            if !topics.isEmpty { try checkTopics(logs[index].topics) }
            if let place, place.number == number, place.hash == hash { continue }
            if let range, !range.contains(number) { throw .inconsistent("a log outside the range") }
            if let known = hashes[number], known != hash {
                throw .inconsistent("a log of another block than the header")
            }
            if place?.number == number { throw .inconsistent("two blocks at one height") }
            place = (number, hash)
        }
    }

    private func checkTopics(_ topics: Topics) throws(RPCError) {
        for (position, wanted) in self.topics.enumerated() where !wanted.isEmpty {
            guard position < topics.count, wanted.contains(topics[position]) else {
                throw .inconsistent("a log with another topic")
            }
        }
    }
}
