import Conditions
import Domain
import Foundation
import TestSupport
import Testing

@Suite("Groups and event types")
struct GroupTests {
    private let alice = "0x8004a169fb4a3325136eb29fa0ceb6d2e539a432"

    private func holds(_ conditions: ConditionSet, _ fields: [String: String]) throws -> Bool {
        conditions.matches(try Sample.event(fields))
    }

    @Test("no conditions match every event")
    func empty() throws {
        for type in EventType.allCases {
            #expect(try holds(ConditionSet(), ["event_type": type.rawValue]))
        }
    }

    @Test("conditions are joined by AND")
    func conjunction() throws {
        let conditions = try ConditionSet(
            .event("event_type", "equals", "NewFeedback"), .event("score", "lt", "20"), .event("tag1", "equals", "up"))
        #expect(try holds(conditions, ["event_type": "NewFeedback", "value": "19", "tag1": "up"]))
        #expect(try !holds(conditions, ["event_type": "NewFeedback", "value": "20", "tag1": "up"]))
        #expect(try !holds(conditions, ["event_type": "NewFeedback", "value": "19", "tag1": "down"]))
        #expect(try !holds(conditions, ["event_type": "FeedbackRevoked"]))
    }

    @Test("all, any and not nest")
    func nesting() throws {
        let conditions = try ConditionSet(
            .group(
                """
                {"any": [
                    {"all": [
                        {"field": "event_type", "operator": "=", "value": "Registered"},
                        {"not": {"field": "agent_id", "operator": "<", "value": 10}}
                    ]},
                    {"all": [
                        {"field": "tag1", "operator": "in", "value": ["a", "b"]},
                        {"any": [{"field": "score", "operator": ">", "value": 90},
                                 {"field": "score", "operator": "<", "value": 10}]}
                    ]}
                ]}
                """))
        #expect(try holds(conditions, ["event_type": "Registered", "agent_id": "10"]))
        #expect(try !holds(conditions, ["event_type": "Registered", "agent_id": "9"]))
        #expect(try holds(conditions, ["event_type": "NewFeedback", "tag1": "b", "value": "91"]))
        #expect(try holds(conditions, ["event_type": "NewFeedback", "tag1": "a", "value": "9"]))
        #expect(try !holds(conditions, ["event_type": "NewFeedback", "tag1": "a", "value": "50"]))
        #expect(try !holds(conditions, ["event_type": "NewFeedback", "tag1": "c", "value": "91"]))
        #expect(try !holds(conditions, ["event_type": "Transfer", "agent_id": "10"]))
    }

    @Test("not turns a comparison of an absent field true")
    func absentBelowNot() throws {
        let negated = try ConditionSet(.group(#"{"not": {"field": "tag1", "operator": "equals", "value": "a"}}"#))
        #expect(try holds(negated, ["event_type": "Transfer"]))
        #expect(try !holds(ConditionSet(.event("tag1", "not_equals", "a")), ["event_type": "Transfer"]))
    }

    @Test("a wide tree evaluates its last member too")
    func wideTree() throws {
        let members = (0..<400).map { #"{"field": "agent_id", "operator": "equals", "value": "\#($0)"}"# }
        let any = try ConditionSet(.group(#"{"any": [\#(members.joined(separator: ","))]}"#))
        #expect(try holds(any, ["agent_id": "399"]))
        #expect(try !holds(any, ["agent_id": "400"]))
        #expect(any.indexKeys.count == 400)
    }

    @Test(
        "event types are compared by name",
        arguments: [
            ("equals", "Registered", "Registered", true), ("equals", "Registered", "Transfer", false),
            ("equals", "AgentMinted", "Registered", true), ("equals", "UriUpdated", "URIUpdated", true),
            ("not_equals", "AgentMinted", "Registered", false), ("not_equals", "AgentMinted", "Transfer", true),
            ("in", ["AgentMinted", "NewFeedback"], "NewFeedback", true),
            ("not_in", ["AgentMinted", "NewFeedback"], "NewFeedback", false),
            ("contains", "Feedback", "FeedbackRevoked", true), ("contains", "Feedback", "Transfer", false),
            ("starts_with", "Validation", "ValidationResponse", true), ("ends_with", "Set", "MetadataSet", true),
            ("not_contains", "Feedback", "Transfer", true), ("matches", "^(Transfer|Approval)$", "Approval", true),
            ("matches", "^(Transfer|Approval)$", "ApprovalForAll", false), ("exists", nil, "Upgraded", true),
        ] as [(String, JSON?, String, Bool)])
    func eventTypes(_ name: String, _ operand: JSON?, _ type: String, _ holds: Bool) throws {
        let conditions = try ConditionSet(.event("event_type", name, operand))
        #expect(try self.holds(conditions, ["event_type": type]) == holds)
        #expect(conditions.eventTypes.contains(try #require(EventType(rawValue: type))) == holds)
    }

    @Test("AgentBurned is a transfer to the zero address")
    func burned() throws {
        let burnt = ["event_type": "Transfer", "from": alice]
        let moved = ["event_type": "Transfer", "to": alice]
        let equals = try ConditionSet(.event("event_type", "equals", "AgentBurned"))
        #expect(try holds(equals, burnt) && !holds(equals, moved))
        #expect(equals.eventTypes == EventTypes(.transfer))
        let differs = try ConditionSet(.event("event_type", "not_equals", "AgentBurned"))
        #expect(try !holds(differs, burnt) && holds(differs, moved))
        let either = try ConditionSet(.event("event_type", "in", ["AgentBurned", "AgentMinted", "Approval"]))
        #expect(try holds(either, burnt) && !holds(either, moved))
        #expect(try holds(either, ["event_type": "Registered"]) && holds(either, ["event_type": "Approval"]))
        let folded = try ConditionSet(
            .event("event_type", "equals", "agentBURNED", config: ["case_sensitive": .boolean(false)]))
        #expect(try holds(folded, burnt) && !holds(folded, moved))
    }

    @Test("registries are compared by name")
    func registries() throws {
        let identity = try ConditionSet(.event("registry", "equals", "identity"))
        #expect(try holds(identity, ["event_type": "Upgraded", "registry": "identity"]))
        #expect(try !holds(identity, ["event_type": "Upgraded", "registry": "reputation"]))
        let others = try ConditionSet(.event("registry", "not_in", ["identity"]), registry: .reputation)
        #expect(try holds(others, ["event_type": "Upgraded", "registry": "reputation"]))
        let matching = try ConditionSet(.event("registry", "matches", "tion$"))
        #expect(try holds(matching, ["event_type": "NewFeedback"]) && !holds(matching, ["event_type": "Transfer"]))
    }

    @Test("the older service's condition types are aliases")
    func aliases() throws {
        func alias(_ type: String, _ field: String, _ name: String, _ value: JSON) throws -> ConditionSet {
            try ConditionSet(ConditionSource(type: type, field: field, operator: name, value: value, config: nil))
        }
        let agent = try alias("agent_id_equals", "agent_id", "=", "42")
        #expect(try holds(agent, ["agent_id": "42"]) && !holds(agent, ["agent_id": "43"]))
        #expect(try holds(alias("agent_id_equals", "", "", .number(42)), ["agent_id": "42"]))
        let score = try alias("score_threshold", "score", "<", "60")
        #expect(try holds(score, ["event_type": "NewFeedback", "value": "595", "value_decimals": "1"]))
        #expect(try !holds(score, ["event_type": "NewFeedback", "value": "60"]))
        #expect(try holds(alias("score_threshold", "", "<>", .number(5)), ["event_type": "NewFeedback"]))
        let tag = try alias("tag_equals", "tag2", "equals", "fast")
        #expect(try holds(tag, ["event_type": "NewFeedback", "tag2": "fast"]))
        #expect(try !holds(tag, ["event_type": "NewFeedback", "tag1": "fast"]))
        let type = try alias("event_type_equals", "event_type", "equals", "AgentMinted")
        #expect(try holds(type, [:]) && !holds(type, ["event_type": "Transfer"]))
    }

    @Test("the envelope is compared like any field")
    func envelope() throws {
        let event = [
            "event_type": "Transfer", "chain_id": "8453", "block_number": "100", "block_timestamp": "1767225600",
            "log_index": "7", "contract_address": alice, "transaction_from": alice,
            "block_hash": "0x" + String(repeating: "ab", count: 32),
            "transaction_hash": "0x" + String(repeating: "cd", count: 32),
        ]
        let conditions = try ConditionSet(
            .event("chain_id", "in", [.number(1), "8453"]), .event("block_number", "between", ["100", "200"]),
            .event("block_timestamp", "gte", "2026-01-01T00:00:00Z"),
            .event("block_timestamp", "lt", .number(1_767_225_601)), .event("log_index", "equals", "7"),
            .event("contract_address", "equals", .string(alice)), .event("transaction_from", "exists"),
            .event("block_hash", "equals", .string("0x" + String(repeating: "AB", count: 32))),
            .event("transaction_hash", "exists"), .event("registry", "equals", "identity"))
        #expect(try holds(conditions, event))
        for (field, other) in [("chain_id", "10"), ("block_number", "99"), ("log_index", "8")] {
            #expect(try !holds(conditions, event.merging([field: other]) { $1 }))
        }
        #expect(try !holds(conditions, event.filter { $0.key != "transaction_from" }))
    }
}
