/// A block's or receipt's log bloom: 2048 bits that tell which addresses and topics cannot be in its logs.
///
/// What was inserted is always contained; what was not may seem to be.
///
/// - SeeAlso: Ethereum Yellow Paper, section 4.3.1, the function M.
public struct Bloom: Hashable, Sendable {
    /// The three bits that a value sets, worth keeping where one value is looked for in many blooms.
    public struct Bits: Hashable, Sendable {
        fileprivate let first: UInt16
        fileprivate let second: UInt16
        fileprivate let third: UInt16

        /// The bits of the contract `address`.
        public init(_ address: Address) {
            self.init(
                hash: withUnsafeTemporaryAllocation(byteCount: 20, alignment: 8) { buffer in
                    address.write(to: buffer)
                    return Keccak256.hash(UnsafeRawBufferPointer(buffer))
                })
        }

        /// The bits of `topic`.
        public init(_ topic: Hash) {
            self.init(
                hash: withUnsafeTemporaryAllocation(byteCount: 32, alignment: 8) { buffer in
                    topic.write(to: buffer)
                    return Keccak256.hash(UnsafeRawBufferPointer(buffer))
                })
        }

        /// The low 11 bits of each of the first three pairs of bytes.
        private init(hash: Hash) {
            first = UInt16(truncatingIfNeeded: hash.words.0 >> 48) & 0x7ff
            second = UInt16(truncatingIfNeeded: hash.words.0 >> 32) & 0x7ff
            third = UInt16(truncatingIfNeeded: hash.words.0 >> 16) & 0x7ff
        }
    }

    /// 32 limbs, the least significant first.
    private var limbs: [UInt64]

    /// A bloom that contains nothing.
    public init() { limbs = [UInt64](repeating: 0, count: 32) }

    /// The bloom that exactly 256 `bytes` are, as headers have them; nil for any other count.
    public init?(bytes: some RandomAccessCollection<UInt8>) {
        guard bytes.count == 256 else { return nil }
        limbs = Array(bytes).withUnsafeBytes { raw in
            (0..<32).map { UInt64(bigEndian: raw.loadUnaligned(fromByteOffset: 248 - 8 * $0, as: UInt64.self)) }
        }
    }

    /// The bloom written as `0x` and 512 digits.
    public init(hex: some StringProtocol) throws(HexError) {
        let bytes = try Hex.decode(hex)
        guard let bloom = Bloom(bytes: bytes) else { throw .wrongLength(expected: 256, found: bytes.count) }
        self = bloom
    }

    /// The 256 bytes, as headers have them.
    public var bytes: [UInt8] {
        limbs.reversed().flatMap { limb in (0..<8).map { UInt8(truncatingIfNeeded: limb >> (56 - 8 * $0)) } }
    }

    /// Whether no bit is set, as in a block without logs.
    public var isEmpty: Bool { limbs.allSatisfy { $0 == 0 } }

    /// Whether a value with `bits` may have been inserted.
    public func contains(_ bits: Bits) -> Bool { isSet(bits.first) && isSet(bits.second) && isSet(bits.third) }

    /// Whether a log of the contract `address` may be in the block; if not, none is.
    public func contains(_ address: Address) -> Bool { contains(Bits(address)) }

    /// Whether a log with `topic` may be in the block; if not, none is.
    public func contains(_ topic: Hash) -> Bool { contains(Bits(topic)) }

    /// Whether everything that was inserted into `other` is contained here too.
    public func isSuperset(of other: Bloom) -> Bool { zip(limbs, other.limbs).allSatisfy { $0 & $1 == $1 } }

    /// Sets `bits`.
    public mutating func insert(_ bits: Bits) {
        for bit in [bits.first, bits.second, bits.third] { limbs[Int(bit >> 6)] |= 1 << UInt64(bit & 63) }
    }

    /// Inserts the contract `address`.
    public mutating func insert(_ address: Address) { insert(Bits(address)) }

    /// Inserts `topic`.
    public mutating func insert(_ topic: Hash) { insert(Bits(topic)) }

    /// Inserts all that was inserted into `other`.
    public mutating func formUnion(_ other: Bloom) {
        for index in limbs.indices { limbs[index] |= other.limbs[index] }
    }

    private func isSet(_ bit: UInt16) -> Bool { limbs[Int(bit >> 6)] >> UInt64(bit & 63) & 1 == 1 }
}
