import Domain
import Foundation
import HTTPClient
import Storage
import TestSupport
import Testing

@Suite("Accounts", .freshDatabase)
struct AccountTests {
    @Test("registers and logs in as document 003 shows")
    func examples() async throws {
        try await RunningAPI.run { api in
            let registered = try await api.send(
                "POST", "/api/v1/auth/register",
                #"{"username": "john_doe", "email": "john@example.com", "password": "secure_password_123"}"#)
            #expect(registered.status == 201)
            #expect(registered.json.keys == ["token", "user"])
            let user = try #require(registered.json["user"])
            #expect(user.keys == ["id", "username", "email", "created_at", "last_login_at", "is_active"])
            #expect(user["username"] == .string("john_doe"))
            #expect(user["email"] == .string("john@example.com"))
            #expect(user["last_login_at"] == .null)
            #expect(user["is_active"] == .boolean(true))
            #expect(user["id"]?.string.flatMap(UUID.init(uuidString:)) != nil)
            let time = try #require(user["created_at"]?.string)
            #expect(time.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/) != nil)

            for name in ["john_doe", "John_Doe", "john@example.com", "JOHN@example.com"] {
                let login = try await api.send(
                    "POST", "/api/v1/auth/login",
                    #"{"username_or_email": "\#(name)", "password": "secure_password_123"}"#)
                #expect(login.status == 200)
                #expect(login.json["user"]?["id"] == user["id"])
                #expect(login.json["user"]?["last_login_at"] != .null)
                let token = try #require(login.json["token"]?.string)
                let me = try await api.send("GET", "/api/v1/users/me", token: token)
                #expect(me.status == 200)
                #expect(me.data["username"] == .string("john_doe"))
            }
        }
    }

    @Test("makes a personal organization with a slug of its own")
    func personalOrganization() async throws {
        try await RunningAPI.run { api in
            // Three names with one slug.
            for name in ["jane.doe", "jane-doe", "Jane Doe"] {
                let answer = try await api.send(
                    "POST", "/api/v1/auth/register",
                    #"{"username":"\#(name)","email":"\#(UUID().uuidString)@example.com","password":"12345678"}"#)
                #expect(answer.status == 201)
                let token = try #require(answer.json["token"]?.string)
                let list = try await api.send("GET", "/api/v1/organizations", token: token)
                #expect(list.json["pagination"]?["total"] == .number(1))
                let first = try #require(list.data.elements.first)
                #expect(first["my_role"] == .string("owner"))
                let organization = try #require(first["organization"])
                #expect(
                    organization.keys == [
                        "id", "name", "slug", "description", "is_personal", "created_at", "updated_at",
                    ])
                #expect(organization["is_personal"] == .boolean(true))
                #expect(organization["slug"]?.string?.hasPrefix("jane-doe") == true)
                let id = try #require(organization["id"]?.string)
                let one = try await api.send("GET", "/api/v1/organizations/\(id)", token: token)
                #expect(one.data["organization"] == organization)
            }
        }
    }

    @Test("refuses what is taken, by either name and in any case")
    func conflicts() async throws {
        try await RunningAPI.run { api in
            _ = try await api.register("alice")
            for (name, email, field) in [
                ("ALICE", "other@example.com", "username"), ("other", "Alice@Example.com", "email"),
            ] {
                let answer = try await api.send(
                    "POST", "/api/v1/auth/register",
                    #"{"username":"\#(name)","email":"\#(email)","password":"secure_pass_123"}"#)
                #expect(answer.status == 409)
                #expect(answer.code == "CONFLICT")
                #expect(answer.fields == [field])
            }
        }
    }

    @Test("lets one of 64 concurrent registrations of a name win")
    func race() async throws {
        try await RunningAPI.run { api in
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<64 {
                    group.addTask {
                        // 503 says to ask again, as a machine under load does.
                        while true {
                            let status = try await api.send(
                                "POST", "/api/v1/auth/register",
                                #"{"username":"wanted","email":"u\#(number)@example.com","password":"secure_pass_123"}"#
                            ).status
                            if status != 503 { return status }
                        }
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(statuses.count { $0 == 201 } == 1)
            #expect(statuses.count { $0 == 409 } == 63, "\(statuses)")
        }
    }

    @Test("names every failing field at once")
    func validation() async throws {
        try await RunningAPI.run { api in
            let bad = try await api.send(
                "POST", "/api/v1/auth/register", #"{"username":"ab","email":"nobody","password":"short","extra":1}"#)
            #expect(bad.status == 400)
            #expect(bad.code == "VALIDATION_ERROR")
            #expect(Set(bad.fields) == ["username", "email", "password", "extra"])
            let empty = try await api.send("POST", "/api/v1/auth/register", "{}")
            #expect(Set(empty.fields) == ["username", "email", "password"])
            let login = try await api.send("POST", "/api/v1/auth/login", #"{"username_or_email":5}"#)
            #expect(login.status == 400)
            #expect(Set(login.fields) == ["username_or_email", "password"])
        }
    }

    private static let limitsCases: [(Int, Int, Int)] = [
        (3, 8, 201), (50, 100, 201), (2, 8, 400), (51, 8, 400), (3, 7, 400), (3, 101, 400),
    ]

    @Test("keeps document 003's limits to the character")
    func limits() async throws {
        try await RunningAPI.run { api in
            for (name, password, status) in Self.limitsCases {
                let answer = try await api.send(
                    "POST", "/api/v1/auth/register",
                    """
                    {"username":"\(String(repeating: "a", count: name))","email":"u\(name)-\(password)@example.com",
                     "password":"\(String(repeating: "ä", count: password))"}
                    """)
                #expect(answer.status == status, "\(name), \(password)")
            }
        }
    }

    private static let namesCases: [String] = [
        "a@b.co", " alice", "alice ", "ali\\u0000ce", "ali\\u202ece", "ali\\nce", "ali\\u200bce",
    ]

    @Test("refuses names that pass for others")
    func names() async throws {
        try await RunningAPI.run { api in
            for name in Self.namesCases {
                let answer = try await api.send(
                    "POST", "/api/v1/auth/register",
                    #"{"username":"\#(name)","email":"a@example.com","password":"secure_pass_123"}"#)
                #expect(answer.status == 400, "\(name)")
                #expect(answer.fields == ["username"], "\(name)")
            }
        }
    }

    @Test("answers the same to a wrong password and to an unknown name")
    func wrongPassword() async throws {
        try await RunningAPI.run { api in
            _ = try await api.register("alice")
            for name in ["alice", "nobody", "nobody@example.com"] {
                let answer = try await api.send(
                    "POST", "/api/v1/auth/login", #"{"username_or_email":"\#(name)","password":"wrong_password"}"#)
                #expect(answer.status == 401)
                #expect(answer.code == "INVALID_CREDENTIALS")
            }
        }
    }

    @Test("shuts a disabled account out")
    func disabled() async throws {
        try await RunningAPI.run { api in
            let alice = try await api.register("alice")
            try await api.database.run("UPDATE users SET is_active = false")
            let login = try await api.send(
                "POST", "/api/v1/auth/login", #"{"username_or_email":"alice","password":"secure_password_123"}"#)
            #expect(login.status == 403)
            #expect(login.code == "ACCOUNT_DISABLED")
            let wrong = try await api.send(
                "POST", "/api/v1/auth/login", #"{"username_or_email":"alice","password":"wrong_password_1"}"#)
            #expect(wrong.status == 401)
            // The token dies too, as soon as the account's state is looked at again: within a second.
            try await within(.seconds(10)) {
                while try await alice.send("GET", "/triggers").status != 403 {}
            }
            try await api.database.run("DELETE FROM organizations; DELETE FROM users")
            try await within(.seconds(10)) {
                while try await alice.send("GET", "/triggers").status != 401 {}
            }
        }
    }

    @Test("stores passwords as Argon2id hashes alone")
    func storage() async throws {
        try await RunningAPI.run { api in
            _ = try await api.register("alice")
            let hashes = try await api.database.database.query(PasswordHashes())
            #expect(hashes.count == 1)
            #expect(hashes.allSatisfy { $0.hasPrefix("$argon2id$v=19$m=19456,t=2,p=1$") })
        }
    }
}
