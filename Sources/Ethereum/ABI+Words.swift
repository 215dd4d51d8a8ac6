// What a decoder of fixed shapes needs, such as that of events: single words and tails, without values between.
extension ABI {
    /// The word at `offset`, which must lie within `data` with its 32 bytes.
    @inlinable
    public static func word(of data: Span<UInt8>, at offset: Int) -> Hash {
        let bytes = data.bytes
        func quarter(_ index: Int) -> UInt64 {
            // Any bits are a UInt64, and the span checks the bounds.
            UInt64(bigEndian: bytes.unsafeLoadUnaligned(fromByteOffset: offset + 8 * index, as: UInt64.self))
        }
        return Hash(words: (quarter(0), quarter(1), quarter(2), quarter(3)))
    }

    /// The content of the `bytes` or `string` whose offset stands at `head`, within the first `headSize` bytes of `data`.
    ///
    /// Sizes are compared with what remains and never added first, since they are as large as an attacker likes.
    public static func tail(
        of data: Span<UInt8>, head: Int, headSize: Int
    ) throws(ABIError) -> Range<Int> {
        let offset = try offset(of: data, head: head, headSize: headSize)
        guard let length = UInt256(word(of: data, at: offset)).uint64, length <= UInt64(data.count - 32 - offset) else {
            throw .lengthOutsideData
        }
        return offset + 32..<offset + 32 + Int(length)
    }

    /// The offset that stands at `head`, behind the head and with room for a length.
    static func offset(of data: Span<UInt8>, head: Int, headSize: Int) throws(ABIError) -> Int {
        guard let offset = UInt256(word(of: data, at: head)).uint64, offset <= UInt64(max(0, data.count - 32)) else {
            throw .offsetOutsideData
        }
        guard offset >= UInt64(headSize) else { throw .offsetInsideHead }
        return Int(offset)
    }

    /// Whether `bytes` are valid UTF-8; U+0000 is.
    public static func isText(_ bytes: Span<UInt8>) -> Bool {
        if bytes.isASCII { return true }
        do throws(UTF8.ValidationError) {
            _ = try UTF8Span(validating: bytes)
            return true
        } catch { return false }
    }

    /// The text that `bytes` spell, which must be valid UTF-8; U+0000 is.
    public static func string(_ bytes: Span<UInt8>) throws(ABIError) -> String {
        do throws(UTF8.ValidationError) {
            return String(copying: try UTF8Span(validating: bytes))
        } catch { throw .invalidUTF8 }
    }

    /// The `uintN` in `word`, of `bits` bits.
    @inlinable
    public static func uint(_ word: Hash, bits: Int) throws(ABIError) -> UInt256 {
        let value = UInt256(word)
        guard bits >= 256 || value.fits(bits: bits) else { throw .outOfRange(type: "uint\(bits)") }
        return value
    }

    /// The `intN` in `word`, sign-extended from `bits` bits.
    @inlinable
    public static func int(_ word: Hash, bits: Int) throws(ABIError) -> Int256 {
        let value = Int256(word)
        guard bits >= 256 || value.bitWidth <= bits else { throw .outOfRange(type: "int\(bits)") }
        return value
    }

    /// The address in `word`.
    @inlinable
    public static func address(_ word: Hash) throws(ABIError) -> Address {
        guard let address = Address(word: word) else { throw .outOfRange(type: "address") }
        return address
    }

    /// The flag in `word`.
    @inlinable
    public static func bool(_ word: Hash) throws(ABIError) -> Bool {
        guard let number = UInt256(word).uint64, number <= 1 else { throw .outOfRange(type: "bool") }
        return number == 1
    }
}

extension Span<UInt8> {
    /// Whether no byte has its highest bit set, as in most texts on chain.
    fileprivate var isASCII: Bool {
        var seen: UInt64 = 0
        var offset = 0
        while offset + 8 <= count {
            // Any bits are a UInt64, and the span checks the bounds.
            seen |= bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
            offset += 8
        }
        while offset < count {
            seen |= UInt64(self[offset])
            offset += 1
        }
        return seen & 0x8080_8080_8080_8080 == 0
    }
}

extension UInt256 {
    @inlinable
    func fits(bits: Int) -> Bool {
        if bits <= 64, let small = uint64 { return bits == 64 || small >> bits == 0 }
        return bitWidth <= bits
    }
}
