import Domain
import Ethereum
import Testing

@Suite("Fields of events")
struct EventFieldTests {
    private func event(
        _ layout: EventLayout, topics: [Hash], words: [Hash], transactionFrom: Address? = nil
    ) throws -> Event {
        let topics = try #require(Topics([layout.topic0] + topics))
        let log = Log(
            address: Address(lowerBytesOf: UInt256(0xc0de).word), topics: topics, data: words.flatMap(\.bytes),
            blockNumber: 77, blockHash: UInt256(1).word, transactionHash: UInt256(2).word, transactionIndex: 3,
            logIndex: 4)
        let chain = try #require(ChainID(rawValue: 8453))
        return try #require(
            Event(
                decoding: log, chainID: chain, registry: .reputation, timestamp: 1_769_000_000,
                transactionFrom: transactionFrom))
    }

    private func layout(_ signature: String) throws -> EventLayout {
        try #require(EventLayouts.all.first { $0.signature == signature })
    }

    /// A text as `bytes32`, zeros behind it.
    private func word(_ text: String) throws -> Hash {
        try #require(Hash(bytes: Array(text.utf8) + [UInt8](repeating: 0, count: 32 - text.utf8.count)))
    }

    @Test("the envelope is that of the log")
    func envelope() throws {
        let revoked = try layout("FeedbackRevoked(uint256,address,uint64)")
        let sender = Address(lowerBytesOf: UInt256(9).word)
        let agent = UInt256.max.word
        let client = UInt256(5).word
        let event = try self.event(
            revoked, topics: [agent, client, UInt256(6).word], words: [], transactionFrom: sender)
        #expect(event.value(of: .eventType) == .text(Text("FeedbackRevoked")))
        #expect(event.value(of: .chainID) == .number(Number(8453)))
        #expect(event.value(of: .registry) == .text(Text("reputation")))
        #expect(event.value(of: .contractAddress) == .address(event.log.address))
        #expect(event.value(of: .blockNumber) == .number(Number(77)))
        #expect(event.value(of: .blockHash) == .hash(UInt256(1).word))
        #expect(event.value(of: .blockTimestamp) == .number(Number(1_769_000_000)))
        #expect(event.value(of: .transactionHash) == .hash(UInt256(2).word))
        #expect(event.value(of: .transactionFrom) == .address(sender))
        #expect(event.value(of: .logIndex) == .number(Number(4)))
        #expect(event.value(of: .agentID) == .number(Number(UInt256.max)))
        #expect(event.value(of: .feedbackIndex) == .number(Number(6)))
        #expect(event.value(of: .owner) == nil)
        #expect(event.value(of: .score) == nil)
        for field in Field.allCases {
            guard let value = event.value(of: field) else { continue }
            #expect(value.type == field.type)
            #expect(field.isEnvelope || event.type.fields.contains(field))
        }
        let anonymous = try self.event(revoked, topics: [agent, client, client], words: [])
        #expect(anonymous.value(of: .transactionFrom) == nil)
    }

    @Test("a score is the value scaled by its decimals, and the old layouts' own")
    func score() throws {
        let new = try layout(
            "NewFeedback(uint256,address,uint64,int128,uint8,string,string,string,string,string,bytes32)")
        func score(_ value: Int256, _ decimals: UInt64) throws -> FieldValue? {
            let tail = UInt256(8 * 32).word
            let words = [
                UInt256(1).word, value.word, UInt256(decimals).word, tail, tail, tail, tail, .zero, UInt256(0).word,
            ]
            let event = try self.event(new, topics: [.zero, .zero, .zero], words: words)
            #expect(event.value(of: .value) == .number(Number(value)))
            #expect(event.value(of: .valueDecimals) == .number(Number(decimals)))
            return event.value(of: .score)
        }
        #expect(try score(Int256(9977), 2) == Number(decimal: "99.77").map { .number($0) })
        #expect(try score(Int256(-100), 2) == .number(Number(-1)))
        #expect(try score(Int256(-1), 18) == Number(decimal: "-0.000000000000000001").map { .number($0) })
        #expect(try score(Int256(5), 19) == nil)
        #expect(try score(Int256(5), 255) == nil)

        let old = try layout("NewFeedback(uint256,address,uint8,bytes32,bytes32,string,bytes32)")
        let event = try self.event(
            old, topics: [.zero, .zero, try word("quality")],
            words: [UInt256(87).word, try word("größe"), UInt256(128).word, .zero, .zero])
        #expect(event.value(of: .score) == .number(Number(87)))
        #expect(event.value(of: .value) == nil)
        #expect(event.value(of: .tag1) == .text(Text("quality")))
        #expect(event.value(of: .tag2) == .text(Text("größe")))
        #expect(event.value(of: .tag1Hash) == nil)
        #expect(event.value(of: .feedbackURI) == .text(Text("")))
    }

    @Test("a bytes32 tag is a text where it is one, and hexadecimal elsewhere")
    func shortText() throws {
        let layout = try layout("ValidationResponse(address,uint256,bytes32,uint8,string,bytes32)")
        func tag(_ word: Hash) throws -> FieldValue? {
            try event(
                layout, topics: [.zero, .zero, .zero],
                words: [UInt256(100).word, UInt256(96).word, word, .zero]
            ).value(of: .tag)
        }
        #expect(try tag(.zero) == .text(Text("")))
        #expect(try tag(try word("audit")) == .text(Text("audit")))
        #expect(try tag(try word(String(repeating: "é", count: 16))) == .text(Text(String(repeating: "é", count: 16))))
        for word in [Keccak256.hash("audit"), UInt256(1).word, try word("a\u{0}b")] {
            #expect(try tag(word) == .text(Text(word.description)))
        }
    }

    @Test("approvals of one token and of all are told apart")
    func approvals() throws {
        let owner = Address(lowerBytesOf: UInt256(1).word)
        let other = Address(lowerBytesOf: UInt256(2).word)
        let one = try event(
            try layout("Approval(address,address,uint256)"), topics: [owner.word, other.word, UInt256(3).word],
            words: [])
        #expect(one.value(of: .approved) == .address(other))
        #expect(one.value(of: .isApproved) == nil)
        #expect(one.value(of: .agentID) == .number(Number(3)))
        let all = try event(
            try layout("ApprovalForAll(address,address,bool)"), topics: [owner.word, other.word],
            words: [UInt256(1).word])
        #expect(all.value(of: .isApproved) == .boolean(true))
        #expect(all.value(of: .approved) == nil)
        #expect(all.value(of: .operator) == .address(other))
    }

    @Test("every type of event has its fields")
    func fields() {
        for type in EventType.allCases {
            let layouts = EventLayouts.layouts(of: type)
            #expect(!layouts.isEmpty)
            #expect(Set(type.fields) == Set(layouts.flatMap { $0.parameters.map(\.field) }))
            #expect(Set(type.fields).count == type.fields.count)
            #expect(type.fields.allSatisfy { !$0.isEnvelope })
        }
        #expect(EventType.newFeedback.fields.contains(.score))
        let used = Set(EventType.allCases.flatMap(\.fields))
        #expect(Field.allCases.allSatisfy { $0.isEnvelope || used.contains($0) })
    }

    @Test("layouts are found by topic 0 alone")
    func lookUp() throws {
        #expect(Set(EventLayouts.all.map(\.topic0)).count == 30)
        for layout in EventLayouts.all {
            #expect(EventLayouts.layout(of: layout.topic0) === layout)
            #expect(layout.topic0 == Keccak256.hash(layout.signature))
            // Its neighbours in the table are other words.
            for bit in 0..<256 {
                var bytes = layout.topic0.bytes
                bytes[bit / 8] ^= 1 << UInt8(bit % 8)
                let neighbour = try #require(Hash(bytes: bytes))
                #expect(EventLayouts.layout(of: neighbour) == nil)
            }
        }
        #expect(EventLayouts.layout(of: .zero) == nil)
    }
}
