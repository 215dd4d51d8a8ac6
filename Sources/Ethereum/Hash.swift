/// A 32-byte word: a block or transaction hash, a topic, a `bytes32`.
public struct Hash: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The word as four big-endian quarters, the most significant first.
    let words: (UInt64, UInt64, UInt64, UInt64)

    init(words: (UInt64, UInt64, UInt64, UInt64)) { self.words = words }

    /// All bits clear.
    public static let zero = Hash(words: (0, 0, 0, 0))

    /// The word made of exactly 32 `bytes`; nil for any other count.
    public init?(bytes: some RandomAccessCollection<UInt8>) {
        guard bytes.count == 32 else { return nil }
        func quarter(_ index: Int) -> UInt64 {
            var value: UInt64 = 0
            for byte in bytes.dropFirst(index * 8).prefix(8) { value = value << 8 | UInt64(byte) }
            return value
        }
        words = (quarter(0), quarter(1), quarter(2), quarter(3))
    }

    /// The word written as `0x` and 64 digits.
    public init(hex: some StringProtocol) throws(HexError) {
        let bytes = try Hex.decode(hex)
        guard let hash = Hash(bytes: bytes) else { throw .wrongLength(expected: 32, found: bytes.count) }
        self = hash
    }

    /// The 32 bytes, most significant first.
    public var bytes: [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(32)
        for word in [words.0, words.1, words.2, words.3] {
            withUnsafeBytes(of: word.bigEndian) { result.append(contentsOf: $0) }
        }
        return result
    }

    /// `0x` and 64 lower-case digits.
    public var description: String { Hex.encode(bytes) }

    /// Whether all four quarters agree.
    public static func == (left: Hash, right: Hash) -> Bool { left.words == right.words }
    /// Orders by byte value, as PostgreSQL orders `bytea`.
    public static func < (left: Hash, right: Hash) -> Bool { left.words < right.words }
    /// Feeds the four quarters.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
        hasher.combine(words.2)
        hasher.combine(words.3)
    }
}
