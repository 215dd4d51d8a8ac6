import Domain
import Ethereum
import Foundation
import Hummingbird
import Signatures
import Storage

/// Linking agents to organizations, by a wallet's proof.
struct AgentRoutes: Sendable {
    let database: Database
    let ownership: any AgentOwnership
    let chains: [Chain]
    let now: @Sendable () -> Date

    var endpoints: [Endpoint] {
        [
            .account(.post, "/api/v1/agents/link/challenge", issue),
            .account(.post, "/api/v1/agents/link", link),
            .account(.get, "/api/v1/agents/linked", list),
            .account(.delete, "/api/v1/agents/{agent_id}/link", unlink),
        ]
    }

    // MARK: Challenges

    private func issue(_ call: Call, _ account: Account) async throws -> Response {
        let fields = FieldReader(call.body)
        let agent = fields.required("agent_id", else: UInt256(0), Read.uint256)
        let registry = registry(fields)
        let scope = OrganizationScope(call, account, fields: fields)
        let wallet = fields.required("wallet_address", else: Address.zero, Read.address)
        try fields.finish()
        guard let (chain, contract) = registry else { throw APIError.internalError }
        let organization = try await managed(scope)
        let target = LinkTarget(
            agent: agent, chain: chain.id, registry: contract, organization: organization, wallet: wallet)
        var random = SystemRandomNumberGenerator()
        let challenge = Challenge(for: target, at: now(), using: &random)
        try await database.execute(IssueChallenge(challenge: challenge))
        return .data(.created) { writer in
            writer.member("challenge", challenge.message)
            writer.member("nonce", challenge.nonce)
            writer.member("expires_at", Timestamp(challenge.expiresAt))
            writer.member("agent_id", agentID: agent)
            writer.member("chain_id", chain.id.rawValue)
            writer.member("organization_id", organization)
            writer.member("wallet_address", wallet.hex)
            writer.member("registry_address", contract.hex)
        }
    }

    /// The identity registry that the request is about: the named one, or the chain's first.
    private func registry(_ fields: FieldReader) -> (Chain, Address)? {
        let id = fields.required("chain_id", else: nil) { Read.chainID($0).map(Optional.some) }
        let named = fields.given("registry_address", Read.address).value
        guard let id else { return nil }
        guard let chain = chains.first(where: { $0.id == id && $0.isEnabled }) else {
            fields.problems.add("chain_id", "is not a chain that this server listens to")
            return nil
        }
        let contracts = chain.addresses(of: .identity)
        guard let contract = named ?? contracts.first else {
            fields.problems.add("chain_id", "has no identity registry here")
            return nil
        }
        guard contracts.contains(contract) else {
            fields.problems.add("registry_address", "is not an identity registry of this chain")
            return nil
        }
        return (chain, contract)
    }

    /// The organization of `scope`, for which the caller must be able to speak.
    private func managed(_ scope: OrganizationScope) async throws -> OrganizationID {
        guard let (organization, role) = try await database.first(ResolveScope(scope: scope)) else {
            throw APIError.notFound("This organization")
        }
        try role.requireManage()
        return organization
    }

    // MARK: Links

    private func link(_ call: Call, _ account: Account) async throws -> Response {
        let proof = try LinkProof(call)
        _ = try await managed(OrganizationScope(account: account.id, organization: proof.organization))
        guard let nonce = Challenge.nonce(in: proof.text) else {
            throw APIError.agentLink(.invalidChallenge("it has no line with a nonce of 64 hexadecimal digits"))
        }
        guard let issued = try await database.first(FindChallenge(nonce: nonce)) else {
            throw APIError.agentLink(.invalidChallenge("it was not issued here"))
        }
        do {
            try proof.verify(issued, at: now(), recover: Self.signer)
        } catch {
            throw APIError.agentLink(error)
        }
        try await checkOwner(issued)
        let link = try await decide(issued, account)
        return .json(.created) { link.write(to: &$0) }
    }

    private static func signer(of message: [UInt8], _ signature: [UInt8]) throws(AgentLinkRefusal) -> Address {
        do {
            return try EIP191.recoverSigner(of: message, signature: signature)
        } catch {
            throw .invalidSignature(error.description)
        }
    }

    /// Asks the chain who owns the agent.
    ///
    /// Only an answer is a decision, which uses the challenge up; no answer leaves it for another try.
    private func checkOwner(_ issued: IssuedChallenge) async throws {
        let target = issued.challenge.target
        let refusal: AgentLinkRefusal
        do throws(OwnershipError) {
            let owner = try await ownership.owner(of: target.agent, registry: target.registry, chain: target.chain)
            guard owner != target.wallet else { return }
            refusal = .notOwner
        } catch .noSuchAgent {
            refusal = .agentNotFound
        } catch .unavailable(let reason) {
            throw APIError.unavailable(
                "The chain cannot be asked who owns the agent (\(reason)); the challenge still holds.")
        }
        guard try await database.execute(ConsumeChallenge(challenge: issued.id)) == 1 else {
            throw APIError.agentLink(.nonceReused)
        }
        throw APIError.agentLink(refusal)
    }

    private func decide(_ issued: IssuedChallenge, _ account: Account) async throws -> AgentLink {
        let decision = try await database.first(LinkAgent(challenge: issued.id, account: account.id))
        guard let decision, decision.isConsumed else {
            let target = issued.challenge.target
            _ = try await managed(OrganizationScope(account: account.id, organization: target.organization))
            throw APIError.agentLink(.nonceReused)
        }
        guard let link = decision.link else { throw APIError.agentLink(.alreadyLinked) }
        return link
    }

    private func list(_ call: Call, _ account: Account) async throws -> Response {
        let query = QueryReader(call.request)
        let scope = OrganizationScope(call, account, query: query)
        try query.finish()
        let rows = try await database.query(ListLinks(scope: scope))
        guard !rows.isEmpty else { throw APIError.notFound("This organization") }
        var writer = JSONWriter()
        writer.array(rows.compactMap { $0 }) { writer, link in
            writer.object { link.write(to: &$0) }
        }
        return .json(bytes: writer.bytes)
    }

    private func unlink(_ call: Call, _ account: Account) async throws -> Response {
        let query = QueryReader(call.request)
        let chain = query.chainID()
        if chain == nil, !query.has("chain_id") { query.problems.add("chain_id", "is required") }
        let scope = OrganizationScope(call, account, query: query)
        try query.finish()
        let agent = try call.id("agent_id", of: "This agent link") { UInt256(decimal: $0) }
        guard let chain else { throw APIError.internalError }
        guard let result = try await database.first(UnlinkAgent(scope: scope, chain: chain, agent: agent)) else {
            throw APIError.notFound("This organization")
        }
        try result.role.requireManage()
        guard result.isLinked else { throw APIError.notFound("This agent link") }
        guard result.isEnded else { throw APIError.agentLink(.linkedElsewhere) }
        return .json { $0.member("message", "Agent unlinked successfully") }
    }
}

extension LinkProof {
    /// Reads document 003's six fields.
    init(_ call: Call) throws(APIError) {
        let fields = FieldReader(call.body)
        agent = fields.required("agent_id", else: UInt256(0), Read.uint256)
        let chain = fields.required("chain_id", else: nil) { Read.chainID($0).map(Optional.some) }
        organization = OrganizationID(rawValue: fields.required("organization_id", else: UUID(), Read.uuid))
        wallet = fields.required("wallet_address", else: Address.zero, Read.address)
        text = fields.required("challenge", else: "", Read.text(1...2000))
        let signature = fields.required("signature", else: "", Read.text(130...132))
        try fields.finish()
        guard let chain else { throw .internalError }
        self.chain = chain
        do {
            self.signature = try EIP191.signature(hex: signature.hasPrefix("0x") ? signature : "0x" + signature)
        } catch {
            throw .agentLink(.invalidSignature(error.description))
        }
    }
}
