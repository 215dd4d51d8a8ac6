/// A complete response, whatever its status.
public struct OutboundResponse: Sendable {
    /// How long the parts of an exchange took.
    public struct Timing: Hashable, Sendable {
        /// Looking the name up; zero on a connection in use before.
        public var dns: Duration
        /// Connecting after the lookup; zero on a connection in use before.
        public var connect: Duration
        /// The TLS handshake; zero without one.
        public var tls: Duration
        /// From the start to the first byte of the answer.
        public var firstByte: Duration
        /// From the start to the last byte of the answer.
        public var total: Duration

        /// The five durations, zero unless given.
        public init(
            dns: Duration = .zero, connect: Duration = .zero, tls: Duration = .zero, firstByte: Duration = .zero,
            total: Duration = .zero
        ) {
            self.dns = dns
            self.connect = connect
            self.tls = tls
            self.firstByte = firstByte
            self.total = total
        }
    }

    /// 100...999.
    public let status: Int
    /// The fields of the final header; those of interim answers and trailers are dropped.
    public let headers: HeaderFields
    /// At most `maximumBodyBytes`.
    public let body: [UInt8]
    /// Whether the body was longer and `bodyOverflow` said to cut it.
    public let isBodyTruncated: Bool
    /// How long it took.
    public let timing: Timing
    /// The address and port that answered, `192.0.2.1:443`.
    public let peer: String?
    /// `1.0`, `1.1` or `2`.
    public let httpVersion: String
    /// Whether the connection had answered a request before.
    ///
    /// False also where it cannot be told, because others were opened to the same host that answered nobody yet.
    public internal(set) var isReused: Bool

    /// A response with all its facts.
    public init(
        status: Int, headers: HeaderFields = [:], body: [UInt8] = [], isBodyTruncated: Bool = false,
        timing: Timing = Timing(), peer: String? = nil, httpVersion: String = "1.1", isReused: Bool = false
    ) {
        self.status = status
        self.headers = headers
        self.body = body
        self.isBodyTruncated = isBodyTruncated
        self.timing = timing
        self.peer = peer
        self.httpVersion = httpVersion
        self.isReused = isReused
    }
}

/// The header of a response and its body to come.
public struct StreamedResponse: Sendable {
    /// 100...999.
    public let status: Int
    /// The fields of the final header.
    public let headers: HeaderFields
    /// The rest, as it arrives.
    public let body: ResponseBody

    /// A response whose body is still arriving.
    public init(status: Int, headers: HeaderFields, body: ResponseBody) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}
