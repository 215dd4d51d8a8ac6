import Domain
import Ethereum
import Foundation

/// What a challenge is for: one agent, to be linked to one organization by one wallet.
struct LinkTarget: Equatable {
    let agent: UInt256
    let chain: ChainID
    let registry: Address
    let organization: OrganizationID
    let wallet: Address
}

/// A text that a wallet signs to prove that its holder asked for the link.
///
/// Its lines are document 003's; what they do not say is bound by the row under the nonce.
struct Challenge: Equatable {
    /// How long a challenge may be signed.
    static let lifetime: TimeInterval = 300

    let target: LinkTarget
    /// 64 lower-case hexadecimal digits: 256 random bits.
    let nonce: String
    /// The exact text.
    let message: String
    /// Whole seconds.
    let expiresAt: Date

    /// A new challenge that begins at `now`.
    init(for target: LinkTarget, at now: Date, using random: inout some RandomNumberGenerator) {
        self.target = target
        let bytes = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &random) }
        nonce = String(Hex.encode(bytes).dropFirst(2))
        expiresAt = Date(timeIntervalSince1970: (now.timeIntervalSince1970 + Self.lifetime).rounded(.down))
        message = """
            Sign this message to authenticate with ERC-8004 API

            Wallet: \(target.wallet.checksummed)
            Nonce: \(nonce)
            Expires: \(Timestamp(expiresAt))
            """
    }

    init(target: LinkTarget, nonce: String, message: String, expiresAt: Date) {
        self.target = target
        self.nonce = nonce
        self.message = message
        self.expiresAt = expiresAt
    }

    /// The nonce that `text` names on a line of its own; nil where there is none or more than one.
    static func nonce(in text: String) -> String? {
        let nonces = text.split(separator: "\n", omittingEmptySubsequences: false).filter { $0.hasPrefix("Nonce: ") }
        guard nonces.count == 1, let nonce = nonces.first?.dropFirst(7), nonce.utf8.count == 64,
            nonce.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
        else { return nil }
        return String(nonce)
    }
}

/// A challenge as it was issued, and what became of it.
struct IssuedChallenge {
    let id: UUID
    let challenge: Challenge
    let isConsumed: Bool
}

/// What a client sends to link an agent.
struct LinkProof {
    let agent: UInt256
    let chain: ChainID
    let organization: OrganizationID
    let wallet: Address
    let text: String
    let signature: [UInt8]

    /// Whether the proof is of what was `issued`, down to the byte, signed by its wallet and in time, in that order.
    func verify(
        _ issued: IssuedChallenge, at now: Date, recover: ([UInt8], [UInt8]) throws(AgentLinkRefusal) -> Address
    ) throws(AgentLinkRefusal) {
        let challenge = issued.challenge
        guard challenge.message.utf8.elementsEqual(text.utf8) else {
            throw .invalidChallenge("the text is not the one that was issued")
        }
        let differences = [
            ("wallet_address", challenge.target.wallet == wallet), ("agent_id", challenge.target.agent == agent),
            ("chain_id", challenge.target.chain == chain),
            ("organization_id", challenge.target.organization == organization),
        ]
        if let difference = differences.first(where: { !$0.1 }) {
            throw .invalidChallenge("it was issued for another \(difference.0)")
        }
        guard try recover(Array(text.utf8), signature) == wallet else {
            throw .invalidSignature("another wallet made it")
        }
        if issued.isConsumed { throw .nonceReused }
        guard now < challenge.expiresAt else { throw .challengeExpired }
    }
}
