/// A 32-byte word: a block or transaction hash, a topic, a `bytes32`.
@frozen
public struct Hash: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The word as four big-endian quarters, the most significant first.
    @usableFromInline let words: (UInt64, UInt64, UInt64, UInt64)

    /// The word of four quarters, the most significant first.
    @inlinable
    public init(words: (UInt64, UInt64, UInt64, UInt64)) { self.words = words }

    /// All bits clear.
    @inlinable public static var zero: Hash { Hash(words: (0, 0, 0, 0)) }

    /// The word made of exactly 32 `bytes`; nil for any other count.
    public init?(bytes: some RandomAccessCollection<UInt8>) {
        guard bytes.count == 32 else { return nil }
        if let words = bytes.withContiguousStorageIfAvailable({ Self.words(of: UnsafeRawBufferPointer($0), at: 0) }) {
            self.words = words
            return
        }
        func quarter(_ index: Int) -> UInt64 {
            var value: UInt64 = 0
            for byte in bytes.dropFirst(index * 8).prefix(8) { value = value << 8 | UInt64(byte) }
            return value
        }
        words = (quarter(0), quarter(1), quarter(2), quarter(3))
    }

    /// The word written as `0x` and 64 digits of either case.
    @inlinable
    public init(hex: some StringProtocol) throws(HexError) { try self.init(hex: String(hex)) }

    /// The word written as `0x` and 64 digits of either case.
    public init(hex: String) throws(HexError) {
        words = try Hex.withUTF8(of: hex) { (utf8) throws(HexError) in try Hex.word(utf8: utf8) }
    }

    /// The word that `utf8`, the UTF-8 of a text, spells as `0x` and 64 digits of either case.
    public init(hexUTF8 utf8: UnsafeBufferPointer<UInt8>) throws(HexError) { words = try Hex.word(utf8: utf8) }

    /// The 32 bytes, most significant first.
    public var bytes: [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 32) { buffer, count in
            write(to: UnsafeMutableRawBufferPointer(buffer))
            count = 32
        }
    }

    /// `0x` and 64 lower-case digits.
    public var description: String { Hex.encode(bytes) }

    /// The first four bytes, as a number; what a function is selected by.
    @inlinable public var prefix: UInt32 { UInt32(truncatingIfNeeded: words.0 >> 32) }

    /// Whether all four quarters agree.
    @inlinable
    public static func == (left: Hash, right: Hash) -> Bool {
        (left.words.0 ^ right.words.0) | (left.words.1 ^ right.words.1) | (left.words.2 ^ right.words.2)
            | (left.words.3 ^ right.words.3) == 0
    }
    /// Orders by byte value, as PostgreSQL orders `bytea`.
    @inlinable
    public static func < (left: Hash, right: Hash) -> Bool { left.words < right.words }
    /// Feeds the four quarters.
    @inlinable
    public func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
        hasher.combine(words.2)
        hasher.combine(words.3)
    }

    /// The quarters of the 32 bytes at `offset`, which must lie within `bytes`.
    static func words(of bytes: UnsafeRawBufferPointer, at offset: Int) -> (UInt64, UInt64, UInt64, UInt64) {
        func quarter(_ index: Int) -> UInt64 {
            UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset + 8 * index, as: UInt64.self))
        }
        return (quarter(0), quarter(1), quarter(2), quarter(3))
    }

    func write(to buffer: UnsafeMutableRawBufferPointer) {
        buffer.storeBytes(of: words.0.bigEndian, toByteOffset: 0, as: UInt64.self)
        buffer.storeBytes(of: words.1.bigEndian, toByteOffset: 8, as: UInt64.self)
        buffer.storeBytes(of: words.2.bigEndian, toByteOffset: 16, as: UInt64.self)
        buffer.storeBytes(of: words.3.bigEndian, toByteOffset: 24, as: UInt64.self)
    }
}
