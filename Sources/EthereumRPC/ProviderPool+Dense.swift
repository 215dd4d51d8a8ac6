import Domain
import Ethereum

/// Blocks that hold more logs than any endpoint answers at once.
extension ProviderPool {
    /// The blocks of `range` one by one, each in whatever way works; `refusal` is what the whole range met.
    func denseBlocks(
        _ range: ClosedRange<BlockNumber>, addresses: [Address], topics: [[Hash]], notBy excluded: Int?,
        _ refusal: RPCError
    ) async throws(RPCError) -> BlockLogs {
        guard range.length > 1 else {
            return try await denseBlock(
                range.lowerBound, addresses: addresses, topics: topics, notBy: excluded, refusal)
        }
        // A long range comes with two headers only, and is never asked for whole.
        guard range.length <= configuration.maximumHeaders else { throw refusal }
        var whole: BlockLogs?
        for offset in 0..<range.length {
            let number = range.lowerBound.advanced(by: offset)
            let block = try await blockWithLogs(
                range: number...number, addresses: addresses, topics: topics, notBy: excluded)
            guard var before = whole else {
                whole = block
                continue
            }
            guard before.headers.last?.hash == block.headers.first?.parentHash else {
                throw .inconsistent("headers that are not parent and child")
            }
            before.range = range.lowerBound...number
            before.headers += block.headers
            before.logs += block.logs
            before.malformed += block.malformed
            whole = before
        }
        guard let whole else { throw refusal }
        return whole
    }

    /// The block at `number` from its receipts, or in several searches.
    func denseBlock(
        _ number: BlockNumber, addresses: [Address], topics: [[Hash]], notBy excluded: Int?, _ refusal: RPCError
    ) async throws(RPCError) -> BlockLogs {
        guard let header = try await header(.number(number), notBy: excluded) else { throw .notYet }
        return try await denseBlock(header.hash, addresses: addresses, topics: topics, notBy: excluded, refusal)
    }

    /// The block `hash` from its receipts where an endpoint answers them, else in a search for each contract, else for
    /// each first topic.
    ///
    /// - Throws: `refusal` where nothing is left to split.
    func denseBlock(
        _ hash: Hash, addresses: [Address], topics: [[Hash]], notBy excluded: Int?, _ refusal: RPCError
    ) async throws(RPCError) -> BlockLogs {
        do throws(RPCError) {
            return try await blockFromReceipts(hash, addresses: addresses, topics: topics, notBy: excluded)
        } catch {
            switch error {
            case .methodMissing, .unauthorized, .rangeTooLarge: break
            default: throw error
            }
        }
        var parts: [(addresses: [Address], topics: [[Hash]])] = []
        if addresses.count > 1 {
            parts = addresses.map { ([$0], topics) }
        } else if let first = topics.first, first.count > 1 {
            parts = first.map { (addresses, [[$0]] + topics.dropFirst()) }
        } else {
            throw refusal
        }
        var whole: BlockLogs?
        for part in parts {
            // One contract may still be too much, and is split by topic then.
            let found = try await logs(
                blockHash: hash, addresses: part.addresses, topics: part.topics, notBy: excluded)
            whole?.logs += found.logs
            whole?.malformed += found.malformed
            if whole == nil { whole = found }
        }
        guard var whole else { throw refusal }
        whole.logs.sort { $0.logIndex < $1.logIndex }
        return whole
    }

    private func blockFromReceipts(
        _ hash: Hash, addresses: [Address], topics: [[Hash]], notBy excluded: Int?
    ) async throws(RPCError) -> BlockLogs {
        let filter = LogFilter(blocks: .hash(hash), addresses: addresses, topics: topics)
        let calls: [Call] = [.block(.hash(hash)), .receipts(.hash(hash))]
        return try await ask(calls, Needs(method: "eth_getBlockReceipts", excluded: excluded)) {
            answers throws(RPCError) in
            let header = try Header(answers.result(0), expecting: .hash(hash))
            let receipts = try Receipt.list(answers.result(1), of: hash)
            if let count = header.transactionCount, count > receipts.count {
                throw .inconsistent("fewer receipts than transactions")
            }
            let logs = receipts.flatMap(\.logs).filter { filter.matches($0) }
            try LogCheck(filter: filter, headers: [header]).check(logs)
            return BlockLogs(
                range: header.number...header.number, headers: [header], logs: logs, node: answers.node)
        }
    }
}

extension LogFilter {
    /// Whether `log` is wanted, whatever its block.
    func matches(_ log: Log) -> Bool {
        guard addresses.isEmpty || addresses.contains(log.address) else { return false }
        return topics.enumerated().allSatisfy { position, wanted in
            wanted.isEmpty || position < log.topics.count && wanted.contains(log.topics[position])
        }
    }
}
