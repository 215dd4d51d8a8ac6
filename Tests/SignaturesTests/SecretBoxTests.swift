import Ethereum
import Signatures
import Testing

@Suite("Secrets at rest")
struct SecretBoxTests {
    static let old = [UInt8](repeating: 1, count: 32)
    static let new = [UInt8](repeating: 2, count: 32)

    @Test("opens what it sealed, for the same context alone")
    func roundTrip() throws {
        let box = try SecretBox(keys: [Self.new])
        for count in [0, 1, 16, 1_000] {
            let secret = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
            let sealed = try box.seal(secret, context: "destinations/1/secret")
            #expect(sealed.count == count + SecretBox.overhead)
            #expect(try box.open(sealed, context: "destinations/1/secret") == secret)
            #expect(throws: SecretError.notAuthentic) { try box.open(sealed, context: "destinations/2/secret") }
            #expect(try box.seal(secret, context: "destinations/1/secret") != sealed)
        }
    }

    @Test("keys rotate: the first seals, every one opens")
    func rotation() throws {
        let before = try SecretBox(keys: [Self.old])
        let after = try SecretBox(keys: [Self.new, Self.old])
        let sealed = try before.seal([7], context: "row")
        #expect(try after.open(sealed, context: "row") == [7])
        #expect(SecretBox.keyID(of: sealed) == before.keyID)
        #expect(after.keyID != before.keyID)
        #expect(SecretBox.keyID(of: try after.seal([7], context: "row")) == after.keyID)
        #expect(throws: SecretError.unknownKey(id: before.keyID)) {
            try SecretBox(keys: [Self.new]).open(sealed, context: "row")
        }
        // Source: the first four bytes that sha256sum prints for 32 bytes of 0x01.
        #expect(before.keyID == "72cd6e84")
    }

    @Test("one changed bit anywhere is noticed")
    func tampering() throws {
        let box = try SecretBox(keys: [Self.old, Self.new])
        let sealed = try box.seal(Array("secret".utf8), context: "row")
        for index in sealed.indices {
            for bit in 0..<8 {
                var changed = sealed
                changed[index] ^= 1 << UInt8(bit)
                #expect(throws: SecretError.self) { try box.open(changed, context: "row") }
            }
        }
        for count in 0..<sealed.count {
            #expect(throws: SecretError.notAuthentic) { try box.open([UInt8](sealed.prefix(count)), context: "row") }
        }
        #expect(throws: SecretError.notAuthentic) { try box.open(sealed + [0], context: "row") }
    }

    @Test("keys have 32 bytes")
    func keys() {
        #expect(throws: SecretError.noKeys) { try SecretBox(keys: []) }
        #expect(throws: SecretError.wrongLength(count: 31)) { try SecretBox(keys: [[UInt8](repeating: 1, count: 31)]) }
    }

    @Test("compares bytes whole")
    func comparing() {
        #expect(constantTimeEquals("token".utf8, "token".utf8))
        #expect(constantTimeEquals([UInt8](), [UInt8]()))
        #expect(!constantTimeEquals("token".utf8, "tokem".utf8))
        #expect(!constantTimeEquals("token".utf8, "uoken".utf8))
        #expect(!constantTimeEquals("token".utf8, "token ".utf8))
    }
}
