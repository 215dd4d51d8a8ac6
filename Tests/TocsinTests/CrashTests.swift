import Foundation
import Testing

@Suite("Crashes")
struct CrashTests {
    @Test("killed at 20 random moments while 2,000 events flow, it loses none")
    func killed() async throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("crash seed \(seed)")
        var random = SeededGenerator(seed: seed)
        let stack = try await Stack()
        try await stack.serve()
        try await stack.register()
        let answer = try await stack.api(
            "POST", "/api/v1/triggers",
            [
                "name": "All feedback", "chain_id": stack.node.chainId, "registry": "any",
                "conditions": [
                    [
                        "condition_type": "event", "field": "event_type", "operator": "in",
                        "value": Array(Stack.nineEvents.values.joined()),
                    ]
                ],
                "actions": [
                    [
                        "action_type": "rest",
                        "config": ["url": "\(stack.webhook.url)/hooks/all", "secret": Stack.secret],
                    ]
                ],
            ])
        #expect(answer.status == 201, "\(answer.body)")

        let first = try await stack.head() + 1
        for _ in 0..<20 {
            let load = try Stack.tool([
                "devnetctl.py", "--rpc", stack.node.rpcUrl, "load", "--events", "100", "--per-block", "5",
            ])
            // Somewhere in the flow: after a random number of this round's deliveries, or in the restart before them.
            let told = try await stack.webhook.count()
            _ = try await stack.webhook.ledger(
                reaching: told + Int.random(in: 0...90, using: &random), within: .seconds(5))
            try await ContinuousClock().sleep(for: .milliseconds(Int.random(in: 0...30, using: &random)))
            _ = try await stack.stop(SIGKILL)
            try stack.start()
            #expect(try await load.exitCode(within: .seconds(60)) == 0, "\(load.errorText)")
        }

        let made = Set(try await stack.logs(from: first))
        #expect(made.count >= 2000)
        var entries: [[String: Any]] = []
        _ = try await poll(within: .seconds(120), "every event at the receiver") {
            entries = try await stack.webhook.ledger(reaching: made.count, within: .seconds(5))
            return Set(try stack.toldByWebhook(entries)).isSuperset(of: made) ? true : nil
        }
        let told = try stack.toldByWebhook(entries)
        #expect(Set(told) == made)
        var identifiers: [Told: Set<String>] = [:]
        for (one, entry) in zip(told, entries) { identifiers[one, default: []].insert("\(entry["id"] ?? "")") }
        #expect(identifiers.values.allSatisfy { $0.count == 1 }, "a repeat must carry the same webhook-id")
        print("crash: \(told.count) deliveries of \(made.count) events, \(told.count - made.count) repeats")
    }
}

extension Stack {
    /// The height of the chain.
    func head() async throws -> Int {
        let answer = try await rpc("eth_blockNumber", [])
        return Int((answer as? String ?? "0x0").dropFirst(2), radix: 16) ?? 0
    }

    /// What must be told about the canonical logs of the registries from the block `first` on.
    func logs(from first: Int) async throws -> [Told] {
        let filter: [String: Any] = [
            "fromBlock": "0x" + String(first, radix: 16), "toBlock": "latest", "address": Array(node.registries.values),
        ]
        let logs = try #require(try await rpc("eth_getLogs", [filter]) as? [[String: Any]])
        return try logs.compactMap { log in
            let topic = try #require((log["topics"] as? [String])?.first)
            guard let event = Self.topics[topic], let index = log["logIndex"] as? String else { return nil }
            return Told(
                event: event, kind: "notification", transaction: "\(log["transactionHash"] ?? "")",
                block: "\(log["blockHash"] ?? "")", log: "\(Int(index.dropFirst(2), radix: 16) ?? -1)")
        }
    }

    /// The nine events by topic 0, of the contracts' second version.
    static let topics = [
        "0xca52e62c367d81bb2e328eb795f7c7ba24afb478408a26c0e201d155c449bc4a": "Registered",
        "0x2c149ed548c6d2993cd73efe187df6eccabe4538091b33adbd25fafdb8a1468b": "MetadataSet",
        "0x3a2c7fffc2cba7582c690e3b82c463ea02a308326a98a3ad7576c606336409fb": "URIUpdated",
        "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef": "Transfer",
        "0x6a4a61743519c9d648a14e6493f47dbe3ff1aa29e7785c96c8326a205e58febc": "NewFeedback",
        "0x25156fd3288212246d8b008d5921fde376c71ed14ac2e072a506eb06fde6d09d": "FeedbackRevoked",
        "0xb1c6be0b5b8aef6539e2fac0fd131a2faa7b49edf8e505b5eb0ad487d56051d4": "ResponseAppended",
        "0x530436c3634a98e1e626b0898be2f1e9980cc1bd2a78c07a0aba52d0a48a5059": "ValidationRequest",
        "0xafddf629e874ccc3963b6a888c477bd464a6c8525024fc88759ea3b2326349ae": "ValidationResponse",
    ]

    private func rpc(_ method: String, _ parameters: [Any]) async throws -> Any? {
        let body: [String: Any] = ["jsonrpc": "2.0", "id": 1, "method": method, "params": parameters]
        let (data, _) = try await fetch("POST", node.rpcUrl, body: try JSONSerialization.data(withJSONObject: body))
        return (try JSONSerialization.jsonObject(with: data) as? [String: Any])?["result"]
    }
}

/// SplitMix64: the same seed gives the same moments.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value >> 31)
    }
}
