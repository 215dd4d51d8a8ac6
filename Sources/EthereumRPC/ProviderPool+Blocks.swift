import Domain
public import Ethereum

extension ProviderPool {
    /// The newest block's header.
    public func head() async throws(RPCError) -> Header {
        let header = try await ask([.block(.latest)]) { answers throws(RPCError) in
            (try Header(answers.result(0)), answers.node)
        }
        saw(header.0, node: header.1)
        return header.0
    }

    /// The newest, the safe and the finalized header, in one batch.
    ///
    /// A tag that the node does not know gives nil; other failures of a tag are thrown.
    /// - Parameter tags: Whether the safe and the finalized header are asked for at all.
    public func marks(tags: Bool = true) async throws(RPCError) -> BlockMarks {
        let calls: [Call] = tags ? [.block(.latest), .block(.safe), .block(.finalized)] : [.block(.latest)]
        let marks = try await ask(calls) { answers throws(RPCError) in
            var marks = BlockMarks(latest: try Header(answers.result(0)), node: answers.node)
            if tags {
                marks.safe = try Self.mark(answers, 1)
                marks.finalized = try Self.mark(answers, 2)
            }
            return marks
        }
        saw(marks.latest, node: marks.node)
        return marks
    }

    /// The header of `selector`; nil where no endpoint has such a block.
    ///
    /// - Parameter excluded: An endpoint that is not asked, for a second opinion.
    /// - Throws: `inconsistent` where the number or hash is not the one asked for.
    public func header(_ selector: BlockSelector, notBy excluded: Int? = nil) async throws(RPCError) -> Header? {
        do throws(RPCError) {
            return try await ask([.block(selector)], notBy: excluded) { answers throws(RPCError) in
                try Header(answers.result(0), expecting: selector)
            }
        } catch {
            if error == .notYet { return nil }
            throw error
        }
    }

    /// The headers of `selectors`, in their order, in batches.
    ///
    /// - Throws: `notYet` where one of them is missing.
    public func headers(_ selectors: [BlockSelector]) async throws(RPCError) -> [Header] {
        var headers: [Header] = []
        for start in stride(from: 0, to: selectors.count, by: configuration.maximumBatch) {
            let wanted = Array(selectors[start...].prefix(configuration.maximumBatch))
            headers += try await ask(wanted.map { .block($0) }) { answers throws(RPCError) in
                var found: [Header] = []
                for (index, selector) in wanted.enumerated() {
                    found.append(try Header(answers.result(index), expecting: selector))
                }
                return found
            }
        }
        return headers
    }

    /// The receipts of the block `hash`, in the order of its transactions.
    ///
    /// - Throws: `methodMissing` where no endpoint has `eth_getBlockReceipts`; `inconsistent` for another block's.
    public func receipts(_ hash: Hash) async throws(RPCError) -> [Receipt] {
        try await ask([.receipts(.hash(hash))], isSearch: true) { answers throws(RPCError) in
            let value = try answers.result(0)
            if value.isNull { throw .notYet }
            guard let elements = value.elements else { throw .malformed("eth_getBlockReceipts: no array") }
            var receipts: [Receipt] = []
            receipts.reserveCapacity(elements.count)
            for element in elements {
                let receipt = try Receipt(element)
                guard receipt.blockHash == hash else { throw .inconsistent("a receipt of another block") }
                receipts.append(receipt)
            }
            return receipts
        }
    }

    /// The senders of the transactions `hashes`, in batches.
    ///
    /// - Throws: `notYet` where one of them is not known to any endpoint.
    public func transactionsFrom(hashes: [Hash]) async throws(RPCError) -> [Hash: Address] {
        var senders: [Hash: Address] = [:]
        for start in stride(from: 0, to: hashes.count, by: configuration.maximumBatch) {
            let wanted = Array(hashes[start...].prefix(configuration.maximumBatch))
            let found = try await ask(wanted.map { .transaction($0) }) { answers throws(RPCError) in
                var found: [Address] = []
                for (index, hash) in wanted.enumerated() {
                    found.append(try Self.sender(answers.result(index), of: hash))
                }
                return found
            }
            for (hash, sender) in zip(wanted, found) { senders[hash] = sender }
        }
        return senders
    }

    private static func sender(_ value: JSONValue, of hash: Hash) throws(RPCError) -> Address {
        if value.isNull { throw .notYet }
        guard let found = try value.member("hash")?.hash else { throw .malformed("a transaction without hash") }
        guard found == hash else { throw .inconsistent("another transaction than asked for") }
        guard let sender = try value.member("from")?.address else { throw .malformed("a transaction without from") }
        return sender
    }

    /// The header of a tag, nil where the node does not know the tag or has no such block yet.
    private static func mark(_ answers: Answers, _ index: Int) throws(RPCError) -> Header? {
        do throws(RPCError) {
            return try Header(answers.result(index))
        } catch {
            switch error {
            // An unknown tag is an invalid parameter, and clients word that as they like.
            case .notYet, .methodMissing, .unknown(code: -32602, message: _), .unknown(code: -32000, message: _),
                .unknown(code: -39001, message: _):
                return nil
            default: throw error
            }
        }
    }

    /// Remembers how far the endpoint is.
    private func saw(_ header: Header, node: Int) {
        update(node) { $0.saw(head: header.number) }
    }
}
