import Hummingbird
import Logging

/// What one request carries through the middleware to its handler.
struct APIContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// Sent by the client or made here; echoed, logged, and part of every error.
    var requestID = ""
    /// The caller, once the token was checked; nil on endpoints that are open to all.
    var account: Account?
    /// The address of the peer's socket.
    let peer: String?

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        peer = source.channel.remoteAddress?.ipAddress
    }
}

/// Who sent a request.
struct Account: Sendable, Equatable {
    let id: UserID
    let username: String
}
