import Domain
import Ethereum
import Foundation
import Storage
import TestSupport
import Testing

@Suite("Events, deliveries and chains", .freshDatabase)
struct FeedTests {
    private static func word(_ byte: UInt8) -> String { String(repeating: String(format: "%02x", byte), count: 32) }

    /// Stores transfers of the agents from 1 to `count` on Ethereum Sepolia, one a block from 101 on, and a broken log.
    private static func seed(_ api: RunningAPI, count: Int) async throws {
        let topic = String(Keccak256.hash("Transfer(address,address,uint256)").description.dropFirst(2))
        let zero = word(0)
        let receiver = String(repeating: "00", count: 12) + String(repeating: "ab", count: 20)
        func hex(_ number: Int) -> String { String(format: "%064x", number) }
        var script = """
            INSERT INTO chains (chain_id, checkpoint_number, checkpoint_hash, head_number, safe_number, finalized_number)
            VALUES (11155111, 110, decode('\(word(1))', 'hex'), 112, 103, 101);
            """
        for agent in 1...(count + 1) {
            let isBroken = agent > count
            script += """
                INSERT INTO blocks (chain_id, number, hash, parent_hash, timestamp, verification, log_count) VALUES (
                    11155111, \(100 + agent), decode('\(hex(100 + agent))', 'hex'), decode('\(zero)', 'hex'), 1700000000,
                    'bloom', 1);
                INSERT INTO events (
                    chain_id, block_number, block_hash, block_timestamp, transaction_hash, transaction_index, log_index,
                    contract_address, registry, event_type, decoding_error, agent_id, topics, data)
                VALUES (
                    11155111, \(100 + agent), decode('\(hex(100 + agent))', 'hex'), 1700000000,
                    decode('\(hex(agent))', 'hex'), 0, 0, decode('8004A818BFB912233c491871b3d84c89A494BD9e', 'hex'),
                    'identity', \(isBroken ? "NULL, 'too short', NULL" : "'Transfer', NULL, \(agent)"),
                    decode('\(topic)\(zero)\(receiver)\(isBroken ? "" : hex(agent))', 'hex'), '');
                """
        }
        try await api.database.run(script)
    }

    @Test("show events with what is sure about them")
    func events() async throws {
        try await RunningAPI.run { api in
            let alice = try await api.register("alice")
            try await Self.seed(api, count: 4)
            let list = try await alice.send("GET", "/events")
            #expect(list.status == 200)
            let events = list.data.elements
            #expect(events.map { $0["id"] } == [5, 4, 3, 2, 1].map { JSON.number($0) })
            let newest = try #require(events.dropFirst().first)
            #expect(newest["event_type"] == .string("Transfer"))
            #expect(newest["registry"] == .string("identity"))
            #expect(newest["chain_id"] == .number(11_155_111))
            #expect(newest["chain_name"] == .string("Ethereum Sepolia"))
            #expect(newest["block_number"] == .number(104))
            #expect(newest["block_timestamp"] == .string("2023-11-14T22:13:20Z"))
            #expect(newest["contract_address"] == .string("0x8004A818BFB912233c491871b3d84c89A494BD9e"))
            #expect(newest["parameters"]?["agent_id"] == .string("4"))
            #expect(newest["parameters"]?["to"] == .string("0xABaBaBaBABabABabAbAbABAbABabababaBaBABaB"))
            #expect(newest["is_canonical"] == .boolean(true))
            #expect(newest["verification"] == .string("bloom"))
            #expect(
                events.map { $0["finality"] } == ["latest", "latest", "safe", "safe", "finalized"].map { .string($0) })
            let broken = events[0]
            #expect(broken["event_type"] == .null)
            #expect(broken["decoding_error"] == .string("too short"))
            let one = try await alice.send("GET", "/events/4")
            #expect(one.data["topics"]?.elements.count == 4)
            #expect(one.data["data"] == .string("0x"))
            #expect(one.data["parameters"] == newest["parameters"])
            #expect(try await alice.send("GET", "/events/99").status == 404)
            #expect(try await alice.send("GET", "/events/x").status == 404)
        }
    }

    private static let filtersCases: [(String, [Int])] = [
        ("chain_id=11155111", [5, 4, 3, 2, 1]), ("chain_id=1", []), ("registry=identity", [5, 4, 3, 2, 1]),
        ("registry=reputation", []), ("event_type=Transfer", [4, 3, 2, 1]), ("event_type=AgentMinted", []),
        ("agent_id=3", [3]), ("from_block=103", [5, 4, 3]), ("to_block=102", [2, 1]),
        ("from_block=102&to_block=103", [3, 2]), ("decoded=false", [5]), ("decoded=true&agent_id=1", [1]),
    ]

    @Test("filter events")
    func filters() async throws {
        try await RunningAPI.run { api in
            let alice = try await api.register("alice")
            try await Self.seed(api, count: 4)
            for (query, ids) in Self.filtersCases {
                let list = try await alice.send("GET", "/events?\(query)")
                #expect(list.status == 200)
                #expect(list.data.elements.map { $0["id"] } == ids.map { JSON.number(Decimal($0)) })
            }
        }
    }

    private static let wrongFiltersCases: [String] = [
        "chain_id=x", "chain_id=0", "registry=any", "event_type=Nothing", "agent_id=-1", "from_block=-1",
        "from_block=5&to_block=4", "decoded=yes", "cursor=5", "cursor=b", "limit=0", "chain=1",
    ]

    @Test("refuse filters that mean nothing")
    func wrongFilters() async throws {
        try await RunningAPI.run { api in
            let alice = try await api.register("alice")
            for query in Self.wrongFiltersCases {
                #expect(try await alice.send("GET", "/events?\(query)").status == 400)
            }
        }
    }

    @Test("page through events by cursors, there and back")
    func cursors() async throws {
        try await RunningAPI.run { api in
            let alice = try await api.register("alice")
            try await Self.seed(api, count: 6)
            func page(_ cursor: String?) async throws -> (ids: [Int], cursor: JSON) {
                let query = cursor.map { "&cursor=\($0)" } ?? ""
                let answer = try await alice.send("GET", "/events?limit=3\(query)")
                let ids = answer.data.elements.compactMap { event -> Int? in
                    if case .number(let id)? = event["id"] { Int("\(id)") } else { nil }
                }
                return (ids, answer.json["cursor"] ?? .null)
            }
            let first = try await page(nil)
            #expect(first.ids == [7, 6, 5])
            #expect(first.cursor["has_more"] == .boolean(true))
            let second = try await page(first.cursor["next"]?.string)
            #expect(second.ids == [4, 3, 2])
            let third = try await page(second.cursor["next"]?.string)
            #expect(third.ids == [1])
            #expect(third.cursor["has_more"] == .boolean(false))
            #expect(third.cursor["next"] == .null)
            let back = try await page(third.cursor["previous"]?.string)
            #expect(back.ids == [4, 3, 2])
            #expect(try await page(back.cursor["previous"]?.string).ids == [7, 6, 5])
            // What is newer than the newest: nothing yet, and the cursor stays good.
            let none = try await page(first.cursor["previous"]?.string)
            #expect(none.ids == [])
            #expect(none.cursor["previous"] == first.cursor["previous"])
        }
    }

    @Test("show deliveries and attempts to the organization they belong to")
    func deliveries() async throws {
        try await RunningAPI.run { api in
            let alice = try await api.register("alice")
            let mallory = try await api.register("mallory")
            try await Self.seed(api, count: 4)
            let trigger = try await alice.trigger(
                #","actions":[{"action_type":"rest","config":{"url":"https://hooks.example.com/in"}}]"#)
            let common = "trigger_id, organization_id, destination_id, channel"
            let values = """
                '\(trigger)', '\(alice.organizationID)', (SELECT id FROM destinations), 'rest'
                """
            try await api.database.run(
                """
                INSERT INTO deliveries (action_id, action_version, event_id, kind, \(common))
                SELECT 1, 1, event_id, 0, \(values) FROM generate_series(1, 3) AS event_id;
                UPDATE deliveries SET state = 1, lease_id = 1, lease_until = now() WHERE id = 2;
                UPDATE deliveries SET state = 2 WHERE id = 3;
                INSERT INTO finished_deliveries (id, action_id, action_version, event_id, kind, outcome, attempt, created_at, \(common))
                VALUES (4, 1, 1, 4, 0, 'delivered', 1, now(), \(values)), (5, 1, 1, 4, 1, 'failed', 7, now(), \(values));
                INSERT INTO attempts (delivery_id, number, started_at, ended_at, status, total_ms, response_body, response_headers)
                VALUES (4, 1, now(), now(), 200, 12.5, 'thanks', '{"x-answer":"42"}');
                INSERT INTO attempts (delivery_id, number, started_at, ended_at, error_class, error_message)
                SELECT 5, number, now(), now(), 'timeout', 'no answer' FROM generate_series(1, 7) AS number;
                """)
            let list = try await alice.send("GET", "/deliveries")
            #expect(list.status == 200)
            #expect(
                list.data.elements.map { $0["state"] }
                    == ["failed", "delivered", "parked", "sending", "pending"].map { .string($0) })
            let failed = list.data.elements[0]
            #expect(failed["kind"] == .string("retraction"))
            #expect(failed["outcome"] == .string("failed"))
            #expect(failed["attempts"] == .number(7))
            #expect(failed["destination"]?["target"] == .string("https://hooks.example.com/in"))
            #expect(list.data.elements[4]["outcome"] == .null)
            #expect(list.data.elements[4]["next_attempt_at"] != .null)
            for (query, count) in [
                ("state=pending", 1), ("outcome=delivered", 1), ("channel=rest", 5), ("channel=mcp", 0),
                ("trigger_id=\(trigger)", 5), ("trigger_id=\(alice.userID)", 0), ("limit=2", 2),
                ("limit=2&cursor=b3", 2), ("cursor=a3", 2),
            ] {
                let filtered = try await alice.send("GET", "/deliveries?\(query)")
                #expect(filtered.data.elements.count == count, "\(query)")
            }
            #expect(try await alice.send("GET", "/deliveries?outcome=pending").status == 400)
            #expect(try await alice.send("GET", "/deliveries/5").data == failed)
            let attempts = try await alice.send("GET", "/deliveries/5/attempts?limit=3&offset=2")
            #expect(attempts.data.elements.map { $0["number"] } == [3, 4, 5].map { JSON.number($0) })
            #expect(attempts.json["pagination"]?["total"] == .number(7))
            let answered = try await alice.send("GET", "/deliveries/4/attempts")
            let attempt = try #require(answered.data.elements.first)
            #expect(attempt["succeeded"] == .boolean(true))
            #expect(attempt["timings_ms"]?["total"] == .number(12.5))
            #expect(attempt["response_body"] == .string("thanks"))
            #expect(attempt["response_headers"] == .object(["x-answer": .string("42")]))

            let viewer = try await api.register("vera")
            try await alice.admit(viewer, as: "viewer")
            let seen = try await viewer.send("GET", "/deliveries/4/attempts")
            #expect(seen.status == 200)
            #expect(seen.data.elements.first?["response_body"] == nil)
            for path in ["/deliveries/4", "/deliveries/1", "/deliveries/4/attempts", "/deliveries/99"] {
                #expect(try await mallory.send("GET", path).status == 404)
            }
            #expect(try await mallory.send("GET", "/deliveries").data == .array([]))
        }
    }

    @Test("show chains without the nodes' keys")
    func chains() async throws {
        try await RunningAPI.run { api in
            let alice = try await api.register("alice")
            try await Self.seed(api, count: 1)
            let list = try await alice.send("GET", "/chains")
            #expect(list.status == 200)
            #expect(list.data.elements.count == 3)
            #expect(!list.text.contains("secret-key"))
            let sepolia = list.data.elements[0]
            #expect(sepolia["name"] == .string("Ethereum Sepolia"))
            #expect(sepolia["head"] == .number(112))
            #expect(sepolia["checkpoint"] == .number(110))
            #expect(sepolia["lag"] == .number(2))
            #expect(sepolia["safe"] == .number(103))
            #expect(sepolia["finalized"] == .number(101))
            #expect(sepolia["verification"] == .string("bloom"))
            #expect(sepolia["unverified_blocks"] == .number(0))
            #expect(sepolia["registries"]?.elements.count == 3)
            #expect(list.data.elements[1]["head"] == .null)
            #expect(list.data.elements[1]["unverified_blocks"] == .null)
            #expect(list.data.elements[2]["enabled"] == .boolean(false))
            #expect(try await alice.send("GET", "/chains/11155111").data == sepolia)
            try await api.database.run(
                """
                UPDATE chains SET checkpoint_number = 9989492;
                INSERT INTO unverified_ranges VALUES (11155111, 9989400, 9989402), (11155111, 9989410, 9989411);
                """)
            let verified = try await alice.send("GET", "/chains/11155111").data
            #expect(verified["unverified_blocks"] == .number(5))
            #expect(verified["verified_blocks"] == .number(95))
            #expect(verified["history"] == .null)
            try await api.database.run("UPDATE chains SET history_rate = 50, head_number = 9989592")
            let behind = try await alice.send("GET", "/chains/11155111").data["history"]
            #expect(behind?["blocks_per_second"] == .number(50))
            #expect(behind?["seconds_left"] == .number(2))
            for path in ["/chains/1", "/chains/x"] { #expect(try await alice.send("GET", path).status == 404) }
        }
    }

    @Test("show what a registry was upgraded to last")
    func upgrades() async throws {
        try await RunningAPI.run { api in
            let alice = try await api.register("alice")
            let topic = String(Keccak256.hash("Upgraded(address)").description.dropFirst(2))
            func upgrade(_ block: Int, to implementation: UInt8, isCanonical: Bool = true) async throws {
                let hash = String(format: "%064x", block)
                let code = String(repeating: "00", count: 12) + String(repeating: "\(implementation)", count: 20)
                try await api.database.run(
                    """
                    INSERT INTO blocks (chain_id, number, hash, parent_hash, timestamp, verification, log_count)
                    VALUES (11155111, \(block), decode('\(hash)', 'hex'), decode('\(Self.word(0))', 'hex'), 1700000000,
                        'bloom', 1);
                    INSERT INTO events (
                        chain_id, block_number, block_hash, block_timestamp, transaction_hash, transaction_index,
                        log_index, contract_address, registry, event_type, topics, data, is_canonical)
                    VALUES (
                        11155111, \(block), decode('\(hash)', 'hex'), 1700000000, decode('\(hash)', 'hex'), 0, 0,
                        decode('8004A818BFB912233c491871b3d84c89A494BD9e', 'hex'), 'identity', 'Upgraded',
                        decode('\(topic)\(code)', 'hex'), '', \(isCanonical));
                    """)
            }
            try await upgrade(7, to: 11)
            try await upgrade(9, to: 22)
            try await upgrade(11, to: 33, isCanonical: false)
            let chain = try await alice.send("GET", "/chains/11155111").data
            let registries = try #require(chain["registries"]?.elements)
            let upgraded = try #require(registries[0]["upgraded"])
            #expect(upgraded["implementation"] == .string("0x" + String(repeating: "22", count: 20)))
            #expect(upgraded["block_number"] == .number(9))
            #expect(upgraded["block_timestamp"] == .string("2023-11-14T22:13:20Z"))
            #expect(upgraded["transaction_hash"] == .string("0x" + String(format: "%064x", 9)))
            #expect(registries[1]["upgraded"] == .null)
            #expect(try await alice.send("GET", "/chains").data.elements[0] == chain)
        }
    }
}
