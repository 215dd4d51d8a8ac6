public import Domain
public import Ethereum

extension ProviderPool {
    /// The newest block's header.
    public func head() async throws(RPCError) -> Header {
        let header = try await ask([.block(.latest)]) { answers throws(RPCError) in
            (try Header(answers.result(0)), answers.endpoint)
        }
        saw(header.0, endpoint: header.1)
        return header.0
    }

    /// The newest, the safe and the finalized header, in one batch.
    ///
    /// A tag that the node does not know gives nil; other failures of a tag are thrown.
    public func marks() async throws(RPCError) -> BlockMarks {
        let marks = try await ask([.block(.latest), .block(.safe), .block(.finalized)]) { answers throws(RPCError) in
            let latest = try Header(answers.result(0))
            return (
                BlockMarks(latest: latest, safe: try Self.mark(answers, 1), finalized: try Self.mark(answers, 2)),
                answers.endpoint
            )
        }
        saw(marks.0.latest, endpoint: marks.1)
        return marks.0
    }

    /// The header of `selector`; nil where no endpoint has such a block.
    ///
    /// - Throws: `inconsistent` where the number or hash is not the one asked for.
    public func header(_ selector: BlockSelector) async throws(RPCError) -> Header? {
        do throws(RPCError) {
            return try await ask([.block(selector)]) { answers throws(RPCError) in
                try Header(answers.result(0), expecting: selector)
            }
        } catch {
            if error == .notYet { return nil }
            throw error
        }
    }

    /// The headers of `numbers`, in their order, in batches.
    ///
    /// - Throws: `notYet` where one of them is missing.
    public func headers(_ numbers: [BlockNumber]) async throws(RPCError) -> [Header] {
        var headers: [Header] = []
        for start in stride(from: 0, to: numbers.count, by: configuration.maximumBatch) {
            let wanted = Array(numbers[start...].prefix(configuration.maximumBatch))
            headers += try await ask(wanted.map { .block(.number($0)) }) { answers throws(RPCError) in
                var found: [Header] = []
                for (index, number) in wanted.enumerated() {
                    found.append(try Header(answers.result(index), expecting: .number(number)))
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
                let receipt = try Receipt(element, reader: answers.reader)
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
    private func saw(_ header: Header, endpoint: String) {
        guard let index = endpoints.firstIndex(where: { $0.label == endpoint }) else { return }
        update(index) { $0.saw(head: header.number) }
    }
}
