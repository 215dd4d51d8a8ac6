import Domain
import Ethereum
import Testing

@testable import Templates

@Suite struct EventDocumentTests {
    @Test("the document is exactly what docs/webhooks.md shows")
    func whole() {
        let word = String(repeating: "aa", count: 32)
        let expected = """
            {"data":{"block_hash":"0x\(String(repeating: "b1", count: 32))","block_number":24339925,\
            "block_timestamp":"2026-01-29T12:00:00Z","chain_id":11155111,"chain_name":"Ethereum Sepolia",\
            "contract_address":"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed","event_id":42,"event_type":"Registered",\
            "is_retraction":false,"log_index":7,"parameters":{"agent_id":"7","agent_uri":"ipfs://x\\"",\
            "owner":"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"},"registry":"identity",\
            "transaction_from":"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed","transaction_hash":"0x\(word)",\
            "transaction_url":"https://sepolia.etherscan.io/tx/0x\(word)"},"delivery_id":1001,\
            "timestamp":"2026-01-29T12:00:00Z","trigger":{"id":"550e8400-e29b-41d4-a716-446655440001",\
            "name":"My trigger"},"type":"erc8004.registered","version":1}
            """
        let notice = Sample.registration(uri: "ipfs://x\"")
        #expect(String(decoding: EventDocument(notice).bytes, as: UTF8.self) == expected)
        #expect(EventDocument(notice).bytes == EventDocument(notice).bytes)
    }

    @Test("the type names the event in snake case, and a retraction as one", arguments: EventType.allCases)
    func type(event: EventType) throws {
        let name = EventDocument.type(of: Sample.event(event), kind: .notification)
        #expect(name.hasPrefix("erc8004."))
        #expect(name.dropFirst(8).allSatisfy { $0.isLowercase || $0.isNumber || $0 == "_" })
        #expect(EventDocument.type(of: Sample.event(event), kind: .retraction) == name + ".retracted")
    }

    @Test(
        "names",
        arguments: [
            (.newFeedback, "erc8004.new_feedback"), (.uriUpdated, "erc8004.uri_updated"),
            (.eip712DomainChanged, "erc8004.eip712_domain_changed"), (.approvalForAll, "erc8004.approval_for_all"),
        ] as [(EventType, String)])
    func name(event: EventType, expected: String) {
        #expect(EventDocument.type(of: Sample.event(event), kind: .notification) == expected)
    }

    @Test("numbers are decimal strings, whatever their size; a feedback's score has its decimals applied")
    func numbers() throws {
        let huge = try #require(UInt256(decimal: String(repeating: "9", count: 77)))
        let event = Sample.event(
            .newFeedback,
            [
                .agentID: .number(Number(huge)), .value: .number(Number(-8750)), .valueDecimals: .number(Number(2)),
            ])
        let parameters = EventDocument.parameters(of: event)
        #expect(parameters["agent_id"] == .string(String(repeating: "9", count: 77)))
        #expect(parameters["value"] == .string("-8750"))
        #expect(parameters["score"]?.string?.hasPrefix("-87.5") == true)
        #expect(parameters["feedback_hash"] == .string("0x" + String(repeating: "0", count: 64)))
    }

    @Test("a retraction and a test say so")
    func flags() {
        let event = Sample.event(.registered)
        let retraction = EventDocument(Sample.notice(event, kind: .retraction)).json
        #expect(retraction["data"]?["is_retraction"] == .boolean(true))
        #expect(retraction["test"] == nil)
        let test = Notice(
            eventID: EventID(rawValue: 1), event: event, kind: .notification, deliveryID: 1, triggerID: "t",
            triggerName: "n", chainName: nil, explorerURL: nil, isTest: true)
        #expect(EventDocument(test).json["test"] == .boolean(true))
        #expect(EventDocument(test).json["data"]?["chain_name"] == nil)
    }

    @Test("hostile text stays text", arguments: Sample.hostile)
    func hostile(value: String) throws {
        let document = EventDocument(Sample.registration(uri: value))
        let parsed = try JSON(parsing: document.bytes)
        #expect(parsed["data"]?["parameters"]?["agent_uri"].map { Text($0.string ?? "-") } == Text(value))
        #expect(parsed == document.json)
    }
}
