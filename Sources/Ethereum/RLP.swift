/// Why bytes are not the RLP of anything.
public enum RLPError: Error, Equatable {
    /// The bytes end before an item does.
    case truncated
    /// Bytes follow the item.
    case trailingBytes(count: Int)
    /// A length or a single byte was not written in its shortest form.
    case notCanonical
    /// Lists nest deeper than ``RLP/maximumDepth``.
    case tooDeep
}

/// A byte string or a list, which is all that RLP knows.
public enum RLPItem: Hashable, Sendable {
    case bytes([UInt8])
    case list([RLPItem])

    /// The byte string that RLP writes `value` as: big-endian without leading zeros, empty for zero.
    public static func integer(_ value: UInt256) -> RLPItem { .bytes([UInt8](value.word.bytes.drop { $0 == 0 })) }

    /// The byte string that RLP writes `value` as, see ``integer(_:)-(UInt256)``.
    public static func integer(_ value: UInt64) -> RLPItem { integer(UInt256(value)) }

    /// The byte string; nil for a list.
    public var bytes: [UInt8]? { if case .bytes(let bytes) = self { bytes } else { nil } }

    /// The items; nil for a byte string.
    public var items: [RLPItem]? { if case .list(let items) = self { items } else { nil } }

    /// The integer; nil for a list, a leading zero, and from 2^256 on.
    public var integer: UInt256? {
        guard let bytes, bytes.count <= 32, bytes.first != 0,
            let word = Hash(bytes: [UInt8](repeating: 0, count: 32 - bytes.count) + bytes)
        else { return nil }
        return UInt256(word)
    }
}

/// Recursive Length Prefix, the encoding of headers, transactions and tries.
///
/// - SeeAlso: Ethereum Yellow Paper, appendix B.
public enum RLP {
    /// How deep lists may nest in what is decoded; no structure of Ethereum's needs more than a few levels.
    public static let maximumDepth = 32

    /// The item that `bytes` are, all of them, in canonical form.
    public static func decode(_ bytes: [UInt8]) throws(RLPError) -> RLPItem {
        var reader = RLPReader(bytes: bytes)
        let item = try reader.item(before: bytes.count, depth: 0)
        guard reader.position == bytes.count else {
            throw .trailingBytes(count: bytes.count - reader.position)
        }
        return item
    }

    /// The canonical bytes of `item`.
    public static func encode(_ item: RLPItem) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(size(of: item))
        append(item, to: &bytes)
        return bytes
    }

    private static func append(_ item: RLPItem, to bytes: inout [UInt8]) {
        switch item {
        case .bytes(let content):
            if content.count == 1, content[0] < 0x80 {
                bytes.append(content[0])
            } else {
                appendHeader(0x80, count: content.count, to: &bytes)
                bytes.append(contentsOf: content)
            }
        case .list(let items):
            appendHeader(0xc0, count: items.reduce(0) { $0 + size(of: $1) }, to: &bytes)
            for item in items { append(item, to: &bytes) }
        }
    }

    private static func appendHeader(_ base: UInt8, count: Int, to bytes: inout [UInt8]) {
        guard count > 55 else {
            bytes.append(base + UInt8(count))
            return
        }
        let size = sizeOfLength(count)
        bytes.append(base + 55 + UInt8(size))
        for index in (0..<size).reversed() { bytes.append(UInt8(truncatingIfNeeded: count >> (8 * index))) }
    }

    private static func size(of item: RLPItem) -> Int {
        let content: Int
        switch item {
        case .bytes(let bytes):
            if bytes.count == 1, bytes[0] < 0x80 { return 1 }
            content = bytes.count
        case .list(let items): content = items.reduce(0) { $0 + size(of: $1) }
        }
        return content + (content > 55 ? 1 + sizeOfLength(content) : 1)
    }

    private static func sizeOfLength(_ count: Int) -> Int { (64 - count.leadingZeroBitCount + 7) / 8 }
}

/// Reads items from left to right; sizes are compared with what remains before anything is made of them.
private struct RLPReader {
    let bytes: [UInt8]
    var position = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func item(before end: Int, depth: Int) throws(RLPError) -> RLPItem {
        guard depth <= RLP.maximumDepth else { throw .tooDeep }
        guard position < end else { throw .truncated }
        let first = bytes[position]
        position += 1
        switch first {
        case ..<0x80: return .bytes([first])
        case ..<0xc0:
            let content = try content(first - 0x80, before: end)
            guard content.count != 1 || bytes[content.lowerBound] >= 0x80 else { throw .notCanonical }
            position = content.upperBound
            return .bytes([UInt8](bytes[content]))
        default:
            let content = try content(first - 0xc0, before: end)
            var items: [RLPItem] = []
            while position < content.upperBound {
                items.append(try item(before: content.upperBound, depth: depth + 1))
            }
            return .list(items)
        }
    }

    /// Where the content lies that `kind`, 0...63, announces.
    private mutating func content(_ kind: UInt8, before end: Int) throws(RLPError) -> Range<Int> {
        var count = UInt64(kind)
        if kind > 55 {
            let size = Int(kind) - 55
            guard size <= end - position else { throw .truncated }
            count = 0
            for byte in bytes[position..<position + size] { count = count << 8 | UInt64(byte) }
            guard bytes[position] != 0, count > 55 else { throw .notCanonical }
            position += size
        }
        guard count <= UInt64(end - position) else { throw .truncated }
        return position..<position + Int(count)
    }
}
