import CSimdJSON
import Domain

/// The replies to one batch of calls, matched to them by id.
struct Answers {
    let reader: JSONReader
    /// Which endpoint answered.
    let node: Int
    private let calls: [Call]
    private let status: Int
    private let replies: [csj_reply]
    private let found: JSONReader.Found

    /// Finds the reply to each of `calls`, whose ids count up from `firstID`.
    ///
    /// - Throws: The batch's own error where the node answered with one for all; `malformed` where a reply is missing,
    ///   stands twice or belongs to nobody.
    init(
        reader: JSONReader, replies: [csj_reply], found: JSONReader.Found, node: Int, calls: [Call], firstID: UInt64,
        status: Int
    ) throws(RPCError) {
        self.reader = reader
        self.node = node
        self.calls = calls
        self.status = status
        self.found = found
        var ordered = [csj_reply?](repeating: nil, count: calls.count)
        for reply in replies {
            guard reply.has_id, reply.id >= firstID, reply.id - firstID < UInt64(calls.count) else {
                // Refusals of the whole batch come without an id, or with an id of the node's own.
                if reply.kind == CSJ_REPLY_ERROR.rawValue {
                    let error = try Self.error(reply, reader: reader, method: calls[0].method, status: status)
                    if case .unknown(_, let message) = error, calls.count > 1, message.lowercased().contains("batch") {
                        throw .malformed(Self.incomplete)
                    }
                    throw error
                }
                throw .malformed("a reply to no request")
            }
            let index = Int(reply.id - firstID)
            guard ordered[index] == nil else { throw .malformed("two replies to one request") }
            ordered[index] = reply
        }
        let complete = ordered.compactMap(\.self)
        guard complete.count == calls.count else { throw .malformed(Self.incomplete) }
        self.replies = complete
    }

    /// One reply to `call`, whatever its id.
    init(reader: JSONReader, call: Call, reply: csj_reply, found: JSONReader.Found) {
        self.reader = reader
        node = 0
        calls = [call]
        status = 200
        replies = [reply]
        self.found = found
    }

    /// What is said of a node that answers a part of a batch, or refuses all batches.
    static let incomplete = "a reply is missing"

    /// The result of the call at `index`, null included.
    ///
    /// - Throws: The classified error where the node answered with one.
    func result(_ index: Int) throws(RPCError) -> JSONValue {
        let reply = try checked(index)
        guard reply.kind == CSJ_REPLY_RESULT.rawValue else { throw .malformed("\(calls[index].method): an array") }
        return try reader.open(reply)
    }

    /// The logs that answer the call at `index`.
    func logs(_ index: Int) throws(RPCError) -> (logs: [Log], malformed: [MalformedLog]) {
        let reply = try checked(index)
        guard reply.kind == CSJ_REPLY_LOGS.rawValue else { throw .malformed("\(calls[index].method): no array") }
        // A removed log belongs to subscriptions; a search that reports one contradicts itself.
        guard !found.hasRemoved else { throw .inconsistent("a removed log in a search") }
        let first = Int(reply.first_log)
        let count = Int(reply.log_count)
        let logs = count == found.logs.count ? found.logs : Array(found.logs[first..<first + count])
        let firstBad = Int(reply.first_bad_log)
        let malformed = reader.badLogs[firstBad..<firstBad + Int(reply.bad_log_count)].map { bad in
            MalformedLog(
                position: Int(bad.position), reason: Log.reason(bad.fault),
                text: reader.text(offset: bad.text_offset, count: bad.text_count))
        }
        return (logs, malformed)
    }

    private func checked(_ index: Int) throws(RPCError) -> csj_reply {
        let reply = replies[index]
        if reply.kind == CSJ_REPLY_ERROR.rawValue {
            throw try Self.error(reply, reader: reader, method: calls[index].method, status: status)
        }
        guard reply.kind != CSJ_REPLY_NONE.rawValue else {
            throw .malformed("\(calls[index].method): neither a result nor an error")
        }
        return reply
    }

    private static func error(
        _ reply: csj_reply, reader: JSONReader, method: String, status: Int
    ) throws(RPCError) -> RPCError {
        ErrorTable.classify(try NodeError(reader.open(reply)), method: method, status: status)
    }
}
