import Conditions
import Domain
import Foundation
import TestSupport
import Testing

@Suite("Refusals")
struct RefusalTests {
    private func problems(_ sources: [ConditionSource], registry: Registry? = nil) -> [ConditionProblem] {
        do throws(ConditionErrors) {
            _ = try ConditionSet(compiling: sources, registry: registry)
            return []
        } catch { return error.problems }
    }

    @Test(
        "a wrong comparison is refused with its part and the remedy",
        arguments: [
            (.event("agnt_id", "equals", "1"), "field", "unknown field"),
            (.event("agent_id", "is", "1"), "operator", "unknown operator"),
            (.event("agent_id", "contains", "1"), "operator", "agent_id is a number; use one of equals"),
            (.event("agent_id", "matches", "1"), "operator", "is a number"),
            (.event("tag1", "gt", "1"), "operator", "tag1 is text"),
            (.event("owner", "starts_with", "0x80"), "operator", "owner is an address"),
            (.event("metadata_key_hash", "lt", "0x80"), "operator", "is a hash"),
            (.event("metadata_value", "matches", "a"), "operator", "is bytes"),
            (.event("is_approved", "in", [.boolean(true)]), "operator", "is true or false"),
            (.event("event_type", "gt", "Registered"), "operator", "event_type is text"),
            (.event("agent_id", "equals"), "value", "is missing"),
            (.event("agent_id", "equals", .null), "value", "is missing"),
            (.event("agent_id", "equals", "1e3"), "value", "write digits"),
            (.event("agent_id", "equals", "forty"), "value", "write digits"),
            (.event("agent_id", "equals", ""), "value", "write digits"),
            (.event("agent_id", "equals", .boolean(true)), "value", "agent_id is a number"),
            (.event("agent_id", "equals", "-1"), "value", "lies between 0 and 1157920892373161954235709850086879"),
            (.event("agent_id", "equals", "1.5"), "value", "is a whole number"),
            (
                .event(
                    "agent_id", "gt",
                    "115792089237316195423570985008687907853269984665640564039457584007913129639936"),
                "value", "at most 2^256 - 1"
            ),
            (.event("agent_id", "equals", .number(Decimal(string: "1e37") ?? 0)), "value", "write it as a string"),
            (.event("response", "gt", "256"), "value", "lies between 0 and 255"),
            (.event("chain_id", "equals", "-1"), "value", "lies between 0 and 9223372036854775807"),
            (.event("log_index", "equals", "4294967296"), "value", "lies between 0 and 4294967295"),
            (.event("block_timestamp", "gt", "yesterday"), "value", "block_timestamp is a time"),
            (.event("value", "equals", "0.5"), "value", "is a whole number"),
            (
                .event(
                    "value", "lt",
                    "-57896044618658097711785492504343953926634992332820282019728792003956564819969"),
                "value", "lies between -5789604461865809771178549250434395392663499233282028201972879200395656481996"
            ),
            (.event("agent_id", "between", "1"), "value", "a list of two"),
            (.event("agent_id", "between", ["1"]), "value", "a list of two"),
            (.event("agent_id", "between", ["2", "1"]), "value", "lowest value first"),
            (.event("agent_id", "between", ["a", "b"]), "value[0]", "write digits"),
            (.event("agent_id", "in", "1"), "value", "takes a list"),
            (.event("agent_id", "in", []), "value", "takes a list"),
            (.event("agent_id", "equals", ["1"]), "value", "takes one value"),
            (.event("agent_id", "in", ["1", "x"]), "value[1]", "write digits"),
            (.event("agent_id", "exists", "5"), "value", "takes no value"),
            (.event("agent_id", "not_exists", .boolean(false)), "value", "takes no value"),
            (.event("owner", "equals", "0x1234"), "value", "write 0x and 40"),
            (.event("owner", "equals", .number(5)), "value", "write a string"),
            (.event("owner", "equals", "0x8004a169FB4a3325136EB29fA0ceB6D2e539a432"), "value", "EIP-55"),
            (.event("metadata_key_hash", "equals", "0x12"), "value", "64 hexadecimal digits"),
            (.event("metadata_value", "equals", "cafe"), "value", "two hexadecimal digits"),
            (.event("metadata_value", "equals", "0xcaf"), "value", "two hexadecimal digits"),
            (.event("metadata_value", "contains", "0x"), "value", "is empty"),
            (.event("tag1", "equals", .number(5)), "value", "tag1 is text"),
            (.event("tag1", "contains", ""), "value", "is empty"),
            (.event("tag1", "starts_with", ""), "value", "is empty"),
            (.event("tag1", "matches", ""), "value", "is empty"),
            (.event("tag1", "matches", "("), "value", "missing )"),
            (.event("tag1", "matches", "(?=a)"), "value", "no pattern"),
            (.event("tag1", "matches", "((a{1,100}){1,100}){1,100}"), "value", "no pattern"),
            (.event("tag1", "matches", "\\pL{1000}"), "value", "too large"),
            (.event("tag1", "equals", .string(String(repeating: "a", count: 4001))), "value", "longer than"),
            (.event("is_approved", "equals", "yes"), "value", "true or false"),
            (.event("event_type", "equals", "Minted"), "value", "no event has this name; there are Registered"),
            (.event("event_type", "equals", "registered"), "value", "no event has this name"),
            (.event("event_type", "in", ["Registered", "X"]), "value[1]", "no event has this name"),
            (.event("event_type", "contains", "Xyz"), "value", "fits no event type"),
            (.event("registry", "equals", "identities"), "value", "identity, reputation or validation"),
            (
                .event("agent_id", "equals", "1", config: ["caseSensitive": .boolean(false)]), "config.caseSensitive",
                "unknown"
            ),
            (
                .event("agent_id", "equals", "1", config: ["case_sensitive": "no"]), "config.case_sensitive",
                "true or false"
            ),
            (.event("agent_id", "equals", "1", config: "no"), "config", "is an object"),
        ] as [(ConditionSource, String, String)])
    func comparisons(_ source: ConditionSource, _ part: String, _ issue: String) throws {
        let found = problems([source])
        let problem = try #require(found.first { $0.field == part }, "\(found)")
        #expect(problem.index == 0)
        #expect(problem.issue.contains(issue), "\(problem.issue)")
    }

    @Test("what an event of the trigger's registry cannot have is refused")
    func registry() throws {
        let owner = problems([.event("owner", "exists")], registry: .reputation)
        #expect(owner.first?.issue.hasPrefix("no event of the reputation registry has owner; use one of") ?? false)
        let type = problems([.event("event_type", "equals", "Registered")], registry: .reputation)
        #expect(type.first?.issue.hasPrefix("Registered is no event of the reputation registry") ?? false)
        let contradiction = problems([.event("registry", "equals", "identity")], registry: .reputation)
        #expect(contradiction.first?.issue.contains("can never hold") ?? false)
        #expect(problems([.event("owner", "exists")], registry: .identity).isEmpty)
        #expect(problems([.event("new_owner", "exists")], registry: .validation).isEmpty)
    }

    @Test("what the pinned event type cannot have is refused, wherever it is pinned")
    func pinned() throws {
        let score = ConditionSource.event("score", "gt", "1")
        let pin = ConditionSource.event("event_type", "equals", "FeedbackRevoked")
        for sources in [[score, pin], [pin, score]] {
            let found = problems(sources)
            #expect(found.count == 1)
            #expect(found.first?.index == sources.firstIndex(of: score))
            #expect(found.first?.issue.hasPrefix("FeedbackRevoked has no score; use one of") ?? false)
        }
        let either = ConditionSource.event("event_type", "in", ["FeedbackRevoked", "NewFeedback"])
        #expect(problems([either, score]).isEmpty)
        let inGroup = try ConditionSource.group(
            #"""
            {"any": [{"all": [{"field": "score", "operator": "gt", "value": 1},
                              {"field": "event_type", "operator": "=", "value": "Registered"}]}]}
            """#)
        #expect(problems([inGroup]).map(\.field) == ["config.any[0].all[0].field"])
        #expect(problems([.event("registry", "equals", "validation"), score]).first?.field == "field")
    }

    @Test("conditions that no event can fulfil together are refused")
    func contradictions() throws {
        let first = ConditionSource.event("event_type", "equals", "Registered")
        let second = ConditionSource.event("event_type", "equals", "Transfer")
        #expect(problems([first, second]).first?.issue.contains("contradicts") ?? false)
        let owner = ConditionSource.event("owner", "exists")
        let client = ConditionSource.event("client_address", "exists")
        #expect(problems([owner, client]).first?.issue.contains("no client_address") ?? false)
    }

    @Test("every problem of every condition is told at once")
    func everything() {
        let found = problems([
            .event("agent_id", "equals", "1"),
            .event("nope", "is", "1", config: ["x": .null, "y": .null]),
            .event("agent_id", "in", ["a", "1", "b"]),
            ConditionSource(type: "windw", field: "agent_id", operator: "equals", value: "1", config: nil),
        ])
        #expect(
            found.map { "\($0.index) \($0.field)" } == [
                "1 config.x", "1 config.y", "1 field", "1 operator", "2 value[0]", "2 value[2]", "3 condition_type",
            ])
    }

    @Test(
        "types that need state say that they come later",
        arguments: ["window", "ema", "sequence", "change", "ema_threshold", "rate_limit"])
    func stateful(_ type: String) {
        let found = problems([ConditionSource(type: type, field: "score", operator: "gt", value: "1", config: nil)])
        #expect(found.map(\.field) == ["condition_type"])
        #expect(found.first?.issue.contains("not available yet") ?? false)
    }

    @Test(
        "an alias refuses what its type does not say",
        arguments: [
            ("agent_id_equals", "agent_id", "not_equals", "operator"), ("agent_id_equals", "owner", "equals", "field"),
            ("tag_equals", "", "equals", "field"), ("tag_equals", "endpoint", "equals", "field"),
            ("score_threshold", "score", "between", "operator"), ("score_threshold", "tag1", "<", "field"),
            ("event_type_equals", "event_type", "in", "operator"),
        ])
    func aliases(_ type: String, _ field: String, _ name: String, _ part: String) {
        let source = ConditionSource(type: type, field: field, operator: name, value: "1", config: nil)
        #expect(problems([source]).map(\.field) == [part])
    }

    @Test(
        "a wrong tree is refused with its path",
        arguments: [
            ("{}", "config"), ("[]", "config"), (#"{"all": []}"#, "config.all"), (#"{"any": {}}"#, "config.any"),
            (#"{"xor": []}"#, "config"), (#"{"all": [1]}"#, "config.all[0]"), (#"{"not": []}"#, "config.not"),
            (#"{"all": [{"field": "agent_id", "operator": "exists"}], "any": []}"#, "config"),
            (#"{"all": [{"field": "agent_id"}]}"#, "config.all[0].operator"),
            (#"{"all": [{"field": 5, "operator": "exists"}]}"#, "config.all[0].field"),
            (#"{"all": [{"field": "agent_id", "operator": "exists", "vlaue": 5}]}"#, "config.all[0].vlaue"),
            (#"{"not": {"any": [{"field": "nope", "operator": "exists"}]}}"#, "config.not.any[0].field"),
            (#"{"not": {"field": "agent_id", "operator": "in", "value": ["x"]}}"#, "config.not.value[0]"),
        ])
    func trees(_ tree: String, _ path: String) throws {
        let found = problems([try .group(tree)])
        #expect(found.map(\.field) == [path])
    }

    @Test("a group without a tree, or with a value, is refused")
    func bareGroup() throws {
        let bare = ConditionSource(type: "group", field: "group", operator: "group", value: nil, config: nil)
        #expect(problems([bare]).map(\.field) == ["config"])
        let valued = ConditionSource(
            type: "group", field: "agent_id", operator: "equals", value: "42",
            config: ["not": ["field": "agent_id", "operator": "exists"]])
        #expect(problems([valued]).map(\.field) == ["value"])
    }

    @Test("depth, width and count are bounded")
    func bounds() throws {
        func nested(_ depth: Int) -> String {
            (0..<depth).reduce(#"{"field": "agent_id", "operator": "exists"}"#) { tree, _ in #"{"not": \#(tree)}"# }
        }
        #expect(problems([try .group(nested(ConditionSet.maximumDepth))]).isEmpty)
        #expect(problems([try .group(nested(ConditionSet.maximumDepth + 1))]).count == 1)
        let leaf = #"{"field": "agent_id", "operator": "exists"}"#
        func wide(_ count: Int) throws -> ConditionSource {
            try .group(#"{"any": [\#(repeatElement(leaf, count: count).joined(separator: ","))]}"#)
        }
        #expect(try problems([wide(500)]).isEmpty)
        #expect(try problems([wide(501)]).map(\.field) == ["config.any"])
        #expect(try problems([wide(300), wide(300)]).count == 1)
        let many = [ConditionSource](repeating: .event("agent_id", "exists"), count: 101)
        #expect(problems(many).count == 1)
        #expect(problems(Array(many.dropLast())).isEmpty)
        let list = JSON.array((0..<1001).map { .string("\($0)") })
        #expect(problems([.event("agent_id", "in", list)]).map(\.field) == ["value"])
    }
}
