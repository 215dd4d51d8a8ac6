public import Ethereum

extension ProviderPool {
    /// What the contract at `to` answers to `data`, on the state of the block `at`.
    ///
    /// - Throws: `reverted` with the contract's data, `noContract` where nothing came back.
    public func call(to: Address, data: [UInt8], at: BlockSelector = .latest) async throws(RPCError) -> [UInt8] {
        try await ask([.contract(to, data: data, at: at)]) { answers throws(RPCError) in
            let value = try answers.result(0)
            if value.isNull { throw .notYet }
            guard let bytes = value.bytes else { throw .malformed("eth_call: no bytes") }
            guard !bytes.isEmpty else { throw .noContract }
            return bytes
        }
    }
}
