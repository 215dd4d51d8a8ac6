import Ethereum
import TestSupport
import Testing

@Suite("Addresses")
struct AddressTests {
    @Test("reads what is valid and nothing else", arguments: KeccakABIFixture.shared.eip55)
    func vector(_ vector: KeccakABIFixture.AddressVector) throws {
        guard vector.valid else {
            #expect(throws: AddressError.self) { try Address(hex: vector.input) }
            return
        }
        let address = try Address(hex: vector.input)
        #expect(address.checksummed == vector.checksum)
        #expect(address.description == vector.checksum)
        #expect(address.hex == vector.checksum?.lowercased())
    }

    @Test("tells a wrong checksum from other mistakes")
    func errors() {
        #expect(throws: AddressError.wrongChecksum) { try Address(hex: "0xdA8CE66b60fAF7a752085f105f0a0feE5B8749D3") }
        #expect(throws: AddressError.malformed) { try Address(hex: "0xda8ce66b60faf7a752085f105f0a0fee5b8749d") }
        #expect(throws: AddressError.malformed) { try Address(hex: "0xda8ce66b60faf7a752085f105f0a0fee5b8749\u{e9}") }
    }

    @Test("every form leads back to the address")
    func roundTrips() throws {
        var random = SeededGenerator.printed()
        for _ in 0..<2_000 {
            let bytes = random.bytes(20)
            let address = try #require(Address(bytes: bytes))
            #expect(address.bytes == bytes)
            #expect(try Address(hex: address.checksummed) == address)
            #expect(try Address(hex: address.hex) == address)
            #expect(try Address(hex: "0x" + address.hex.dropFirst(2).uppercased()) == address)
            #expect(Address(word: address.word) == address)
            #expect(address.word.bytes == [UInt8](repeating: 0, count: 12) + bytes)
            let dirty = try #require(Hash(bytes: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1] + bytes))
            #expect(Address(word: dirty) == nil)
            #expect(Address(lowerBytesOf: dirty) == address)
        }
    }

    @Test("orders as its bytes do")
    func order() throws {
        var random = SeededGenerator.printed()
        for _ in 0..<500 {
            let (left, right) = (random.bytes(20), random.bytes(20))
            let addresses = (try #require(Address(bytes: left)), try #require(Address(bytes: right)))
            #expect((addresses.0 < addresses.1) == left.lexicographicallyPrecedes(right))
        }
    }
}
