public import Domain
public import HTTPClient

/// How one socket does, fit to be shown.
public struct SocketStatus: Sendable, Equatable {
    /// The host, with a number where several share it; never the path, where keys stand.
    public let endpoint: String
    /// Whether it is open and blocks are subscribed to.
    public internal(set) var isConnected = false
    /// The block that it announced last.
    public internal(set) var head: BlockNumber?
    /// Why it ended last.
    public internal(set) var lastFailure: SocketFailure?
}

/// Why a socket was closed.
public enum SocketFailure: Error, Equatable, Sendable {
    /// The network or the peer ended it.
    case transport(TransportError)
    /// The node serves another chain.
    case wrongChain
    /// The node does not announce blocks.
    case refused
    /// The node said something that is not JSON.
    case malformed
    /// Polling showed blocks that the socket did not speak of.
    case silent
    /// It said more than any chain has to say.
    case flood

    /// The word for it in logs and metrics, one of a small closed set.
    public var errorClass: String {
        switch self {
        case .transport(let error): error.errorClass
        case .wrongChain: "wrong_chain"
        case .refused: "refused"
        case .malformed: "malformed"
        case .silent: "silent"
        case .flood: "flood"
        }
    }
}
