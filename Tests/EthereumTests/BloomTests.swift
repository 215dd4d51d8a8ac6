import Ethereum
import TestSupport
import Testing

@Suite("Log blooms")
struct BloomTests {
    // Source: the Python package eth-bloom, for the identity registry, `Registered` and agent 7.
    @Test("sets the bits that Ethereum sets")
    func vector() throws {
        let address = try Address(hex: "0x8004A169FB4a3325136EB29fA0ceB6D2e539a432")
        let topic0 = try Hash(hex: "0xca52e62c367d81bb2e328eb795f7c7ba24afb478408a26c0e201d155c449bc4a")
        let agent = UInt256(7).word
        var bloom = Bloom()
        bloom.insert(address)
        #expect(bloom.setBits == [176, 463, 1876])
        bloom.insert(topic0)
        #expect(bloom.setBits == [176, 208, 463, 702, 895, 1876])
        bloom.insert(agent)
        #expect(bloom.setBits == [176, 208, 296, 463, 702, 895, 1517, 1644, 1876])
        #expect(bloom.contains(address) && bloom.contains(topic0) && bloom.contains(agent))
        #expect(!bloom.contains(UInt256(8).word))
        #expect(Bloom(bytes: bloom.bytes) == bloom)
        #expect(try Bloom(hex: Hex.encode(bloom.bytes)) == bloom)
    }

    @Test("contains all that was inserted, and little else")
    func membership() throws {
        var random = SeededGenerator.printed()
        var bloom = Bloom()
        var other = Bloom()
        var inserted: [Hash] = []
        for _ in 0..<40 {
            let topic = try #require(Hash(bytes: random.bytes(32)))
            bloom.insert(topic)
            inserted.append(topic)
            other.insert(try #require(Address(bytes: random.bytes(20))))
        }
        #expect(inserted.allSatisfy { bloom.contains($0) && bloom.contains(Bloom.Bits($0)) })
        var union = bloom
        union.formUnion(other)
        #expect(union.isSuperset(of: bloom) && union.isSuperset(of: other) && !bloom.isSuperset(of: other))
        let strangers = try (0..<10_000).map { _ in try #require(Hash(bytes: random.bytes(32))) }
        // 120 of 2048 bits are set at most: 0.02 % of strangers seem to be members.
        #expect(strangers.count { bloom.contains($0) } < 50)
    }

    @Test("an empty bloom contains nothing")
    func empty() throws {
        #expect(Bloom().isEmpty)
        #expect(!Bloom().contains(Address.zero))
        #expect(Bloom(bytes: [UInt8](repeating: 0, count: 256)) == Bloom())
        #expect(try #require(Bloom(bytes: [UInt8](repeating: 0xff, count: 256))).contains(Address.zero))
        #expect(Bloom(bytes: [UInt8](repeating: 0, count: 255)) == nil)
        #expect(throws: HexError.wrongLength(expected: 256, found: 1)) { try Bloom(hex: "0x00") }
    }
}

extension Bloom {
    /// The bits that are set, counted from the least significant.
    fileprivate var setBits: [Int] {
        let bytes = bytes
        return (0..<2048).filter { bytes[255 - $0 / 8] >> UInt8($0 % 8) & 1 == 1 }
    }
}
