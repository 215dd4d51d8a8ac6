import Ethereum

/// An error as a node wrote it.
struct NodeError: Sendable, Equatable {
    var code: Int?
    var message: String
    /// `data`, or the text in it, where some nodes put what really happened.
    var data: String
    /// The bytes of `data`, where it is hexadecimal: what a contract reverted with.
    var bytes: [UInt8]?
    /// Infura's wish, in whole or broken seconds.
    var backoffSeconds: Double?
    /// The requests per second that Infura allows.
    var allowedPerSecond: Double?
    /// Infura's range that would work.
    var from: UInt64?
    var to: UInt64?

    init(
        code: Int?, message: String, data: String = "", bytes: [UInt8]? = nil, backoffSeconds: Double? = nil,
        allowedPerSecond: Double? = nil, from: UInt64? = nil, to: UInt64? = nil
    ) {
        self.code = code
        self.message = message
        self.data = data
        self.bytes = bytes
        self.backoffSeconds = backoffSeconds
        self.allowedPerSecond = allowedPerSecond
        self.from = from
        self.to = to
    }

    /// Reads `{"code","message","data"}` in every variety; an error that is only a text has no code.
    init(_ value: JSONValue) throws(RPCError) {
        guard value.isObject else {
            self.init(code: nil, message: String((value.string ?? value.text(limit: 500)).prefix(500)))
            return
        }
        let data = try value.member("data")
        let inner = try data?.member("data")
        let rate = try data?.member("rate")
        let payload = try data?.member("payload")
        let reason = try data?.member("message")
        let text = data?.string
        let bytes = data?.bytes ?? inner?.bytes ?? Self.revertedBytes(text)
        self.init(
            code: try value.member("code")?.integer,
            message: String((try value.member("message")?.string ?? "").prefix(2000)),
            data: String((payload?.string ?? reason?.string ?? text ?? data?.text(limit: 2000) ?? "").prefix(2000)),
            bytes: bytes,
            backoffSeconds: try rate?.member("backoff_seconds")?.number,
            allowedPerSecond: try rate?.member("allowed_rps")?.number,
            from: try data?.member("from")?.quantity, to: try data?.member("to")?.quantity)
    }

    /// Parity and its successors write `Reverted 0x…`.
    private static func revertedBytes(_ text: String?) -> [UInt8]? {
        guard let text, text.hasPrefix("Reverted 0x") else { return nil }
        return bytes(hex: text.dropFirst("Reverted ".count))
    }

    private static func bytes(hex text: Substring) -> [UInt8]? { try? Hex.decode(text) }
}
