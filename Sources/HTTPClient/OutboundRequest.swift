/// A request to somebody else's server, with its limits.
public struct OutboundRequest: Sendable {
    /// What happens when a body is longer than `maximumBodyBytes`.
    public enum BodyOverflow: Sendable {
        /// The exchange fails with `TransportError.bodyTooLarge`.
        case fail
        /// The body is cut there, the rest is never read, and the exchange succeeds.
        case truncate
    }

    /// An HTTP token such as `POST`.
    public var method: String
    /// An absolute `https` or `http` URL without user information.
    public var url: String
    /// Sent as they are; `Content-Length` and `Transfer-Encoding` are refused.
    public var headers: HeaderFields
    /// Empty for none.
    public var body: [UInt8]
    /// The limit for the whole exchange, from the call to the last byte of the body.
    public var deadline: Duration
    /// The limit for name lookup, connecting and the TLS handshake together.
    public var connectDeadline: Duration
    /// The longest header that is read, interim answers and trailers included.
    public var maximumHeaderBytes: Int
    /// The longest body that is kept, counted after decompression.
    public var maximumBodyBytes: Int
    /// What happens beyond `maximumBodyBytes`.
    public var bodyOverflow: BodyOverflow
    /// Whether the egress guard applies; off only for addresses that the operator configured.
    public var guarded: Bool
    /// Whether the server may compress its body with gzip.
    public var acceptsCompression: Bool

    /// A request with the limits of a webhook unless told otherwise: 15 s, 5 s to connect, 32 KiB of header, 64 KiB of body.
    public init(
        method: String = "POST", url: String, headers: HeaderFields = [:], body: [UInt8] = [],
        deadline: Duration = .seconds(15), connectDeadline: Duration = .seconds(5),
        maximumHeaderBytes: Int = 32 * 1024, maximumBodyBytes: Int = 64 * 1024, bodyOverflow: BodyOverflow = .fail,
        guarded: Bool = true, acceptsCompression: Bool = false
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.deadline = deadline
        self.connectDeadline = connectDeadline
        self.maximumHeaderBytes = maximumHeaderBytes
        self.maximumBodyBytes = maximumBodyBytes
        self.bodyOverflow = bodyOverflow
        self.guarded = guarded
        self.acceptsCompression = acceptsCompression
    }
}
