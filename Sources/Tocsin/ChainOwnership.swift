import API
import Domain
import Ethereum
import EthereumRPC

/// Asks the chains' own nodes who owns an agent.
struct ChainOwnership: AgentOwnership {
    let pools: [ChainID: ProviderPool]

    func owner(of agent: UInt256, registry: Address, chain: ChainID) async throws(OwnershipError) -> Address {
        guard let pool = pools[chain] else {
            throw .unavailable(reason: "chain \(chain) is not listened to; enable it in chains.json")
        }
        let answer: [UInt8]
        do {
            let call = try ABI.encodeCall("ownerOf(uint256)", [.uint(agent)])
            answer = try await pool.call(to: registry, data: call)
        } catch let error as RPCError {
            throw Self.refusal(error)
        } catch {
            throw .unavailable(reason: "\(error)")
        }
        guard let values = try? ABI.decode([.address], from: answer), case .address(let owner)? = values.first else {
            throw .unavailable(reason: "the registry's answer to ownerOf is no address")
        }
        // A burnt agent: registries that do not revert answer the zero address.
        if owner == .zero { throw .noSuchAgent }
        return owner
    }

    private static func refusal(_ error: RPCError) -> OwnershipError {
        switch error {
        case .reverted: .noSuchAgent
        case .noContract: .unavailable(reason: "there is no registry at this address; check chains.json")
        default: .unavailable(reason: error.errorClass)
        }
    }
}
