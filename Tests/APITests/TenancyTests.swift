import Domain
import Foundation
import HTTPClient
import TestSupport
import Testing

@Suite("Tenancy", .freshDatabase)
struct TenancyTests {
    private static let action = #"{"action_type":"telegram","config":{"chat_id":"1"}}"#
    private static let condition = #"{"condition_type":"event","field":"agent_id","operator":"equals","value":"1"}"#

    /// Every route that names a trigger, with a body that would be accepted.
    private static func routes(_ trigger: String, condition: String, action: String) -> [(String, String, String?)] {
        let path = "/triggers/\(trigger)"
        return [
            ("GET", path, nil), ("PUT", path, "{}"), ("PATCH", path, "{}"),
            ("GET", "\(path)/conditions", nil), ("POST", "\(path)/conditions", Self.condition),
            ("GET", "\(path)/conditions/\(condition)", nil), ("PUT", "\(path)/conditions/\(condition)", "{}"),
            ("GET", "\(path)/actions", nil), ("POST", "\(path)/actions", Self.action),
            ("GET", "\(path)/actions/\(action)", nil), ("PUT", "\(path)/actions/\(action)", "{}"),
            ("DELETE", "\(path)/conditions/\(condition)", nil), ("DELETE", "\(path)/actions/\(action)", nil),
            ("DELETE", path, nil),
        ]
    }

    private static func resources(of caller: Caller) async throws -> (String, String, String) {
        let trigger = try await caller.trigger(#","conditions":[\#(condition)],"actions":[\#(action)]"#)
        let details = try await caller.send("GET", "/triggers/\(trigger)")
        guard case .number(let condition)? = details.data["conditions"]?.elements.first?["id"],
            case .number(let action)? = details.data["actions"]?.elements.first?["id"]
        else { throw UnexpectedAnswer(text: details.text) }
        return (trigger, "\(condition)", "\(action)")
    }

    @Test("hides what belongs to others: 404 on every route, and nothing changes")
    func foreign() async throws {
        try await RunningAPI.run { api in
            let alice = try await api.register("alice")
            let mallory = try await api.register("mallory")
            let (trigger, condition, action) = try await Self.resources(of: alice)
            let before = try await alice.send("GET", "/triggers/\(trigger)")
            for (method, path, body) in Self.routes(trigger, condition: condition, action: action) {
                let answer = try await mallory.send(method, path, body)
                #expect(answer.status == 404, "\(method) \(path)")
                #expect(answer.code == "NOT_FOUND")
            }
            #expect(try await alice.send("GET", "/triggers/\(trigger)").data == before.data)
            // Mallory's own trigger does not lend its path to Alice's children.
            let own = try await mallory.trigger()
            for (method, path, body) in [
                ("GET", "/triggers/\(own)/conditions/\(condition)", nil as String?),
                ("DELETE", "/triggers/\(own)/conditions/\(condition)", nil),
                ("PUT", "/triggers/\(own)/actions/\(action)", #"{"priority":1}"#),
                ("DELETE", "/triggers/\(own)/actions/\(action)", nil),
            ] {
                #expect(try await mallory.send(method, path, body).status == 404)
            }
            for path in ["/triggers", "/deliveries", "/agents/linked"] {
                let query = try await mallory.send("GET", "\(path)?organization_id=\(alice.organizationID)")
                #expect(query.status == 404)
                let header = try await mallory.send(
                    "GET", path, headers: ["X-Organization-ID": alice.organizationID])
                #expect(header.status == 404)
            }
            #expect(try await mallory.send("GET", "/organizations/\(alice.organizationID)").status == 404)
            let create = try await mallory.send(
                "POST", "/triggers",
                #"{"name":"n","chain_id":1,"registry":"any","organization_id":"\#(alice.organizationID)"}"#)
            #expect(create.status == 404)
            let whole = try await mallory.send(
                "POST", "/triggers",
                #"{"name":"n","chain_id":1,"registry":"any","actions":[\#(Self.action)],"organization_id":"\#(alice.organizationID)"}"#
            )
            #expect(whole.status == 404)
        }
    }

    @Test("lets viewers read and nobody but members write")
    func roles() async throws {
        try await RunningAPI.run { api in
            let alice = try await api.register("alice")
            for (name, role, canWrite) in [("vera", "viewer", false), ("mia", "member", true), ("adam", "admin", true)]
            {
                let caller = try await api.register(name)
                try await alice.admit(caller, as: role)
                let (trigger, condition, action) = try await Self.resources(of: alice)
                for (method, path, body) in Self.routes(trigger, condition: condition, action: action) {
                    let answer = try await caller.send(method, path, body)
                    if method == "GET" || canWrite {
                        #expect((200...204).contains(answer.status), "\(role) \(method) \(path) \(answer.text)")
                    } else {
                        #expect(answer.status == 403, "\(role) \(method) \(path)")
                        #expect(answer.code == "FORBIDDEN")
                    }
                }
                let actions = #","actions":[\#(Self.action)]"#
                for extra in ["", actions] {
                    let create = try await caller.send(
                        "POST", "/triggers",
                        #"{"name":"n","chain_id":1,"registry":"any","organization_id":"\#(alice.organizationID)"\#(extra)}"#
                    )
                    #expect(create.status == (canWrite ? 201 : 403))
                }
                let list = try await caller.send(
                    "GET", "/triggers", headers: ["X-Organization-ID": alice.organizationID])
                #expect(list.status == 200)
                #expect(!list.data.elements.isEmpty)
                let own = try await caller.send("GET", "/triggers")
                #expect(own.data == .array([]))
            }
        }
    }

    @Test("ends with the membership, at once")
    func removal() async throws {
        try await RunningAPI.run { api in
            let alice = try await api.register("alice")
            let mia = try await api.register("mia")
            try await alice.admit(mia, as: "admin")
            let trigger = try await alice.trigger()
            #expect(try await mia.send("GET", "/triggers/\(trigger)").status == 200)
            try await api.database.run(
                "DELETE FROM organization_members WHERE user_id = '\(mia.userID)' AND role = 'admin'")
            #expect(try await mia.send("GET", "/triggers/\(trigger)").status == 404)
        }
    }
}
