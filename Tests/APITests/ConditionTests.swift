import Domain
import Foundation
import TestSupport
import Testing

@Suite("Conditions", .freshDatabase)
struct ConditionTests {
    @Test("are created, listed, read, updated and deleted as document 003 shows")
    func examples() async throws {
        try await RunningAPI.run { api in
            let john = try await api.register()
            let trigger = try await john.trigger()
            let path = "/triggers/\(trigger)/conditions"
            let created = try await john.send(
                "POST", path,
                """
                {"condition_type": "event", "field": "event_type", "operator": "equals", "value": "AgentMinted",
                 "config": {"case_sensitive": false}}
                """)
            #expect(created.status == 201)
            #expect(created.data["trigger_id"] == .string(trigger))
            #expect(created.data["value"] == .string("AgentMinted"))
            guard case .number(let id)? = created.data["id"] else { throw UnexpectedAnswer(text: created.text) }

            let list = try await john.send("GET", path)
            #expect(list.json == .object(["data": .array([created.data])]))
            let one = try await john.send("GET", "\(path)/\(id)")
            #expect(one.data == created.data)

            let updated = try await john.send(
                "PUT", "\(path)/\(id)", #"{"value": "AgentBurned", "config": {"case_sensitive": true}}"#)
            #expect(updated.status == 200)
            #expect(updated.data["value"] == .string("AgentBurned"))
            #expect(updated.data["config"] == .object(["case_sensitive": .boolean(true)]))
            #expect(updated.data["created_at"] == created.data["created_at"])
            let cleared = try await john.send("PATCH", "\(path)/\(id)", #"{"config": null}"#)
            #expect(cleared.data["config"] == .null)

            #expect(try await john.send("DELETE", "\(path)/\(id)").status == 204)
            for method in ["GET", "DELETE"] {
                #expect(try await john.send(method, "\(path)/\(id)").status == 404)
            }
            #expect(try await john.send("PUT", "\(path)/\(id)", "{}").status == 404)
            for id in ["0", "-1", "+1", "01", "x", "9223372036854775808"] {
                #expect(try await john.send("GET", "\(path)/\(id)").status == 404)
            }
        }
    }

    private static let validationCases: [(String, String)] = [
        (#"{"condition_type":"event","field":"no_such","operator":"equals","value":"1"}"#, "field"),
        (#"{"condition_type":"event","field":"agent_id","operator":"like","value":"1"}"#, "operator"),
        (#"{"condition_type":"event","field":"agent_id","operator":"gt","value":"many"}"#, "value"),
        (#"{"condition_type":"event","field":"score","operator":"gt","value":"5"}"#, "field"),
        (#"{"condition_type":"event","field":"agent_id","operator":"equals","value":""}"#, "value"),
        (#"{"condition_type":"event","field":"agent_id","operator":"equals"}"#, "value"),
        (#"{"condition_type":"event","field":"owner","operator":"matches","value":"("}"#, "operator"),
        (#"{"condition_type":"telepathy","field":"agent_id","operator":"equals","value":"1"}"#, "condition_type"),
        (#"{"field":"agent_id","operator":"equals","value":"1"}"#, "condition_type"),
        (#"{"condition_type":"event","operator":"equals","value":"1"}"#, "field"),
        (#"{"condition_type":"event","field":"agent_id","operator":"equals","value":"1","vlaue":"2"}"#, "vlaue"),
        (#"{"condition_type":"event","field":"agent_id","operator":"equals","value":"1","config":[]}"#, "config"),
        (
            #"{"condition_type":"event","field":"agent_id","operator":"equals","value":"1","config":{"x":1}}"#,
            "config.x"
        ),
    ]

    @Test("are refused when the field, the operator or the value does not fit")
    func validation() async throws {
        try await RunningAPI.run { api in
            let alice = try await api.register("alice")
            let trigger = try await alice.trigger()
            for (body, field) in Self.validationCases {
                let answer = try await alice.send("POST", "/triggers/\(trigger)/conditions", body)
                #expect(answer.status == 400, "\(answer.text)")
                #expect(answer.code == "VALIDATION_ERROR")
                #expect(answer.fields == [field], "\(answer.text)")
            }
        }
    }

    @Test("are checked as a set at every change")
    func wholeSet() async throws {
        try await RunningAPI.run { api in
            let alice = try await api.register("alice")
            let trigger = try await alice.trigger(
                #","conditions":[{"condition_type":"event","field":"event_type","operator":"equals","value":"Registered"}]"#
            )
            let path = "/triggers/\(trigger)/conditions"
            // Registered has no metadata key.
            let misfit = try await alice.send(
                "POST", path,
                #"{"condition_type":"event","field":"metadata_key","operator":"equals","value":"x"}"#)
            #expect(misfit.status == 400)
            #expect(misfit.fields == ["field"])
            // The reputation registry emits no Registered.
            let moved = try await alice.send("PUT", "/triggers/\(trigger)", #"{"registry":"reputation"}"#)
            #expect(moved.status == 400)
            #expect(moved.fields == ["conditions"])
            let same = try await alice.send("GET", "/triggers/\(trigger)")
            #expect(same.data["registry"] == .string("identity"))
            #expect(same.data["conditions"]?.elements.count == 1)
        }
    }

    @Test("go by the aliases of the older service, and groups need no field")
    func aliases() async throws {
        try await RunningAPI.run { api in
            let alice = try await api.register("alice")
            let trigger = try await alice.trigger()
            let path = "/triggers/\(trigger)/conditions"
            let alias = try await alice.send("POST", path, #"{"condition_type":"agent_id_equals","value":"42"}"#)
            #expect(alias.status == 201)
            #expect(alias.data["condition_type"] == .string("agent_id_equals"))
            #expect(alias.data["field"] == .string("agent_id"))
            let group = try await alice.send(
                "POST", path,
                #"{"condition_type":"group","config":{"not":{"field":"agent_id","operator":"in","value":["7","8"]}}}"#)
            #expect(group.status == 201, "\(group.text)")
        }
    }

    @Test("of one trigger change one after the other")
    func concurrency() async throws {
        try await RunningAPI.run { api in
            let alice = try await api.register("alice")
            let trigger = try await alice.trigger()
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<20 {
                    group.addTask {
                        try await alice.send(
                            "POST", "/triggers/\(trigger)/conditions",
                            #"{"condition_type":"event","field":"agent_id","operator":"not_equals","value":"\#(number)"}"#
                        ).status
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(statuses == Array(repeating: 201, count: 20))
            let list = try await alice.send("GET", "/triggers/\(trigger)/conditions")
            #expect(Set(list.data.elements.compactMap { $0["value"]?.string }).count == 20)
        }
    }
}
