import Domain
import Foundation
import HTTPClient
import TestSupport
import Testing

@testable import API

@Suite("Tokens", .freshDatabase)
struct TokenTests {
    private static func base64URL(_ text: String) -> String {
        Data(text.utf8).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing(
            "=", with: "")
    }

    private static func parts(_ token: String) -> [String] { token.split(separator: ".").map(String.init) }

    @Test("are HS256 over user id, user name and an hour")
    func claims() async throws {
        try await RunningAPI.run { api in
            let alice = try await api.register("alice")
            let parts = Self.parts(alice.token)
            #expect(parts.count == 3)
            func decoded(_ part: String) throws -> JSON {
                let padded = part + String(repeating: "=", count: (4 - part.count % 4) % 4)
                let data = try #require(
                    Data(base64Encoded: padded.replacing("-", with: "+").replacing("_", with: "/")))
                return try JSON(parsing: data)
            }
            #expect(try decoded(parts[0])["alg"] == .string("HS256"))
            let claims = try decoded(parts[1])
            #expect(claims["sub"] == .string(alice.userID))
            #expect(claims["username"] == .string("alice"))
            guard case .number(let issued)? = claims["iat"], case .number(let expires)? = claims["exp"] else {
                throw UnexpectedAnswer(text: claims.text)
            }
            #expect(expires - issued == 3600)
        }
    }

    @Test("are refused when anything about them was changed")
    func tampering() async throws {
        try await RunningAPI.run { api in
            let alice = try await api.register("alice")
            let mallory = try await api.register("mallory")
            let own = Self.parts(alice.token)
            let other = Self.parts(mallory.token)
            let none = Self.base64URL(#"{"alg":"none","typ":"JWT"}"#)
            let hs512 = Self.base64URL(#"{"alg":"HS512","typ":"JWT"}"#)
            // The last digit of a signature has two bits to spare; another digit with the same four is no second token.
            let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
            let last = try #require(own[2].last.flatMap { digits.firstIndex(of: $0) })
            let respelt = String(own[2].dropLast()) + String(digits[last ^ 1])
            let tokens = [
                "\(none).\(own[1]).", "\(none).\(own[1]).\(own[2])", "\(hs512).\(own[1]).\(own[2])",
                "\(own[0]).\(other[1]).\(own[2])", "\(own[0]).\(own[1]).\(other[2])", "\(own[0]).\(own[1])",
                "\(own[0]).\(own[1]).\(respelt)", "\(own[0]).\(own[1]).\(own[2])=", "\(alice.token).x", "", "x", "..",
                "\(own[0]).\(own[1]).", " \(alice.token)", String(repeating: "a", count: 5000),
            ]
            for token in tokens {
                let answer = try await api.send("GET", "/api/v1/users/me", token: token)
                #expect(answer.status == 401, "\(token)")
                #expect(answer.code == "UNAUTHORIZED")
                #expect(answer.headers["WWW-Authenticate"] == "Bearer")
            }
            for value in ["Basic YWxpY2U6cGFzcw==", alice.token, "Bearer"] {
                let answer = try await api.send("GET", "/api/v1/users/me", headers: ["Authorization": value])
                #expect(answer.status == 401, "\(value)")
            }
            let lower = try await api.send(
                "GET", "/api/v1/users/me", headers: ["Authorization": "bearer \(alice.token)"])
            #expect(lower.status == 200)
        }
    }

    @Test("are refused when another secret signed them")
    func otherSecret() async throws {
        try await RunningAPI.run { api in
            let alice = try await api.register("alice")
            let account = Account(id: try #require(UserID(text: alice.userID)), username: "alice")
            let forged = try await Tokens(secret: Array("another secret of at least 32 bytes".utf8)).issue(
                to: account, at: .now)
            let right = try await Tokens(secret: RunningAPI.secret).issue(to: account, at: .now)
            #expect(try await api.send("GET", "/api/v1/users/me", token: forged).status == 401)
            #expect(try await api.send("GET", "/api/v1/users/me", token: right).status == 200)
            let stranger = Account(id: UserID(rawValue: UUID()), username: "alice")
            let unknown = try await Tokens(secret: RunningAPI.secret).issue(to: stranger, at: .now)
            #expect(try await api.send("GET", "/api/v1/users/me", token: unknown).status == 401)
        }
    }

    @Test("expire after an hour and a minute's leeway")
    func expiry() async throws {
        try await RunningAPI.run { api in
            let alice = try await api.register("alice")
            api.clock.advance(by: 3655)
            #expect(try await alice.send("GET", "/users/me").status == 200)
            api.clock.advance(by: 10)
            let expired = try await alice.send("GET", "/users/me")
            #expect(expired.status == 401)
            #expect(expired.code == "TOKEN_EXPIRED")
        }
    }

    @Test("are wanted on every route that is not open to all")
    func everyRoute() async throws {
        try await RunningAPI.run { api in
            for (method, path) in Self.routes {
                let answer = try await api.send(
                    method, "/api/v1" + path, method == "GET" || method == "DELETE" ? nil : "{}")
                #expect(answer.status == 401, "\(method) \(path)")
            }
        }
    }

    private static let routes: [(String, String)] = {
        let id = "550e8400-e29b-41d4-a716-446655440000"
        return [
            ("GET", "/users/me"), ("GET", "/organizations"), ("GET", "/organizations/\(id)"), ("POST", "/triggers"),
            ("GET", "/triggers"), ("GET", "/triggers/\(id)"), ("PUT", "/triggers/\(id)"), ("PATCH", "/triggers/\(id)"),
            ("DELETE", "/triggers/\(id)"), ("POST", "/triggers/\(id)/conditions"),
            ("GET", "/triggers/\(id)/conditions"),
            ("GET", "/triggers/\(id)/conditions/1"), ("PUT", "/triggers/\(id)/conditions/1"),
            ("DELETE", "/triggers/\(id)/conditions/1"), ("POST", "/triggers/\(id)/actions"),
            ("GET", "/triggers/\(id)/actions"), ("GET", "/triggers/\(id)/actions/1"),
            ("PUT", "/triggers/\(id)/actions/1"), ("DELETE", "/triggers/\(id)/actions/1"),
            ("POST", "/agents/link/challenge"), ("POST", "/agents/link"), ("GET", "/agents/linked"),
            ("DELETE", "/agents/1/link"), ("GET", "/events"), ("GET", "/events/1"), ("GET", "/deliveries"),
            ("GET", "/deliveries/1"), ("GET", "/deliveries/1/attempts"), ("GET", "/chains"), ("GET", "/chains/1"),
        ]
    }()
}
