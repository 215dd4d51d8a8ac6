public import Domain
public import Ethereum

/// Asks a chain who owns an agent.
public protocol AgentOwnership: Sendable {
    /// The account that owns `agent` in the identity registry at `registry` of `chain`.
    func owner(of agent: UInt256, registry: Address, chain: ChainID) async throws(OwnershipError) -> Address
}

/// Why nobody can say who owns an agent.
public enum OwnershipError: Error, Equatable {
    /// The registry has no agent of this id.
    case noSuchAgent
    /// No node gave an answer that can be relied on; asking later can help. The reason holds no URL.
    case unavailable(reason: String)
}
