import Domain
import Foundation
import HTTPClient
import Storage
import TestSupport
import Testing

@Suite("Triggers", .freshDatabase)
struct TriggerTests {
    @Test("are created, listed, read, updated and deleted as document 003 shows")
    func examples() async throws {
        try await RunningAPI.run { api in
            let john = try await api.register()
            let created = try await john.send(
                "POST", "/triggers",
                """
                {"name": "High Value Identity Mints", "description": "Alert when identity NFTs are minted",
                 "organization_id": "\(john.organizationID)", "chain_id": 1, "registry": "identity",
                 "enabled": true, "is_stateful": false}
                """)
            #expect(created.status == 201)
            let trigger = created.data
            let id = try #require(trigger["id"]?.string)
            #expect(trigger["user_id"] == .string(john.userID))
            #expect(trigger["organization_id"] == .string(john.organizationID))
            #expect(trigger["name"] == .string("High Value Identity Mints"))
            #expect(trigger["description"] == .string("Alert when identity NFTs are minted"))
            #expect(trigger["chain_id"] == .number(1))
            #expect(trigger["registry"] == .string("identity"))
            #expect(trigger["enabled"] == .boolean(true))
            #expect(trigger["is_stateful"] == .boolean(false))
            #expect(trigger["created_at"] == trigger["updated_at"])
            #expect(
                trigger.keys == [
                    "id", "user_id", "organization_id", "name", "description", "chain_id", "registry", "enabled",
                    "is_stateful", "created_at", "updated_at", "finality", "mode", "notify_retractions",
                ])
            #expect(trigger["finality"] == .string("latest"))
            #expect(trigger["mode"] == .string("live"))
            #expect(trigger["notify_retractions"] == .boolean(true))

            let list = try await john.send("GET", "/triggers?limit=20&offset=0")
            #expect(list.status == 200)
            #expect(list.data.elements == [trigger])
            let page = try #require(list.json["pagination"])
            #expect(
                page
                    == .object([
                        "total": .number(1), "limit": .number(20), "offset": .number(0), "has_more": .boolean(false),
                    ]))

            let details = try await john.send("GET", "/triggers/\(id)")
            #expect(details.data["conditions"] == .array([]))
            #expect(details.data["actions"] == .array([]))

            let updated = try await john.send(
                "PUT", "/triggers/\(id)", #"{"name": "Updated Trigger Name", "enabled": false}"#)
            #expect(updated.status == 200)
            #expect(updated.data["name"] == .string("Updated Trigger Name"))
            #expect(updated.data["enabled"] == .boolean(false))
            #expect(updated.data["description"] == .string("Alert when identity NFTs are minted"))
            let everywhere = try await john.send("PATCH", "/triggers/\(id)", #"{"chain_id": null, "finality": "safe"}"#)
            #expect(everywhere.data["chain_id"] == .null)
            #expect(everywhere.data["finality"] == .string("safe"))
            #expect(everywhere.data["name"] == .string("Updated Trigger Name"))

            let same = try await john.send("PUT", "/triggers/\(id)", #"{"organization_id": "\#(john.organizationID)"}"#)
            #expect(same.status == 200)
            for (name, value) in [("organization_id", "\"\(john.userID)\""), ("conditions", "[]"), ("id", "1")] {
                let refused = try await john.send("PUT", "/triggers/\(id)", #"{"\#(name)": \#(value)}"#)
                #expect(refused.status == 400)
                #expect(refused.fields == [name])
            }

            let deleted = try await john.send("DELETE", "/triggers/\(id)")
            #expect(deleted.status == 204)
            #expect(deleted.text.isEmpty)
            for method in ["GET", "DELETE"] {
                #expect(try await john.send(method, "/triggers/\(id)").status == 404)
            }
            #expect(try await john.send("PUT", "/triggers/\(id)", "{}").status == 404)
        }
    }

    @Test("serve document 003's complete workflow")
    func workflow() async throws {
        try await RunningAPI.run { api in
            let alice = try await api.register("alice")
            let trigger = try await alice.send(
                "POST", "/triggers",
                #"{"name": "Identity Mints Monitor", "description": "Track identity NFT mints", "chain_id": 1, "registry": "identity", "enabled": true}"#
            )
            #expect(trigger.status == 201)
            let id = try #require(trigger.data["id"]?.string)
            let condition = try await alice.send(
                "POST", "/triggers/\(id)/conditions",
                #"{"condition_type": "event", "field": "event_type", "operator": "equals", "value": "AgentMinted", "config": {"case_sensitive": false}}"#
            )
            #expect(condition.status == 201)
            #expect(
                condition.data.keys == [
                    "id", "trigger_id", "condition_type", "field", "operator", "value", "config", "created_at",
                ])
            #expect(condition.data["value"] == .string("AgentMinted"))
            #expect(condition.data["config"] == .object(["case_sensitive": .boolean(false)]))
            let action = try await alice.send(
                "POST", "/triggers/\(id)/actions",
                #"{"action_type": "telegram", "priority": 0, "config": {"chat_id": "123456789", "message_template": "Agent {{agent_id}} minted!"}}"#
            )
            #expect(action.status == 201)
            #expect(action.data.keys == ["id", "trigger_id", "action_type", "priority", "config", "created_at"])
            #expect(
                action.data["config"]
                    == .object([
                        "chat_id": .string("123456789"), "message_template": .string("Agent {{agent_id}} minted!"),
                    ]))
            let details = try await alice.send("GET", "/triggers/\(id)")
            #expect(details.data["conditions"] == .array([condition.data]))
            #expect(details.data["actions"] == .array([action.data]))
        }
    }

    @Test("come whole in one call, and all problems of all parts in one answer")
    func inline() async throws {
        try await RunningAPI.run { api in
            let alice = try await api.register("alice")
            let body = """
                {"name": "Good feedback", "chain_id": null, "registry": "reputation",
                 "conditions": [
                    {"condition_type": "event", "field": "event_type", "operator": "equals", "value": "NewFeedback"},
                    {"condition_type": "event", "field": "score", "operator": "gte", "value": 80},
                    {"condition_type": "group", "config": {"any": [
                        {"field": "tag1", "operator": "equals", "value": "quality"},
                        {"field": "tag2", "operator": "exists"}]}}],
                 "actions": [
                    {"action_type": "telegram", "config": {"chat_id": -100123, "message_template": "{{score}}"}},
                    {"action_type": "rest", "priority": 5, "config": {"url": "https://hooks.example.com/in"}},
                    {"action_type": "mcp", "config": {"server_url": "https://mcp.example.com/", "tool_name": "notify",
                        "auth_token": "a-secret-token-1234"}}]}
                """
            let created = try await alice.send("POST", "/triggers", body)
            #expect(created.status == 201, "\(created.text)")
            #expect(created.data["chain_id"] == .null)
            let conditions = try #require(created.data["conditions"]).elements
            #expect(conditions.map { $0["condition_type"] } == ["event", "event", "group"].map { .string($0) })
            #expect(conditions[1]["value"] == .number(80))
            let actions = try #require(created.data["actions"]).elements
            #expect(actions.map { $0["action_type"] } == ["telegram", "rest", "mcp"].map { .string($0) })
            let secret = try #require(actions[1]["config"]?["secret"]?.string)
            #expect(secret.wholeMatch(of: /whsec_[A-Za-z0-9+\/]{43}=/) != nil)
            #expect(actions[2]["config"]?["auth_token"] == .string("••••1234"))

            let id = try #require(created.data["id"]?.string)
            let read = try await alice.send("GET", "/triggers/\(id)")
            let stored = try #require(read.data["actions"]).elements
            // By priority: the webhook's 5 comes last.
            #expect(stored.map { $0["action_type"] } == ["telegram", "mcp", "rest"].map { .string($0) })
            #expect(stored[2]["config"]?["secret"] == .string("••••" + secret.suffix(4)))
            #expect(!read.text.contains(secret))
            #expect(try #require(read.data["conditions"]).elements == conditions)

            let bad = try await alice.send(
                "POST", "/triggers",
                """
                {"name": "", "registry": "other", "colour": 1,
                 "conditions": [
                    {"condition_type": "event", "field": "event_type", "operator": "equals", "valeu": "NewFeedback"},
                    {"field": "score", "operator": "gte", "value": 80}],
                 "actions": [{"action_type": "rest", "config": {"url": "ftp://example.com", "methd": "POST"}}]}
                """)
            #expect(bad.status == 400)
            #expect(
                Set(bad.fields).isSuperset(of: [
                    "name", "registry", "chain_id", "colour", "conditions[0].valeu", "conditions[1].condition_type",
                    "actions[0].config.url", "actions[0].config.methd",
                ]), "\(bad.text)")
            let count = try await alice.send("GET", "/triggers")
            #expect(count.json["pagination"]?["total"] == .number(1))
        }
    }

    private static let validationCases: [(String, String)] = [
        (#"{"chain_id":1,"registry":"identity"}"#, "name"),
        (#"{"name":null,"chain_id":1,"registry":"identity"}"#, "name"),
        (#"{"name":5,"chain_id":1,"registry":"identity"}"#, "name"),
        (#"{"name":"a\u0000b","chain_id":1,"registry":"identity"}"#, "name"),
        (#"{"name":"n","chain_id":0,"registry":"identity"}"#, "chain_id"),
        (#"{"name":"n","chain_id":1.5,"registry":"identity"}"#, "chain_id"),
        (#"{"name":"n","chain_id":"1","registry":"identity"}"#, "chain_id"),
        (#"{"name":"n","chain_id":9223372036854775808,"registry":"identity"}"#, "chain_id"),
        (#"{"name":"n","registry":"identity"}"#, "chain_id"),
        (#"{"name":"n","chain_id":1,"registry":"Identity"}"#, "registry"),
        (#"{"name":"n","chain_id":1}"#, "registry"),
        (#"{"name":"n","chain_id":1,"registry":"any","enabled":"yes"}"#, "enabled"),
        (#"{"name":"n","chain_id":1,"registry":"any","is_stateful":1}"#, "is_stateful"),
        (#"{"name":"n","chain_id":1,"registry":"any","finality":"sure"}"#, "finality"),
        (#"{"name":"n","chain_id":1,"registry":"any","mode":"off"}"#, "mode"),
        (#"{"name":"n","chain_id":1,"registry":"any","cooldown_seconds":60}"#, "cooldown_seconds"),
        (#"{"name":"n","chain_id":1,"registry":"any","schedule":{}}"#, "schedule"),
        (#"{"name":"n","chain_id":1,"registry":"any","organization_id":"x"}"#, "organization_id"),
        (#"{"name":"n","chain_id":1,"registry":"any","conditions":{}}"#, "conditions"),
        (#"{"name":"n","chain_id":1,"registry":"any","actions":[1]}"#, "actions[0]"),
    ]

    @Test("refuse what is out of range, unknown or not there yet")
    func validation() async throws {
        try await RunningAPI.run { api in
            let alice = try await api.register("alice")
            for (body, field) in Self.validationCases {
                let answer = try await alice.send("POST", "/triggers", body)
                #expect(answer.status == 400, "\(answer.text)")
                #expect(answer.code == "VALIDATION_ERROR")
                #expect(answer.fields == [field], "\(answer.text)")
            }
        }
    }

    @Test("take names of 255 and descriptions of 1000 characters, and no more")
    func lengths() async throws {
        try await RunningAPI.run { api in
            let alice = try await api.register("alice")
            for (name, description, status) in [(255, 1000, 201), (256, 0, 400), (1, 1001, 400)] {
                let answer = try await alice.send(
                    "POST", "/triggers",
                    """
                    {"name":"\(String(repeating: "é", count: name))","chain_id":1,"registry":"any",
                     "description":"\(String(repeating: "ü", count: description))"}
                    """)
                #expect(answer.status == status)
            }
        }
    }

    @Test("are paged, newest first")
    func paging() async throws {
        try await RunningAPI.run { api in
            let alice = try await api.register("alice")
            var ids: [String] = []
            for _ in 0..<5 { ids.insert(try await alice.trigger(), at: 0) }
            var seen: [String] = []
            for offset in [0, 2, 4] {
                let page = try await alice.send("GET", "/triggers?limit=2&offset=\(offset)")
                seen += page.data.elements.compactMap { $0["id"]?.string }
                #expect(page.json["pagination"]?["total"] == .number(5))
                #expect(page.json["pagination"]?["has_more"] == .boolean(offset < 4))
            }
            #expect(seen == ids)
            let beyond = try await alice.send("GET", "/triggers?offset=99")
            #expect(beyond.data == .array([]))
            #expect(beyond.json["pagination"]?["total"] == .number(5))
            for query in ["limit=0", "limit=101", "limit=x", "offset=-1", "limit=1&limit=2", "colour=red"] {
                let answer = try await alice.send("GET", "/triggers?\(query)")
                #expect(answer.status == 400, "\(query)")
            }
        }
    }

    @Test("tell the engines of every change, by a row and a notification")
    func announcements() async throws {
        try await RunningAPI.run { api in
            let alice = try await api.register("alice")
            let heard = Signal()
            let stream = api.database.database.listen(["tocsin_triggers"])
            let listening = Signal()
            let task = Task {
                for await notification in stream {
                    if notification == .reconnected { listening.fire() } else { heard.fire() }
                }
            }
            defer { task.cancel() }
            try await within(.seconds(20)) { try await listening.wait() }
            let id = try await alice.trigger()
            try await within(.seconds(20)) { try await heard.wait(times: 1) }
            _ = try await alice.send("PUT", "/triggers/\(id)", #"{"enabled":false}"#)
            try await within(.seconds(20)) { try await heard.wait(times: 2) }
            _ = try await alice.send("DELETE", "/triggers/\(id)")
            try await within(.seconds(20)) { try await heard.wait(times: 3) }
            let changes = try await api.database.database.query(CountRows(table: .triggerChanges))
            #expect(changes == [3])
        }
    }
}
