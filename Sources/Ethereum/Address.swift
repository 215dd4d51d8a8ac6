/// Why a text is not an address.
public enum AddressError: Error, Equatable {
    /// The text is not `0x` and 40 hexadecimal digits.
    case malformed
    /// The letters are of both cases and their pattern is not the one that EIP-55 derives from the address.
    case wrongChecksum
}

/// A 20-byte account address.
@frozen
public struct Address: Hashable, Sendable, Comparable, CustomStringConvertible {
    @usableFromInline let words: (UInt64, UInt64, UInt32)

    /// The address of 64, 64 and 32 bits, the most significant first.
    @inlinable
    public init(words: (UInt64, UInt64, UInt32)) { self.words = words }

    /// The zero address, which ERC-721 names as the sender of a mint and the receiver of a burn.
    @inlinable public static var zero: Address { Address(words: (0, 0, 0)) }

    /// The address made of exactly 20 `bytes`; nil for any other count.
    public init?(bytes: some RandomAccessCollection<UInt8>) {
        guard bytes.count == 20 else { return nil }
        let whole = bytes.withContiguousStorageIfAvailable { buffer in
            let raw = UnsafeRawBufferPointer(buffer)
            return (
                UInt64(bigEndian: raw.loadUnaligned(as: UInt64.self)),
                UInt64(bigEndian: raw.loadUnaligned(fromByteOffset: 8, as: UInt64.self)),
                UInt32(bigEndian: raw.loadUnaligned(fromByteOffset: 16, as: UInt32.self))
            )
        }
        if let whole {
            words = whole
            return
        }
        var high: UInt64 = 0
        var middle: UInt64 = 0
        var low: UInt32 = 0
        for byte in bytes.prefix(8) { high = high << 8 | UInt64(byte) }
        for byte in bytes.dropFirst(8).prefix(8) { middle = middle << 8 | UInt64(byte) }
        for byte in bytes.dropFirst(16) { low = low << 8 | UInt32(byte) }
        words = (high, middle, low)
    }

    /// The address in the lower 20 bytes of `word`, as the ABI writes it; nil unless the upper 12 are zero.
    @inlinable
    public init?(word: Hash) {
        guard word.words.0 == 0, word.words.1 >> 32 == 0 else { return nil }
        self.init(lowerBytesOf: word)
    }

    /// The lower 20 bytes of `word`, whatever the upper 12 are, as an address is derived from a hash.
    @inlinable
    public init(lowerBytesOf word: Hash) {
        words = (
            word.words.1 << 32 | word.words.2 >> 32, word.words.2 << 32 | word.words.3 >> 32,
            UInt32(truncatingIfNeeded: word.words.3)
        )
    }

    /// The address written as `0x` and 40 digits: all lower case, all upper case, or with the checksum of EIP-55.
    @inlinable
    public init(hex: some StringProtocol) throws(AddressError) { try self.init(hex: String(hex)) }

    /// The address that `hex` spells, see ``init(hexUTF8:)``.
    public init(hex: String) throws(AddressError) {
        self = try Hex.withUTF8(of: hex) { (utf8) throws(AddressError) in try Address(hexUTF8: utf8) }
    }

    /// The address that `utf8`, the UTF-8 of a text, spells: `0x` and 40 digits with or without a checksum.
    public init(hexUTF8 utf8: UnsafeBufferPointer<UInt8>) throws(AddressError) {
        guard utf8.count == 42, utf8[0] == UInt8(ascii: "0"), utf8[1] == UInt8(ascii: "x") else { throw .malformed }
        do throws(HexError) {
            words = (
                try Hex.sixteen(utf8, at: 2), try Hex.sixteen(utf8, at: 18),
                try Hex.eight(utf8, at: 34)
            )
        } catch { throw .malformed }
        // Letters have the bit 0x40, those of lower case 0x20 too, which every decimal digit has.
        var lower: UInt8 = 0
        var upper: UInt8 = 0
        for index in 2..<42 {
            lower |= utf8[index] & utf8[index] << 1
            upper |= utf8[index] & ~(utf8[index] << 1)
        }
        if (upper & lower) & 0x40 != 0 {
            guard withChecksummed({ $0.elementsEqual(utf8) }) else { throw .wrongChecksum }
        }
    }

    /// The 20 bytes, most significant first.
    public var bytes: [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 20) { buffer, count in
            write(to: UnsafeMutableRawBufferPointer(buffer))
            count = 20
        }
    }

    /// The 32 bytes that the ABI writes the address as.
    public var word: Hash {
        Hash(words: (0, words.0 >> 32, words.0 << 32 | words.1 >> 32, words.1 << 32 | UInt64(words.2)))
    }

    /// `0x` and 40 digits, whose letter cases carry the checksum.
    ///
    /// - SeeAlso: EIP-55.
    public var checksummed: String {
        withChecksummed { String(decoding: $0, as: UTF8.self) }
    }

    /// `0x` and 40 lower-case digits.
    public var hex: String { Hex.encode(bytes) }

    /// The same as ``checksummed``.
    public var description: String { checksummed }

    /// Whether all 20 bytes agree.
    @inlinable
    public static func == (left: Address, right: Address) -> Bool { left.words == right.words }
    /// Orders by byte value, as PostgreSQL orders `bytea`.
    @inlinable
    public static func < (left: Address, right: Address) -> Bool { left.words < right.words }
    /// Feeds the three words.
    @inlinable
    public func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
        hasher.combine(words.2)
    }

    func write(to buffer: UnsafeMutableRawBufferPointer) {
        buffer.storeBytes(of: words.0.bigEndian, toByteOffset: 0, as: UInt64.self)
        buffer.storeBytes(of: words.1.bigEndian, toByteOffset: 8, as: UInt64.self)
        buffer.storeBytes(of: words.2.bigEndian, toByteOffset: 16, as: UInt32.self)
    }

    /// Shows `body` the 42 characters of the checksummed form.
    private func withChecksummed<Value>(_ body: (UnsafeBufferPointer<UInt8>) -> Value) -> Value {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 42) { text in
            text.initialize(repeating: UInt8(ascii: "0"))
            text[1] = UInt8(ascii: "x")
            var digits = Hash(words: (words.0, words.1, UInt64(words.2) << 32, 0)).words
            for index in 2..<42 {
                text[index] = Hex.digit(UInt8(truncatingIfNeeded: digits.0 >> 60))
                digits = (
                    digits.0 << 4 | digits.1 >> 60, digits.1 << 4 | digits.2 >> 60, digits.2 << 4, 0
                )
            }
            // A letter is upper case where the digit at its place in the hash of the lower-case digits is 8 or more.
            var pattern = Keccak256.hash(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(text)[2...])).words
            for index in 2..<42 {
                if text[index] > UInt8(ascii: "9"), pattern.0 >> 63 == 1 { text[index] -= 32 }
                pattern = (pattern.0 << 4 | pattern.1 >> 60, pattern.1 << 4 | pattern.2 >> 60, pattern.2 << 4, 0)
            }
            return body(UnsafeBufferPointer(text))
        }
    }
}
