/// Why a wallet's proof did not link an agent.
enum AgentLinkRefusal: Error, Equatable {
    /// We did not issue this text, or it was issued for other values; the field that differs, where one does.
    case invalidChallenge(String)
    /// The signature is malformed, or another wallet made it.
    case invalidSignature(String)
    case nonceReused
    case challengeExpired
    /// The registry knows no such agent.
    case agentNotFound
    case notOwner
    case alreadyLinked
    /// Another organization holds the link that was to be ended.
    case linkedElsewhere

    var status: Int {
        switch self {
        case .invalidChallenge, .invalidSignature, .nonceReused, .challengeExpired: 400
        case .notOwner, .linkedElsewhere: 403
        case .agentNotFound: 404
        case .alreadyLinked: 409
        }
    }

    var code: String {
        switch self {
        case .invalidChallenge: "INVALID_CHALLENGE"
        case .invalidSignature: "INVALID_SIGNATURE"
        case .nonceReused: "NONCE_REUSED"
        case .challengeExpired: "CHALLENGE_EXPIRED"
        case .agentNotFound: "AGENT_NOT_FOUND"
        case .notOwner: "NOT_OWNER"
        case .alreadyLinked: "ALREADY_LINKED"
        case .linkedElsewhere: "FORBIDDEN"
        }
    }

    var message: String {
        switch self {
        case .invalidChallenge(let reason): "The challenge is not valid: \(reason)."
        case .invalidSignature(let reason): "The signature is not valid: \(reason)."
        case .nonceReused: "This challenge was used already; ask for a new one."
        case .challengeExpired: "The challenge has expired; ask for a new one."
        case .agentNotFound: "The identity registry knows no agent of this id."
        case .notOwner: "The wallet does not own this agent."
        case .alreadyLinked: "The agent is linked to an organization already."
        case .linkedElsewhere: "The agent is not linked to your organization."
        }
    }
}
