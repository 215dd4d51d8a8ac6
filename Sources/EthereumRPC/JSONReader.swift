import CSimdJSON
import Domain
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

    /// A reader on its way in or out; nobody else refers to it meanwhile.
    private struct Parcel: @unchecked Sendable { let reader: JSONReader }

    /// Readers that wait for their next borrower.
    private struct Idle {
        var small: [Parcel] = []
        /// One that a long answer has made large, for the next long answer.
        var large: Parcel?
        /// How many short answers came since the last long one.
        var shortAnswers = 0
    }

    /// The logs of an answer, all its replies together.
    struct Found {
        var logs: [Log] = []
        /// Whether one of them says that it was undone.
        var hasRemoved = false
    }

    /// Shared by all chains.
    private static let idle = Mutex(Idle())

    /// Splits `body` into replies and hands them to `use` with a reader that can open them.
    ///
    /// - Parameter decodingLogs: Whether results that are arrays are read as logs.
    static func read<Result>(
        _ body: [UInt8], decodingLogs: Bool, _ use: (JSONReader, [csj_reply], Found) throws(RPCError) -> Result
    ) throws(RPCError) -> Result {
        let isLong = body.count > longAnswer
        guard let reader = borrow(isLong: isLong) ?? JSONReader() else { throw .malformed("no memory to read it") }
        defer { giveBack(reader) }
        return try body.withUnsafeBufferPointer { bytes throws(RPCError) in
            var found = Found()
            // Logs of real registries take about a kilobyte of text each.
            if decodingLogs, isLong { found.logs.reserveCapacity(bytes.count / 1024) }
            let replies = try reader.split(bytes, readable: body.capacity, decodingLogs: decodingLogs, into: &found)
            return try use(reader, replies, found)
        }
    }

    private static let longAnswer = 256 << 10
    private static let smallFootprint = 4 << 20
    private static let largeFootprint = 256 << 20
    /// A large reader is let go after this many short answers in a row, a few minutes of a quiet chain.
    private static let patience = 256

    private static func borrow(isLong: Bool) -> JSONReader? {
        let parcel = idle.withLock { idle -> Parcel? in
            idle.shortAnswers = isLong ? 0 : idle.shortAnswers + 1
            if idle.shortAnswers > patience { idle.large = nil }
            guard isLong, let large = idle.large else { return idle.small.popLast() }
            idle.large = nil
            return large
        }
        return parcel?.reader
    }

    private static func giveBack(_ reader: JSONReader) {
        let footprint = csj_reader_footprint(reader.handle)
        let parcel = Parcel(reader: reader)
        idle.withLock { idle in
            if footprint <= smallFootprint {
                if idle.small.count < 4 { idle.small.append(parcel) }
            } else if footprint <= largeFootprint {
                idle.large = parcel
            }
        }
    }

    // MARK: Reading

    private func split(
        _ bytes: UnsafeBufferPointer<UInt8>, readable: Int, decodingLogs: Bool, into found: inout Found
    ) throws(RPCError) -> [csj_reply] {
        let code = withUnsafeMutablePointer(to: &found) { found in
            csj_read_replies(
                handle, bytes.baseAddress, bytes.count, readable, decodingLogs ? Self.onLog : nil, found)
        }
        try check(code)
        var count = 0
        let replies = csj_replies(handle, &count)
        return Array(UnsafeBufferPointer(start: replies, count: count))
    }

    private static let onLog: csj_log_callback = { context, raw in
        guard let found = context?.assumingMemoryBound(to: Found.self) else { return false }
        guard let raw else {
            found.pointee = Found()
            return true
        }
        guard let log = Log(raw) else { return false }
        found.pointee.logs.append(log)
        if raw.pointee.is_removed { found.pointee.hasRemoved = true }
        return true
    }

    /// Parses the text of a reply; what was opened before is void.
    func open(_ reply: csj_reply) throws(RPCError) -> JSONValue {
        var root = csj_node()
        try check(csj_open(handle, Int(reply.text_offset), Int(reply.text_count), &root))
        return JSONValue(node: root)
    }

    var badLogs: UnsafeBufferPointer<csj_bad_log> {
        var count = 0
        let logs = csj_bad_logs(handle, &count)
        return UnsafeBufferPointer(start: logs, count: count)
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
