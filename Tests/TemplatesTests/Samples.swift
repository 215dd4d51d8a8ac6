import Domain
import Ethereum
import Templates

/// Events with whatever values a test needs.
enum Sample {
    static let owner = try! Address(hex: "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed")

    static func log() -> Log {
        Log(
            address: owner, topics: Topics(), data: [], blockNumber: 24_339_925, blockHash: word(0xb1),
            transactionHash: word(0xaa), transactionIndex: 3, logIndex: 7)
    }

    static func word(_ byte: UInt8) -> Hash { Hash(bytes: [UInt8](repeating: byte, count: 32))! }

    /// An event of `type` in its newest layout; parameters without a value here are zero or empty.
    static func event(_ type: EventType, _ values: [Field: FieldValue] = [:], timestamp: Int64 = 1_769_688_000) -> Event
    {
        let layout = EventLayouts.layouts(of: type)[0]
        let parameters = layout.parameters.map { parameter in values[parameter.field] ?? empty(parameter.solidityType) }
        return Event(
            chainID: ChainID(rawValue: 11_155_111)!, registry: type.registry ?? .identity, log: log(),
            timestamp: timestamp, transactionFrom: owner, layout: layout, parameters: parameters)
    }

    private static func empty(_ type: String) -> FieldValue {
        switch type {
        case "string": .text(Text(""))
        case "address": .address(.zero)
        case "bytes32": .hash(.zero)
        case "bytes": .bytes([])
        case "bool": .boolean(false)
        default: .number(Number(0))
        }
    }

    static func notice(
        _ event: Event, kind: DeliveryKind = .notification, explorerURL: String? = "https://sepolia.etherscan.io",
        triggerName: String = "My trigger"
    ) -> Notice {
        Notice(
            eventID: EventID(rawValue: 42), event: event, kind: kind, deliveryID: 1001,
            triggerID: "550e8400-e29b-41d4-a716-446655440001", triggerName: triggerName, chainName: "Ethereum Sepolia",
            explorerURL: explorerURL)
    }

    /// A feedback whose first tag says `tag1`.
    static func feedback(tag1: String, value: Int64 = 8750, decimals: Int64 = 2) -> Notice {
        notice(
            event(
                .newFeedback,
                [
                    .agentID: .number(Number(7)), .clientAddress: .address(owner), .feedbackIndex: .number(Number(1)),
                    .value: .number(Number(value)), .valueDecimals: .number(Number(decimals)), .tag1: .text(Text(tag1)),
                ]))
    }

    /// An agent whose URI says `uri`.
    static func registration(uri: String) -> Notice {
        notice(
            event(
                .registered,
                [.agentID: .number(Number(7)), .agentURI: .text(Text(uri)), .owner: .address(owner)]))
    }

    /// What an attacker writes on a chain to break out of wherever it is shown.
    static let hostile = [
        "</b><a href=\"https://evil.example\">click</a>", "\"><script>alert(1)</script>", "' onload='x", "&lt;b&gt;",
        "*_`[](){}#+-=|~.!>\\", "`code` ](https://evil.example) ![x](tg://emoji?id=1)", "\\", "\\\\*", "```", "||x||",
        "\",\"admin\":true,\"x\":\"", "\\\",\"admin\":true", "{\"a\":1}", "1}", "]]", "true", "null",
        "\u{0}\u{1}\u{7f}",
        "x\r\nX-Evil: 1\r\n\r\nbody", "x\nY", "\u{2028}\u{2029}\u{85}", "{{tag1}}", "{{{agent_id}}}", "{{#agent_id}}",
        "{{=<% %>=}}", "}}", "{{", "e\u{301}\u{302}", "\u{202e}gnp.exe", "\u{2066}\u{2067}", "👩‍👩‍👧‍👦", "Zürich 東京",
        "../../etc/passwd?x=1&y=2#f", "javascript:alert(1)", "data:application/json;base64,e30=", "%0d%0aX: y", "",
        String(repeating: "a\u{301}", count: 50), "_h(agent_id)", "'; DROP TABLE events; --",
    ]
}
