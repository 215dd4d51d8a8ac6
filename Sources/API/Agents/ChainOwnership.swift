public import Domain
public import Ethereum
public import EthereumRPC

/// Asks the identity registries themselves, by `ownerOf(uint256)` through each chain's providers.
///
/// - SeeAlso: ERC-721, `ownerOf`.
public struct ChainOwnership: AgentOwnership {
    private let pools: [ChainID: ProviderPool]

    /// Asks over `pools`, one for each chain that is served.
    public init(pools: [ProviderPool]) {
        self.pools = Dictionary(pools.map { ($0.chainID, $0) }) { first, _ in first }
    }

    /// The account that owns `agent`, on the chain's latest block.
    public func owner(of agent: UInt256, registry: Address, chain: ChainID) async throws(OwnershipError) -> Address {
        guard let pool = pools[chain] else { throw .unavailable(reason: "no node of this chain is configured") }
        guard let question = try? ABI.encodeCall("ownerOf(uint256)", [.uint(agent)]) else {
            throw .unavailable(reason: "the question cannot be put")
        }
        let answer: [UInt8]
        do {
            answer = try await pool.call(to: registry, data: question)
        } catch .reverted {
            // ERC-721 has `ownerOf` throw for ids that were never minted or are burnt.
            throw .noSuchAgent
        } catch {
            throw .unavailable(reason: error.errorClass)
        }
        guard let word = Hash(bytes: answer), let owner = Address(word: word) else {
            throw .unavailable(reason: "the registry's answer is no address")
        }
        guard owner != .zero else { throw .noSuchAgent }
        return owner
    }
}
