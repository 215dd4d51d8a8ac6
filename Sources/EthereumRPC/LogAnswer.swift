public import Domain

/// The logs in one answer to `eth_getLogs`, read as the pool reads them.
public struct LogAnswer: Sendable, Hashable {
    /// What could be decoded, in the answer's order.
    public let logs: [Log]
    /// What could not; none is ever left out.
    public let malformed: [MalformedLog]

    /// Reads `body`, a JSON-RPC reply with an array of logs as its result, whatever its id.
    ///
    /// - Throws: The classified error where the node answered with one; `malformed` where this is no such reply.
    public init(body: [UInt8]) throws(RPCError) {
        (logs, malformed) = try JSONReader.read(body, decodingLogs: true) { reader, replies, found throws(RPCError) in
            guard replies.count == 1, let reply = replies.first else { throw .malformed("not one reply") }
            let answers = Answers(reader: reader, call: .anyLogs, reply: reply, found: found)
            return try answers.logs(0)
        }
    }
}
