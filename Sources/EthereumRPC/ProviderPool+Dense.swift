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
            if block.node != before.node { before.otherNodes[number] = block.node }
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
    /// each first topic, else from the receipt of each transaction.
    ///
    /// - Throws: `refusal` where no endpoint answers in any of these ways.
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
        // One contract may still be too much, and is split by topic then.
        let single = addresses.isEmpty ? [[]] : addresses.map { [$0] }
        var plans: [[Part]] = []
        if single.count > 1 { plans.append(single.map { Part(addresses: $0, topics: topics) }) }
        if let first = topics.first, first.count > 1 {
            plans.append(
                single.flatMap { addresses in
                    first.map { Part(addresses: addresses, topics: [[$0]] + topics.dropFirst()) }
                })
        }
        for plan in plans {
            do throws(RPCError) {
                return try await block(hash, in: plan, notBy: excluded, refusal)
            } catch {
                guard case .rangeTooLarge = error else { throw error }
            }
        }
        return try await blockFromTransactions(hash, addresses, topics, notBy: excluded, refusal)
    }

    /// What one of several searches asks for.
    private struct Part {
        let addresses: [Address]
        let topics: [[Hash]]
    }

    /// The block `hash` in several searches, all at one endpoint, so that another can be asked for a second opinion.
    private func block(
        _ hash: Hash, in parts: [Part], notBy excluded: Int?, _ refusal: RPCError
    ) async throws(RPCError) -> BlockLogs {
        try await each(Needs(kind: .search, excluded: excluded)) { index throws(RPCError) in
            var whole: BlockLogs?
            for part in parts {
                let found = try await search(index, hash, part.addresses, part.topics)
                whole?.logs += found.logs
                whole?.malformed += found.malformed
                if whole == nil { whole = found }
            }
            guard var whole else { throw refusal }
            whole.logs.sort { $0.logIndex < $1.logIndex }
            return whole
        }
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

/// One contract's logs of every kind, too many for one answer, split by who caused them.
extension ProviderPool {
    /// The block `hash` from the receipt of each of its transactions, in batches, all from one endpoint.
    private func blockFromTransactions(
        _ hash: Hash, _ addresses: [Address], _ topics: [[Hash]], notBy excluded: Int?, _ refusal: RPCError
    ) async throws(RPCError) -> BlockLogs {
        let filter = LogFilter(blocks: .hash(hash), addresses: addresses, topics: topics)
        let needs = Needs(method: "eth_getTransactionReceipt", kind: .search, excluded: excluded)
        do throws(RPCError) {
            return try await each(needs) { index throws(RPCError) in
                let (header, transactions) = try await ask(index, [.block(.hash(hash))]) { answers throws(RPCError) in
                    let block = try answers.result(0)
                    return (try Header(block, expecting: .hash(hash)), try Self.transactions(of: block))
                }
                var logs: [Log] = []
                for start in stride(from: 0, to: transactions.count, by: configuration.maximumBatch) {
                    let batch = Array(transactions[start...].prefix(configuration.maximumBatch))
                    logs += try await ask(index, batch.map { .receipt($0) }) { answers throws(RPCError) in
                        var logs: [Log] = []
                        for (place, transaction) in batch.enumerated() {
                            let receipt = try Receipt(answers.result(place), of: transaction, in: hash)
                            logs += receipt.logs.filter { filter.matches($0) }
                        }
                        return logs
                    }
                }
                try LogCheck(filter: filter, headers: [header]).check(logs)
                return BlockLogs(
                    range: header.number...header.number, headers: [header], logs: logs, node: index)
            }
        } catch {
            switch error {
            case .methodMissing, .unauthorized, .rangeTooLarge: throw refusal
            default: throw error
            }
        }
    }

    private static func transactions(of block: JSONValue) throws(RPCError) -> [Hash] {
        guard let elements = try block.member("transactions")?.elements else { throw .malformed("header.transactions") }
        var hashes: [Hash] = []
        for element in elements {
            guard let hash = element.hash else { throw .malformed("header.transactions") }
            hashes.append(hash)
        }
        return hashes
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
