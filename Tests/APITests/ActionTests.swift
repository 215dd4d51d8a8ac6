import API
import Domain
import Foundation
import HTTPClient
import Signatures
import Storage
import Templates
import TestSupport
import Testing

@Suite("Actions", .freshDatabase)
struct ActionTests {
    private static let telegram = """
        {"action_type": "telegram", "priority": 0,
         "config": {"chat_id": "123456789", "message_template": "New agent minted: {{agent_id}}"}}
        """

    @Test("are created, listed, read, updated and deleted as document 003 shows")
    func examples() async throws {
        try await RunningAPI.run { api in
            let john = try await api.register()
            let trigger = try await john.trigger()
            let path = "/triggers/\(trigger)/actions"
            let created = try await john.send("POST", path, Self.telegram)
            #expect(created.status == 201)
            #expect(created.data["trigger_id"] == .string(trigger))
            #expect(created.data["priority"] == .number(0))
            guard case .number(let id)? = created.data["id"] else { throw UnexpectedAnswer(text: created.text) }
            #expect(try await john.send("GET", path).json == .object(["data": .array([created.data])]))
            #expect(try await john.send("GET", "\(path)/\(id)").data == created.data)

            let updated = try await john.send(
                "PUT", "\(path)/\(id)",
                """
                {"priority": 1, "config": {"chat_id": "987654321",
                 "message_template": "Agent minted: {{agent_id}} on chain {{chain_id}}"}}
                """)
            #expect(updated.status == 200)
            #expect(updated.data["priority"] == .number(1))
            #expect(
                updated.data["config"]
                    == .object([
                        "chat_id": .string("987654321"),
                        "message_template": .string("Agent minted: {{agent_id}} on chain {{chain_id}}"),
                    ]))
            #expect(updated.data["created_at"] == created.data["created_at"])
            let moved = try await john.send("PATCH", "\(path)/\(id)", #"{"priority": -3}"#)
            #expect(moved.data["priority"] == .number(-3))
            #expect(moved.data["config"] == updated.data["config"])

            #expect(try await john.send("DELETE", "\(path)/\(id)").status == 204)
            for method in ["GET", "DELETE"] {
                #expect(try await john.send(method, "\(path)/\(id)").status == 404)
            }
            #expect(try await john.send("PUT", "\(path)/\(id)", "{}").status == 404)
        }
    }

    @Test("get a new version when what they send changes, and when the trigger is renamed")
    func versions() async throws {
        try await RunningAPI.run { api in
            let alice = try await api.register("alice")
            let trigger = try await alice.trigger(#","actions":[\#(Self.telegram)]"#)
            let list = try await alice.send("GET", "/triggers/\(trigger)/actions")
            guard case .number(let id)? = list.data.elements.first?["id"] else {
                throw UnexpectedAnswer(text: list.text)
            }
            let path = "/triggers/\(trigger)/actions/\(id)"
            _ = try await alice.send("PUT", path, #"{"priority": 7}"#)
            _ = try await alice.send("PUT", path, #"{"config": {"chat_id": 5, "message_template": "x"}}"#)
            _ = try await alice.send("PUT", "/triggers/\(trigger)", #"{"name": "Renamed"}"#)
            _ = try await alice.send("PUT", "/triggers/\(trigger)", #"{"enabled": false}"#)
            _ = try await alice.send("DELETE", path)
            let rows = try await api.database.database.query(ActionVersionRows())
            #expect(rows.map(\.version) == [1, 2, 3])
            #expect(rows.map(\.name) == ["High Value Identity Mints", "High Value Identity Mints", "Renamed"])
            #expect(rows[1].config == rows[2].config)
            // Chats 123456789 and 5.
            #expect(try await api.database.database.query(CountRows(table: .destinations)) == [2])
        }
    }

    @Test("keep secrets sealed and masked, also over updates")
    func secrets() async throws {
        try await RunningAPI.run { api in
            let alice = try await api.register("alice")
            let trigger = try await alice.trigger()
            let path = "/triggers/\(trigger)/actions"
            let created = try await alice.send(
                "POST", path,
                """
                {"action_type": "rest", "config": {"url": "https://hooks.example.com/in",
                 "headers": {"Authorization": "Bearer a-very-secret-token"}}}
                """)
            #expect(created.status == 201, "\(created.text)")
            let secret = try #require(created.data["config"]?["secret"]?.string)
            #expect(secret.hasPrefix("whsec_"))
            #expect(!created.text.contains("very-secret"))
            guard case .number(let id)? = created.data["id"] else { throw UnexpectedAnswer(text: created.text) }
            let masked = try await alice.send("GET", "\(path)/\(id)")
            let config = try #require(masked.data["config"])
            #expect(config["secret"] == .string("••••" + secret.suffix(4)))

            // Sent back as it was read, with another URL: the secrets stay.
            guard case .object(var members) = config else { throw UnexpectedAnswer(text: masked.text) }
            members["url"] = .string("https://hooks.example.com/other")
            let updated = try await alice.send("PUT", "\(path)/\(id)", #"{"config": \#(JSON.object(members).text)}"#)
            #expect(updated.status == 200, "\(updated.text)")
            #expect(updated.data["config"]?["secret"] == config["secret"])
            // Left out: the signing secret stays too, or every receiver would break.
            let short = try await alice.send(
                "PUT", "\(path)/\(id)", #"{"config": {"url": "https://hooks.example.com/third"}}"#)
            #expect(short.data["config"]?["secret"] == config["secret"])
            let wrong = try await alice.send(
                "PUT", "\(path)/\(id)", #"{"config": {"url": "https://hooks.example.com/", "secret": "••••zzzz"}}"#)
            #expect(wrong.status == 400)
            #expect(wrong.fields == ["config.secret"])

            let box = try SecretBox(keys: [[UInt8](repeating: 7, count: 32)])
            let rows = try await api.database.database.query(ActionVersionRows())
            #expect(rows.count == 3)
            for row in rows {
                #expect(!row.config.contains(secret))
                #expect(!row.config.contains("very-secret"))
                let opened = try box.open(try #require(row.secrets), context: ActionSecrets.context)
                #expect(ActionSecrets.decode(opened)?["secret"] == secret)
            }
        }
    }

    private static let validationCases: [(String, String)] = [
        (#"{"action_type":"fax","config":{}}"#, "action_type"),
        (#"{"config":{}}"#, "action_type"),
        (#"{"action_type":"telegram"}"#, "config"),
        (#"{"action_type":"telegram","config":[]}"#, "config"),
        (#"{"action_type":"telegram","config":{"message_template":"x"}}"#, "config.chat_id"),
        (
            #"{"action_type":"telegram","config":{"chat_id":"1","message_template":"{{nobody}}"}}"#,
            "config.message_template"
        ),
        (#"{"action_type":"telegram","priority":"high","config":{"chat_id":"1"}}"#, "priority"),
        (#"{"action_type":"telegram","priority":2147483648,"config":{"chat_id":"1"}}"#, "priority"),
        (#"{"action_type":"telegram","config":{"chat_id":"1"},"enabled":true}"#, "enabled"),
        (#"{"action_type":"rest","config":{"url":"https://127.0.0.1/"}}"#, "config.url"),
        (#"{"action_type":"rest","config":{"url":"https://[::1]/"}}"#, "config.url"),
        (#"{"action_type":"rest","config":{"url":"https://169.254.169.254/latest"}}"#, "config.url"),
        (#"{"action_type":"rest","config":{"url":"file:///etc/passwd"}}"#, "config.url"),
        (
            #"{"action_type":"mcp","config":{"server_url":"https://10.0.0.1/","tool_name":"t"}}"#,
            "config.server_url"
        ),
        (#"{"action_type":"mcp","config":{"server_url":"https://mcp.example.com/"}}"#, "config.tool_name"),
    ]

    @Test("are refused where they cannot work")
    func validation() async throws {
        try await RunningAPI.run { api in
            let alice = try await api.register("alice")
            let trigger = try await alice.trigger()
            for (body, field) in Self.validationCases {
                let answer = try await alice.send("POST", "/triggers/\(trigger)/actions", body)
                #expect(answer.status == 400, "\(answer.text)")
                #expect(answer.fields == [field], "\(answer.text)")
            }
        }
    }

    @Test("for Telegram need a bot: the server's or their own")
    func telegramWithoutBot() async throws {
        try await RunningAPI.run({ $0.hasTelegramToken = false }) { api in
            let alice = try await api.register("alice")
            let trigger = try await alice.trigger()
            let path = "/triggers/\(trigger)/actions"
            let refused = try await alice.send("POST", path, Self.telegram)
            #expect(refused.status == 400)
            #expect(refused.fields == ["config.bot_token"])
            #expect(refused.issues.first?.issue.contains("TELEGRAM_BOT_TOKEN") == true)
            let own = try await alice.send(
                "POST", path,
                """
                {"action_type": "telegram", "config": {"chat_id": "1",
                 "bot_token": "123456:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}}
                """)
            #expect(own.status == 201, "\(own.text)")
            #expect(own.data["config"]?["bot_token"] == .string("••••AAAA"))
        }
    }

    @Test("are at most 20 on one trigger")
    func count() async throws {
        try await RunningAPI.run { api in
            let alice = try await api.register("alice")
            let many = Array(repeating: Self.telegram, count: 20).joined(separator: ",")
            let trigger = try await alice.trigger(#","actions":[\#(many)]"#)
            let answer = try await alice.send("POST", "/triggers/\(trigger)/actions", Self.telegram)
            #expect(answer.status == 400)
            #expect(answer.fields == ["actions"])
        }
    }

    @Test("of many triggers share one new destination, made once")
    func destinations() async throws {
        try await RunningAPI.run { api in
            let alice = try await api.register("alice")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<16 {
                    group.addTask { _ = try await alice.trigger(#","actions":[\#(Self.telegram),\#(Self.telegram)]"#) }
                }
                try await group.waitForAll()
            }
            #expect(try await api.database.database.query(CountRows(table: .destinations)) == [1])
            #expect(try await api.database.database.query(CountRows(table: .actionVersions)) == [32])
        }
    }
}
