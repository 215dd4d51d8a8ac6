/// One event of a stream.
struct ServerSentEvent: Equatable {
    /// `message` unless the stream said otherwise.
    var type = "message"
    /// The `data:` lines joined with line feeds.
    var data: [UInt8] = []
    /// The last `id:` so far.
    var lastID: [UInt8] = []
}

/// Reads server-sent events from bytes that may be cut anywhere, also within a character or a line ending.
///
/// An event without an empty line behind it is dropped, as is one without data.
///
/// - SeeAlso: WHATWG HTML, section 9.2.6, "Interpreting an event stream".
struct SSEParser {
    /// Why a stream is not read further.
    enum Problem: Error, Equatable {
        /// An event or a line is longer than ``SSEParser/eventMaximum``.
        case eventTooLarge
    }

    /// The most bytes of one event, field names included.
    static let eventMaximum = 65536

    private var line: [UInt8] = []
    private var event = ServerSentEvent()
    private var hasData = false
    private var eventBytes = 0
    private var skipsLineFeed = false
    private var isStart = true
    /// How many bytes of a byte order mark at the beginning were seen.
    private var mark = 0

    /// Reads `bytes` and answers the events that they complete.
    mutating func read(_ bytes: some Sequence<UInt8>) throws(Problem) -> [ServerSentEvent] {
        var events: [ServerSentEvent] = []
        for byte in bytes {
            if isStart {
                if byte == [0xef, 0xbb, 0xbf][mark] {
                    mark += 1
                    if mark == 3 { isStart = false }
                    continue
                }
                isStart = false
                line.append(contentsOf: [0xef, 0xbb, 0xbf].prefix(mark))
            }
            if skipsLineFeed {
                skipsLineFeed = false
                if byte == 0x0a { continue }
            }
            if byte == 0x0a || byte == 0x0d {
                skipsLineFeed = byte == 0x0d
                if let event = endLine() { events.append(event) }
            } else {
                line.append(byte)
                eventBytes += 1
                guard eventBytes <= Self.eventMaximum else { throw .eventTooLarge }
            }
        }
        return events
    }

    private mutating func endLine() -> ServerSentEvent? {
        defer { line.removeAll(keepingCapacity: true) }
        guard !line.isEmpty else { return dispatch() }
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else {
            apply(String(decoding: line, as: UTF8.self), [])
            return nil
        }
        guard colon > 0 else { return nil }  // a comment
        var value = line[(colon + 1)...]
        if value.first == 0x20 { value = value.dropFirst() }
        apply(String(decoding: line[..<colon], as: UTF8.self), value)
        return nil
    }

    private mutating func apply(_ field: String, _ value: ArraySlice<UInt8>) {
        switch field {
        case "event": event.type = String(decoding: value, as: UTF8.self)
        case "data":
            if hasData { event.data.append(0x0a) }
            event.data.append(contentsOf: value)
            hasData = true
        case "id": if !value.contains(0) { event.lastID = Array(value) }
        default: break
        }
    }

    private mutating func dispatch() -> ServerSentEvent? {
        defer {
            event = ServerSentEvent(lastID: event.lastID)
            hasData = false
            eventBytes = 0
        }
        guard hasData else { return nil }
        if event.type.isEmpty { event.type = "message" }
        return event
    }
}
