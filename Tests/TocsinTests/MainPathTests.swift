import Foundation
import Testing

/// One notification as its receiver understood it.
struct Told: Hashable, CustomStringConvertible {
    let event: String
    let kind: String
    let transaction: String
    let block: String
    let log: String

    var description: String { "\(kind) \(event) \(transaction)#\(log) in \(block)" }
}

extension Stack {
    static let nineEvents = [
        "identity": ["Registered", "MetadataSet", "URIUpdated", "Transfer"],
        "reputation": ["NewFeedback", "FeedbackRevoked", "ResponseAppended"],
        "validation": ["ValidationRequest", "ValidationResponse"],
    ]

    /// A trigger for each registry that wants each of its events, with an action of every kind.
    func createTriggers() async throws {
        for (registry, events) in Self.nineEvents {
            let template = "{{event_type}} {{kind}} {{transaction_hash}} {{block_hash}} {{log_index}} {{agent_id}}"
            let names = ["event_type", "kind", "transaction_hash", "block_hash", "log_index", "agent_id"]
            let answer = try await api(
                "POST", "/api/v1/triggers",
                [
                    "name": "Every \(registry) event", "chain_id": node.chainId, "registry": registry,
                    "conditions": [
                        ["condition_type": "event", "field": "event_type", "operator": "in", "value": events]
                    ],
                    "actions": [
                        ["action_type": "rest", "config": ["url": "\(webhook.url)/hooks/all", "secret": Self.secret]],
                        ["action_type": "telegram", "config": ["chat_id": "42", "message_template": template]],
                        [
                            "action_type": "mcp",
                            "config": [
                                "server_url": "\(mcp.url)/mcp", "tool_name": "notify",
                                "arguments_template": Dictionary(
                                    uniqueKeysWithValues: names.map { ($0, "{{\($0)}}") }),
                            ],
                        ],
                    ],
                ])
            #expect(answer.status == 201, "\(answer.body)")
        }
    }

    func toldByWebhook(_ entries: [[String: Any]]) throws -> [Told] {
        try entries.map { entry in
            let text = try #require(entry["body"] as? String)
            let body = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
            let data = try #require(body["data"] as? [String: Any])
            return Told(
                event: "\(data["event_type"] ?? "")",
                kind: data["is_retraction"] as? Bool == true ? "retraction" : "notification",
                transaction: "\(data["transaction_hash"] ?? "")", block: "\(data["block_hash"] ?? "")",
                log: "\(data["log_index"] ?? "")")
        }
    }

    func toldByTelegram(_ entries: [[String: Any]]) throws -> [Told] {
        try entries.map { entry in
            let words = try #require(entry["text"] as? String).split(separator: " ").map(String.init)
            try #require(words.count == 6, "\(words)")
            return Told(event: words[0], kind: words[1], transaction: words[2], block: words[3], log: words[4])
        }
    }

    func toldByMCP(_ entries: [[String: Any]]) throws -> [Told] {
        try entries.map { entry in
            let arguments = try #require(entry["arguments"] as? [String: Any])
            func text(_ name: String) -> String { "\(arguments[name] ?? "")" }
            return Told(
                event: text("event_type"), kind: text("kind"), transaction: text("transaction_hash"),
                block: text("block_hash"), log: text("log_index"))
        }
    }

    /// What the three receivers were told, once each has `count` entries; a second's wait shows that no more come.
    func told(reaching count: Int) async throws -> [(channel: String, told: [Told])] {
        let entries = try await [webhook, telegram, mcp].mapAsync { receiver in
            _ = try await receiver.ledger(reaching: count)
            return try await receiver.ledger(reaching: count + 1, within: .seconds(1))
        }
        return [
            ("webhook", try toldByWebhook(entries[0])), ("telegram", try toldByTelegram(entries[1])),
            ("mcp", try toldByMCP(entries[2])),
        ]
    }
}

extension Sequence {
    fileprivate func mapAsync<T>(_ transform: (Element) async throws -> T) async rethrows -> [T] {
        var results: [T] = []
        for element in self { results.append(try await transform(element)) }
        return results
    }
}

/// The notifications that the logs of `result`, which `devnetctl` printed, must lead to.
func expected(of result: [String: Any], kind: String = "notification") -> [Told] {
    let transactions = result["transactions"] as? [[String: Any]] ?? [result]
    let wanted = Set(Stack.nineEvents.values.joined())
    return transactions.flatMap { $0["logs"] as? [[String: Any]] ?? [] }.compactMap { log in
        guard let event = log["event"] as? String, wanted.contains(event), let index = log["logIndex"] as? String,
            let number = Int(index.dropFirst(2), radix: 16)
        else { return nil }
        return Told(
            event: event, kind: kind, transaction: "\(log["transactionHash"] ?? "")",
            block: "\(log["blockHash"] ?? "")",
            log: "\(number)")
    }
}

@Suite("The main path, on a real chain", .serialized)
struct MainPathTests {
    @Test("all nine kinds of events reach all three channels exactly once")
    func nineEvents() async throws {
        let stack = try await Stack()
        try await stack.serve()
        try await stack.register()
        try await stack.createTriggers()
        let made = expected(of: try await stack.chain("all-nine"))
        #expect(Set(made.map(\.event)) == Set(Stack.nineEvents.values.joined()))

        for (channel, told) in try await stack.told(reaching: made.count) {
            #expect(told.count == made.count, "\(channel)")
            #expect(Set(told) == Set(made), "\(channel)")
        }
        for entry in try await stack.webhook.ledger(reaching: made.count) {
            #expect(entry["signature"] as? String == "valid", "\(entry["reason"] ?? "")")
        }
        #expect(try await stack.stop() == 0)
    }

    @Test("a reorganisation of depth 3 retracts what was told, and tells what took its place")
    func reorganisation() async throws {
        let stack = try await Stack()
        try await stack.serve()
        try await stack.register()
        try await stack.createTriggers()
        var made: [Told] = []
        for number in 0..<3 {
            made += expected(of: try await stack.chain("register", "--uri", "https://example.com/\(number)"))
        }
        _ = try await stack.told(reaching: made.count)
        _ = try await stack.chain("reorg", "--depth", "3", "--drop")

        for (channel, told) in try await stack.told(reaching: 2 * made.count) {
            #expect(Set(told.filter { $0.kind == "notification" }) == Set(made), "\(channel)")
            let retracted = made.map {
                Told(event: $0.event, kind: "retraction", transaction: $0.transaction, block: $0.block, log: $0.log)
            }
            #expect(Set(told.filter { $0.kind == "retraction" }) == Set(retracted), "\(channel)")
            #expect(told.count == 2 * made.count, "\(channel)")
        }
    }
}
