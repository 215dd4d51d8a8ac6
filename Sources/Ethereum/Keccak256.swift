/// Ethereum's hash: Keccak with rate 1088 and the original `0x01` padding, which is not SHA3-256.
///
/// - SeeAlso: The Keccak reference, version 3.0; Ethereum Yellow Paper, appendix "Keccak-256".
public enum Keccak256 {
    /// How many bytes the state takes in before each permutation.
    static let rate = 136

    /// The hash of `bytes`.
    public static func hash(_ bytes: UnsafeRawBufferPointer) -> Hash {
        var state = KeccakState()
        var rest = bytes
        while rest.count >= rate {
            state.absorb(UnsafeRawBufferPointer(rebasing: rest[..<rate]))
            rest = UnsafeRawBufferPointer(rebasing: rest[rate...])
        }
        withUnsafeTemporaryAllocation(byteCount: rate, alignment: 8) { block in
            block.initializeMemory(as: UInt8.self, repeating: 0)
            block.copyMemory(from: rest)
            block[rest.count] ^= 0x01
            block[rate - 1] ^= 0x80
            state.absorb(UnsafeRawBufferPointer(block))
        }
        return state.digest
    }

    /// The hash of `bytes`.
    public static func hash(_ bytes: RawSpan) -> Hash { bytes.withUnsafeBytes { hash($0) } }

    /// The hash of `bytes`.
    public static func hash(_ bytes: [UInt8]) -> Hash { bytes.withUnsafeBytes { hash($0) } }

    /// The hash of `bytes`, which are copied first unless they lie in one piece.
    public static func hash(_ bytes: some Collection<UInt8>) -> Hash {
        bytes.withContiguousStorageIfAvailable { hash(UnsafeRawBufferPointer($0)) } ?? hash([UInt8](bytes))
    }

    /// The hash of the UTF-8 of `text`.
    public static func hash(_ text: String) -> Hash {
        var text = text
        return text.withUTF8 { hash(UnsafeRawBufferPointer($0)) }
    }
}

/// The 25 lanes of Keccak-f[1600], lane (x, y) at x + 5 y; variables instead of an array, so that they stay in registers.
private struct KeccakState {
    private var a00: UInt64 = 0, a01: UInt64 = 0, a02: UInt64 = 0, a03: UInt64 = 0, a04: UInt64 = 0
    private var a05: UInt64 = 0, a06: UInt64 = 0, a07: UInt64 = 0, a08: UInt64 = 0, a09: UInt64 = 0
    private var a10: UInt64 = 0, a11: UInt64 = 0, a12: UInt64 = 0, a13: UInt64 = 0, a14: UInt64 = 0
    private var a15: UInt64 = 0, a16: UInt64 = 0, a17: UInt64 = 0, a18: UInt64 = 0, a19: UInt64 = 0
    private var a20: UInt64 = 0, a21: UInt64 = 0, a22: UInt64 = 0, a23: UInt64 = 0, a24: UInt64 = 0

    /// The first 32 bytes of the state.
    var digest: Hash { Hash(words: (a00.byteSwapped, a01.byteSwapped, a02.byteSwapped, a03.byteSwapped)) }

    /// Adds one block of 136 bytes and permutes.
    mutating func absorb(_ block: UnsafeRawBufferPointer) {
        a00 ^= UInt64(littleEndian: block.loadUnaligned(fromByteOffset: 0, as: UInt64.self))
        a01 ^= UInt64(littleEndian: block.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        a02 ^= UInt64(littleEndian: block.loadUnaligned(fromByteOffset: 16, as: UInt64.self))
        a03 ^= UInt64(littleEndian: block.loadUnaligned(fromByteOffset: 24, as: UInt64.self))
        a04 ^= UInt64(littleEndian: block.loadUnaligned(fromByteOffset: 32, as: UInt64.self))
        a05 ^= UInt64(littleEndian: block.loadUnaligned(fromByteOffset: 40, as: UInt64.self))
        a06 ^= UInt64(littleEndian: block.loadUnaligned(fromByteOffset: 48, as: UInt64.self))
        a07 ^= UInt64(littleEndian: block.loadUnaligned(fromByteOffset: 56, as: UInt64.self))
        a08 ^= UInt64(littleEndian: block.loadUnaligned(fromByteOffset: 64, as: UInt64.self))
        a09 ^= UInt64(littleEndian: block.loadUnaligned(fromByteOffset: 72, as: UInt64.self))
        a10 ^= UInt64(littleEndian: block.loadUnaligned(fromByteOffset: 80, as: UInt64.self))
        a11 ^= UInt64(littleEndian: block.loadUnaligned(fromByteOffset: 88, as: UInt64.self))
        a12 ^= UInt64(littleEndian: block.loadUnaligned(fromByteOffset: 96, as: UInt64.self))
        a13 ^= UInt64(littleEndian: block.loadUnaligned(fromByteOffset: 104, as: UInt64.self))
        a14 ^= UInt64(littleEndian: block.loadUnaligned(fromByteOffset: 112, as: UInt64.self))
        a15 ^= UInt64(littleEndian: block.loadUnaligned(fromByteOffset: 120, as: UInt64.self))
        a16 ^= UInt64(littleEndian: block.loadUnaligned(fromByteOffset: 128, as: UInt64.self))
        for constant in Self.constants { round(constant) }
    }

    private static let constants: [UInt64] = [
        0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000,
        0x000000000000808b, 0x0000000080000001, 0x8000000080008081, 0x8000000000008009,
        0x000000000000008a, 0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
        0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003,
        0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
        0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
    ]

    @inline(__always)
    private func rotate(_ lane: UInt64, _ count: UInt64) -> UInt64 { lane &<< count | lane &>> (64 &- count) }

    /// One round: theta, rho and pi, chi, iota.
    @inline(__always)
    private mutating func round(_ constant: UInt64) {
        let c0 = a00 ^ a05 ^ a10 ^ a15 ^ a20
        let c1 = a01 ^ a06 ^ a11 ^ a16 ^ a21
        let c2 = a02 ^ a07 ^ a12 ^ a17 ^ a22
        let c3 = a03 ^ a08 ^ a13 ^ a18 ^ a23
        let c4 = a04 ^ a09 ^ a14 ^ a19 ^ a24
        let d0 = c4 ^ rotate(c1, 1)
        let d1 = c0 ^ rotate(c2, 1)
        let d2 = c1 ^ rotate(c3, 1)
        let d3 = c2 ^ rotate(c4, 1)
        let d4 = c3 ^ rotate(c0, 1)
        let b00 = a00 ^ d0
        let b01 = rotate(a06 ^ d1, 44)
        let b02 = rotate(a12 ^ d2, 43)
        let b03 = rotate(a18 ^ d3, 21)
        let b04 = rotate(a24 ^ d4, 14)
        let b05 = rotate(a03 ^ d3, 28)
        let b06 = rotate(a09 ^ d4, 20)
        let b07 = rotate(a10 ^ d0, 3)
        let b08 = rotate(a16 ^ d1, 45)
        let b09 = rotate(a22 ^ d2, 61)
        let b10 = rotate(a01 ^ d1, 1)
        let b11 = rotate(a07 ^ d2, 6)
        let b12 = rotate(a13 ^ d3, 25)
        let b13 = rotate(a19 ^ d4, 8)
        let b14 = rotate(a20 ^ d0, 18)
        let b15 = rotate(a04 ^ d4, 27)
        let b16 = rotate(a05 ^ d0, 36)
        let b17 = rotate(a11 ^ d1, 10)
        let b18 = rotate(a17 ^ d2, 15)
        let b19 = rotate(a23 ^ d3, 56)
        let b20 = rotate(a02 ^ d2, 62)
        let b21 = rotate(a08 ^ d3, 55)
        let b22 = rotate(a14 ^ d4, 39)
        let b23 = rotate(a15 ^ d0, 41)
        let b24 = rotate(a21 ^ d1, 2)
        a00 = b00 ^ (~b01 & b02) ^ constant
        a01 = b01 ^ (~b02 & b03)
        a02 = b02 ^ (~b03 & b04)
        a03 = b03 ^ (~b04 & b00)
        a04 = b04 ^ (~b00 & b01)
        a05 = b05 ^ (~b06 & b07)
        a06 = b06 ^ (~b07 & b08)
        a07 = b07 ^ (~b08 & b09)
        a08 = b08 ^ (~b09 & b05)
        a09 = b09 ^ (~b05 & b06)
        a10 = b10 ^ (~b11 & b12)
        a11 = b11 ^ (~b12 & b13)
        a12 = b12 ^ (~b13 & b14)
        a13 = b13 ^ (~b14 & b10)
        a14 = b14 ^ (~b10 & b11)
        a15 = b15 ^ (~b16 & b17)
        a16 = b16 ^ (~b17 & b18)
        a17 = b17 ^ (~b18 & b19)
        a18 = b18 ^ (~b19 & b15)
        a19 = b19 ^ (~b15 & b16)
        a20 = b20 ^ (~b21 & b22)
        a21 = b21 ^ (~b22 & b23)
        a22 = b22 ^ (~b23 & b24)
        a23 = b23 ^ (~b24 & b20)
        a24 = b24 ^ (~b20 & b21)
    }
}
