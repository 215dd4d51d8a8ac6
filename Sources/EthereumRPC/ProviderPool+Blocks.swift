import Domain
public import Ethereum
import Synchronization

extension ProviderPool {
    /// The header of `selector`; nil where no endpoint has such a block.
    ///
    /// - Parameter excluded: An endpoint that is not asked, for a second opinion.
    /// - Throws: `inconsistent` where the number or hash is not the one asked for.
    public func header(_ selector: BlockSelector, notBy excluded: Int? = nil) async throws(RPCError) -> Header? {
        do throws(RPCError) {
            return try await race(Needs(excluded: excluded)) { index throws(RPCError) in
                try await self.ask(index, [.block(selector)]) { answers throws(RPCError) in
                    try Header(answers.result(0), expecting: selector)
                }
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
            headers += try await race(Needs()) { index throws(RPCError) in
                try await self.ask(index, wanted.map { .block($0) }) { answers throws(RPCError) in
                    var found: [Header] = []
                    for (index, selector) in wanted.enumerated() {
                        found.append(try Header(answers.result(index), expecting: selector))
                    }
                    return found
                }
            }
        }
        return headers
    }

    /// The receipts of the block `hash`, in the order of its transactions.
    ///
    /// - Throws: `methodMissing` where no endpoint has `eth_getBlockReceipts`; `inconsistent` for another block's.
    /// - Parameter isRight: Whether the receipts are the block's. Where an endpoint's are not, the others are asked; where
    ///   nobody's are, which is so on chains with receipts of their own making, the first ones are answered.
    public func receipts(
        _ hash: Hash, isRight: @escaping @Sendable ([Receipt]) -> Bool = { _ in true }
    ) async throws(RPCError) -> [Receipt] {
        let first = Mutex<[Receipt]?>(nil)
        do throws(RPCError) {
            let needs = Needs(method: "eth_getBlockReceipts", kind: .search)
            return try await race(needs) { index throws(RPCError) in
                try await self.ask(index, [.receipts(.hash(hash))]) { answers throws(RPCError) in
                    let receipts = try Receipt.list(answers.result(0), of: hash)
                    guard isRight(receipts) else {
                        first.withLock { $0 = $0 ?? receipts }
                        throw .notYet
                    }
                    return receipts
                }
            }
        } catch {
            guard let first = first.withLock({ $0 }) else { throw error }
            return first
        }
    }

    /// The senders of the transactions `hashes`, in batches.
    ///
    /// - Throws: `notYet` where one of them is not known to any endpoint.
    public func transactionsFrom(hashes: [Hash]) async throws(RPCError) -> [Hash: Address] {
        var senders = [Hash: Address](minimumCapacity: hashes.count)
        for start in stride(from: 0, to: hashes.count, by: configuration.maximumBatch) {
            let wanted = Array(hashes[start...].prefix(configuration.maximumBatch))
            let found = try await race(Needs()) { index throws(RPCError) in
                try await self.ask(index, wanted.map { .transaction($0) }) { answers throws(RPCError) in
                    var found: [Address] = []
                    for (index, hash) in wanted.enumerated() {
                        found.append(try Self.sender(answers.result(index), of: hash))
                    }
                    return found
                }
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
}
