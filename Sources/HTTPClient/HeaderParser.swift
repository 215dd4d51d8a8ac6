/// Collects the fields of a response's final header from the lines that libcurl hands out.
struct HeaderParser {
    let maximumBytes: Int
    private(set) var fields: HeaderFields = [:]
    /// Whether the final header has ended.
    private(set) var isComplete = false
    private(set) var isTooLarge = false
    private var bytes = 0
    private var lines = 0
    private var isInterim = false

    /// More fields than this are an attack or a fault, however short they are.
    private static let maximumLines = 100

    init(maximumBytes: Int) { self.maximumBytes = maximumBytes }

    /// Reads one line with its end.
    ///
    /// Interim answers are dropped, trailers counted and dropped.
    mutating func read(_ line: UnsafeRawBufferPointer) {
        bytes += line.count
        lines += 1
        if bytes > maximumBytes || lines > Self.maximumLines {
            isTooLarge = true
            return
        }
        if isComplete { return }
        let text = line.prefix { $0 != UInt8(ascii: "\r") && $0 != UInt8(ascii: "\n") }
        if text.starts(with: "HTTP/".utf8) {
            fields = [:]
            isInterim = text.drop { $0 != UInt8(ascii: " ") }.dropFirst().first == UInt8(ascii: "1")
        } else if text.isEmpty {
            isComplete = !isInterim
        } else if let colon = text.firstIndex(of: UInt8(ascii: ":")) {
            fields.append(
                name: String(decoding: text[..<colon], as: UTF8.self),
                value: String(decoding: Self.trimmed(text[(colon + 1)...]), as: UTF8.self))
        }
    }

    private static func trimmed(_ value: Slice<UnsafeRawBufferPointer>) -> Slice<UnsafeRawBufferPointer> {
        func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        var value = value.drop(while: isBlank)
        while let last = value.last, isBlank(last) { value.removeLast() }
        return value
    }
}
