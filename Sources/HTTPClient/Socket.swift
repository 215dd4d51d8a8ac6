/// What to open a WebSocket with, and its limits.
public struct SocketRequest: Sendable {
    /// `ws` or `wss`, without user information.
    public var url: String
    /// Sent with the upgrade.
    public var headers: HeaderFields
    /// Sent as text, one message each, once the socket is open.
    public var greeting: [String]
    /// For name lookup, connecting, TLS and the upgrade together.
    public var connectDeadline: Duration
    /// The longest message, in as many fragments as it may come; also the longest frame.
    public var maximumMessageBytes: Int
    /// A ping follows on so long a silence; a peer that does not answer within as long again is gone.
    public var pingInterval: Duration

    /// The defaults: 10 s to open, 64 KiB a message, a ping every 20 s.
    public init(
        url: String, headers: HeaderFields = [:], greeting: [String] = [], connectDeadline: Duration = .seconds(10),
        maximumMessageBytes: Int = 64 << 10, pingInterval: Duration = .seconds(20)
    ) {
        self.url = url
        self.headers = headers
        self.greeting = greeting
        self.connectDeadline = connectDeadline
        self.maximumMessageBytes = maximumMessageBytes
        self.pingInterval = pingInterval
    }
}

/// What opens WebSockets: SwiftNIO in production, a script in tests.
public protocol SocketTransport: Sendable {
    /// Opens a socket and hands over each message, whole and in order, until the socket ends or the task is cancelled.
    ///
    /// Text and binary messages are not told apart. An error that `receive` throws closes the socket.
    /// - Throws: `TransportError` for what the network or the peer did (`receive` where the peer closed), or what
    ///   `receive` threw.
    func listen(_ request: SocketRequest, _ receive: @escaping @Sendable ([UInt8]) async throws -> Void) async throws
}
