import Ethereum
import Testing

@Suite("Keccak-256")
struct KeccakTests {
    @Test("hashes the published vectors", arguments: KeccakABIFixture.shared.keccak256)
    func vector(_ vector: KeccakABIFixture.KeccakVector) throws {
        let input = try vector.bytes
        #expect(Keccak256.hash(input).description == vector.keccak256)
        #expect(Keccak256.hash(input.span.bytes).description == vector.keccak256)
        #expect(Keccak256.hash(([0] + input)[1...]).description == vector.keccak256)
        #expect(Keccak256.hash(AnyCollection(input)).description == vector.keccak256)
    }

    @Test("the vectors are all there")
    func count() { #expect(KeccakABIFixture.shared.keccak256.count == 52) }

    // Source: the topic 0 of every layout, computed by the reference decoder.
    @Test("hashes text", arguments: KeccakABIFixture.shared.topics)
    func topic(_ topic: KeccakABIFixture.Topic) {
        #expect(Keccak256.hash(topic.signature).description == topic.topic0)
    }
}
