import CSimdJSON
import Synchronization

/// A parser with its memory, lent for the length of one synchronous scope.
///
/// Values and slices that it hands out are valid within that scope only.
final class JSONReader {
    /// The longest document, an answer with logs; most nodes stop at 150 MB or 10,000 logs.
    static let maximumBytes = 256 << 20

    private let handle: OpaquePointer

    private init?() {
        guard let handle = csj_reader_create(Self.maximumBytes) else { return nil }
        self.handle = handle
    }

    deinit { csj_reader_destroy(handle) }

    // MARK: Lending

    /// A reader that waits for its next borrower; nobody else refers to it meanwhile.
    private struct Idle: @unchecked Sendable { let reader: JSONReader }

    /// Shared by all chains; a few are kept, and none that a large answer has blown up.
    private static let idle = Mutex<[Idle]>([])

    /// Lends a reader to `body`.
    static func lend<Result>(_ body: (JSONReader) throws(RPCError) -> Result) throws(RPCError) -> Result {
        let kept = idle.withLock { $0.popLast() }
        guard let reader = kept?.reader ?? JSONReader() else { throw .malformed("no memory to read it") }
        defer {
            if csj_reader_footprint(reader.handle) <= 16 << 20 {
                let returned = Idle(reader: reader)
                idle.withLock { if $0.count < 4 { $0.append(returned) } }
            }
        }
        return try body(reader)
    }

    // MARK: Reading

    /// Splits an answer into replies; with `decodingLogs`, results that are arrays are read as logs.
    func replies(of body: [UInt8], decodingLogs: Bool) throws(RPCError) -> [csj_reply] {
        try check(body.withUnsafeBufferPointer { csj_read_replies(handle, $0.baseAddress, $0.count, decodingLogs) })
        var count = 0
        let replies = csj_replies(handle, &count)
        return Array(UnsafeBufferPointer(start: replies, count: count))
    }

    /// Parses the text of a reply; what was opened before is void.
    func open(_ reply: csj_reply) throws(RPCError) -> JSONValue {
        var root = csj_node()
        try check(csj_open(handle, Int(reply.text_offset), Int(reply.text_count), &root))
        return JSONValue(node: root, reader: handle)
    }

    var logs: UnsafeBufferPointer<csj_log> {
        var count = 0
        let logs = csj_logs(handle, &count)
        return UnsafeBufferPointer(start: logs, count: count)
    }

    var badLogs: UnsafeBufferPointer<csj_bad_log> {
        var count = 0
        let logs = csj_bad_logs(handle, &count)
        return UnsafeBufferPointer(start: logs, count: count)
    }

    /// The bytes that `csj_log.data_offset` counts from.
    var data: UnsafeBufferPointer<UInt8> {
        var count = 0
        let data = csj_data(handle, &count)
        return UnsafeBufferPointer(start: data, count: count)
    }

    /// A piece of the document, at most `limit` bytes, repaired where it is not UTF-8.
    func text(offset: UInt64, count: UInt64, limit: Int = 64 << 10) -> String {
        let start = csj_text(handle).map { $0 + Int(offset) }
        return String(decoding: UnsafeBufferPointer(start: start, count: min(Int(count), limit)), as: UTF8.self)
    }

    private func check(_ code: Int32) throws(RPCError) {
        switch UInt32(bitPattern: code) {
        case CSJ_OK.rawValue: return
        case CSJ_MEMORY.rawValue: throw .malformed("no memory to read it")
        case CSJ_TOO_LARGE.rawValue: throw .malformed("longer than \(Self.maximumBytes) bytes")
        case CSJ_TOO_DEEP.rawValue: throw .malformed("nested too deep")
        case CSJ_SHAPE.rawValue: throw .malformed("neither a reply nor an array of replies")
        default: throw .malformed("not JSON")
        }
    }
}
