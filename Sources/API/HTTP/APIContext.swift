import Hummingbird
import Logging

/// What one request carries through the middleware to its handler.
struct APIContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// Sent by the client or made here; echoed, logged, and part of every error.
    var requestID = ""
    /// The caller, once the token was checked; nil on endpoints that are open to all.
    var account: Account?
    /// Who sent the request: the address of the peer's socket, or what a trusted proxy says of its own.
    var clientAddress: String?

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        clientAddress = source.channel.remoteAddress?.ipAddress
    }
}

/// Who sent a request.
struct Account: Sendable, Equatable {
    let id: UserID
    let username: String
}
