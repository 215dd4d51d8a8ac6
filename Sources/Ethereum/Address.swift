/// A 20-byte account address.
public struct Address: Hashable, Sendable, Comparable, CustomStringConvertible {
    let words: (UInt64, UInt64, UInt32)

    init(words: (UInt64, UInt64, UInt32)) { self.words = words }

    /// The zero address, which ERC-721 names as the sender of a mint and the receiver of a burn.
    public static let zero = Address(words: (0, 0, 0))

    /// The address made of exactly 20 `bytes`; nil for any other count.
    public init?(bytes: some RandomAccessCollection<UInt8>) {
        guard bytes.count == 20 else { return nil }
        var high: UInt64 = 0
        var middle: UInt64 = 0
        var low: UInt32 = 0
        for byte in bytes.prefix(8) { high = high << 8 | UInt64(byte) }
        for byte in bytes.dropFirst(8).prefix(8) { middle = middle << 8 | UInt64(byte) }
        for byte in bytes.dropFirst(16) { low = low << 8 | UInt32(byte) }
        words = (high, middle, low)
    }

    /// The 20 bytes, most significant first.
    public var bytes: [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(20)
        withUnsafeBytes(of: words.0.bigEndian) { result.append(contentsOf: $0) }
        withUnsafeBytes(of: words.1.bigEndian) { result.append(contentsOf: $0) }
        withUnsafeBytes(of: words.2.bigEndian) { result.append(contentsOf: $0) }
        return result
    }

    /// `0x` and 40 digits.
    public var description: String { Hex.encode(bytes) }

    /// Whether all 20 bytes agree.
    public static func == (left: Address, right: Address) -> Bool { left.words == right.words }
    /// Orders by byte value, as PostgreSQL orders `bytea`.
    public static func < (left: Address, right: Address) -> Bool { left.words < right.words }
    /// Feeds the three words.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
        hasher.combine(words.2)
    }
}
