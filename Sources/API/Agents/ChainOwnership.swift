public import Domain
public import Ethereum
public import EthereumRPC

/// Asks the identity registries themselves, by `ownerOf(uint256)` through each chain's providers.
///
/// - SeeAlso: ERC-721, `ownerOf`.
public struct ChainOwnership: AgentOwnership {
    private let pools: [ChainID: ProviderPool]

    /// Asks over `pools`, one for each chain that is listened to.
    public init(pools: [ChainID: ProviderPool]) { self.pools = pools }

    /// The account that owns `agent`, on the chain's latest block.
    public func owner(of agent: UInt256, registry: Address, chain: ChainID) async throws(OwnershipError) -> Address {
        guard let pool = pools[chain] else {
            throw .unavailable(reason: "chain \(chain) is not listened to; enable it in chains.json")
        }
        guard let question = try? ABI.encodeCall("ownerOf(uint256)", [.uint(agent)]) else {
            throw .unavailable(reason: "the question cannot be encoded")
        }
        let answer: [UInt8]
        do {
            answer = try await pool.call(to: registry, data: question)
        } catch {
            throw Self.refusal(error)
        }
        guard answer.count == 32, let word = Hash(bytes: answer), let owner = Address(word: word) else {
            throw .unavailable(reason: "the registry's answer to ownerOf is no address")
        }
        // A burnt agent: registries that do not revert answer the zero address.
        guard owner != .zero else { throw .noSuchAgent }
        return owner
    }

    private static func refusal(_ error: RPCError) -> OwnershipError {
        switch error {
        // ERC-721 has `ownerOf` throw for ids that were never minted or are burnt.
        case .reverted: .noSuchAgent
        case .noContract: .unavailable(reason: "there is no registry at this address; check chains.json")
        default: .unavailable(reason: error.errorClass)
        }
    }
}
