import Domain
import Ethereum
import Foundation
import HTTPClient
import Storage
import TestSupport
import Testing

@testable import API

@Suite("Linking agents", .freshDatabase)
struct AgentTests {
    private static let chain = 11_155_111

    /// A challenge for `agent`, issued to `caller`.
    private static func challenge(
        _ caller: Caller, _ wallet: Wallet, agent: String = "42", organization: String? = nil
    ) async throws -> String {
        let answer = try await caller.send(
            "POST", "/agents/link/challenge",
            """
            {"agent_id": \(agent), "chain_id": \(chain), "wallet_address": "\(wallet.address.hex)",
             "organization_id": "\(organization ?? caller.organizationID)"}
            """)
        guard answer.status == 201, let text = answer.data["challenge"]?.string else {
            throw UnexpectedAnswer(text: answer.text)
        }
        return text
    }

    private static func link(
        _ caller: Caller, _ wallet: String, _ challenge: String, _ signature: String, agent: String = "42",
        chain: Int = chain, organization: String? = nil
    ) async throws -> Answer {
        let body = JSON.object([
            "chain_id": .number(Decimal(chain)), "organization_id": .string(organization ?? caller.organizationID),
            "wallet_address": .string(wallet), "challenge": .string(challenge), "signature": .string(signature),
        ]).text
        return try await caller.send("POST", "/agents/link", #"{"agent_id": \#(agent), "# + body.dropFirst())
    }

    @Test("goes as document 003 shows: challenge, signature, link, list, unlink, and again")
    func examples() async throws {
        try await RunningAPI.run { api in
            let john = try await api.register()
            let wallet = try Wallet(1)
            api.ownership.answer(.success(wallet.address))
            let text = try await Self.challenge(john, wallet)
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
            #expect(lines.count == 5)
            #expect(lines[0] == "Sign this message to authenticate with ERC-8004 API")
            #expect(lines[1] == "")
            #expect(lines[2] == "Wallet: \(wallet.address.checksummed)")
            #expect(lines[3].wholeMatch(of: /Nonce: [0-9a-f]{64}/) != nil)
            #expect(lines[4].wholeMatch(of: /Expires: \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/) != nil)

            let linked = try await Self.link(john, wallet.address.hex, text, try wallet.sign(text))
            #expect(linked.status == 201, "\(linked.text)")
            #expect(
                linked.json.keys == [
                    "id", "agent_id", "chain_id", "organization_id", "wallet_address", "status", "created_at",
                ])
            #expect(linked.json["id"]?.string?.hasPrefix("link_") == true)
            #expect(linked.json["agent_id"] == .number(42))
            #expect(linked.json["chain_id"] == .number(11_155_111))
            #expect(linked.json["wallet_address"] == .string(wallet.address.hex))
            #expect(linked.json["status"] == .string("active"))
            let question = try #require(api.ownership.questions.last)
            #expect(question.agent == UInt256(42))
            #expect(question.registry.checksummed == "0x8004A818BFB912233c491871b3d84c89A494BD9e")

            let list = try await john.send("GET", "/agents/linked?organization_id=\(john.organizationID)")
            #expect(list.json == .array([linked.json]))
            let path = "/agents/42/link?chain_id=\(Self.chain)&organization_id=\(john.organizationID)"
            let unlinked = try await john.send("DELETE", path)
            #expect(unlinked.status == 200)
            #expect(unlinked.json == .object(["message": .string("Agent unlinked successfully")]))
            #expect(try await john.send("DELETE", path).status == 404)
            #expect(try await john.send("GET", "/agents/linked").json == .array([]))

            let again = try await Self.challenge(john, wallet)
            #expect(try await Self.link(john, wallet.address.hex, again, try wallet.sign(again)).status == 201)
        }
    }

    @Test("refuses each way of bending a challenge with its own code, and leaves the challenge usable")
    func refusals() async throws {
        try await RunningAPI.run { api in
            let john = try await api.register()
            let wallet = try Wallet(1)
            let other = try Wallet(2)
            api.ownership.answer(.success(wallet.address))
            let text = try await Self.challenge(john, wallet)
            let address = wallet.address.hex
            func expect(_ code: String, _ answer: Answer, _ comment: Comment) {
                #expect(answer.status == 400, comment)
                #expect(answer.code == code, comment)
            }
            let changed = text + " "
            expect("INVALID_CHALLENGE", try await Self.link(john, address, changed, try wallet.sign(changed)), "text")
            let crlf = text.replacing("\n", with: "\r\n")
            expect("INVALID_CHALLENGE", try await Self.link(john, address, crlf, try wallet.sign(crlf)), "line ends")
            let own = text.replacing(/Nonce: .*/, with: "Nonce: \(String(repeating: "a", count: 64))")
            expect("INVALID_CHALLENGE", try await Self.link(john, address, own, try wallet.sign(own)), "nonce")
            let twice = text + "\nNonce: \(String(repeating: "a", count: 64))"
            expect("INVALID_CHALLENGE", try await Self.link(john, address, twice, try wallet.sign(twice)), "two nonces")
            expect("INVALID_CHALLENGE", try await Self.link(john, address, "hello", try wallet.sign("hello")), "none")
            let signature = try wallet.sign(text)
            expect("INVALID_CHALLENGE", try await Self.link(john, address, text, signature, agent: "43"), "agent")
            expect("INVALID_CHALLENGE", try await Self.link(john, address, text, signature, chain: 84_532), "chain")
            expect(
                "INVALID_CHALLENGE",
                try await Self.link(john, other.address.hex, text, try other.sign(text)), "wallet")
            expect("INVALID_SIGNATURE", try await Self.link(john, address, text, try other.sign(text)), "signer")
            expect(
                "INVALID_SIGNATURE",
                try await Self.link(john, address, text, "0x" + String(repeating: "0", count: 130)), "zeros")
            expect(
                "INVALID_SIGNATURE", try await Self.link(john, address, text, String(signature.dropLast()) + "g"), "hex"
            )
            let short = try await Self.link(john, address, text, "0x1234")
            expect("VALIDATION_ERROR", short, "length")
            #expect(short.fields == ["signature"])
            // None of it used the challenge up, and nobody was asked about an agent.
            #expect(api.ownership.questions.isEmpty)
            let plain = String(signature.dropFirst(2))
            #expect(try await Self.link(john, address, text, plain).status == 201)
            expect("NONCE_REUSED", try await Self.link(john, address, text, signature), "again")
        }
    }

    @Test("binds a challenge to its organization")
    func organizations() async throws {
        try await RunningAPI.run { api in
            let john = try await api.register()
            let jane = try await api.register("jane")
            let wallet = try Wallet(1)
            api.ownership.answer(.success(wallet.address))
            let text = try await Self.challenge(john, wallet)
            // Jane saw what John signed and sends it for herself.
            let stolen = try await Self.link(jane, wallet.address.hex, text, try wallet.sign(text))
            #expect(stolen.status == 400)
            #expect(stolen.code == "INVALID_CHALLENGE")
            let foreign = try await Self.link(
                jane, wallet.address.hex, text, try wallet.sign(text), organization: john.organizationID)
            #expect(foreign.status == 404)
            #expect(try await Self.link(john, wallet.address.hex, text, try wallet.sign(text)).status == 201)

            let second = try await Self.challenge(jane, wallet)
            let taken = try await Self.link(jane, wallet.address.hex, second, try wallet.sign(second))
            #expect(taken.status == 409)
            #expect(taken.code == "ALREADY_LINKED")
            let unlink = try await jane.send("DELETE", "/agents/42/link?chain_id=\(Self.chain)")
            #expect(unlink.status == 403)
            #expect(unlink.code == "FORBIDDEN")
        }
    }

    @Test("is for owners and admins")
    func roles() async throws {
        try await RunningAPI.run { api in
            let john = try await api.register()
            let wallet = try Wallet(1)
            api.ownership.answer(.success(wallet.address))
            let text = try await Self.challenge(john, wallet)
            for (name, role, isAllowed) in [
                ("vera", "viewer", false), ("mia", "member", false), ("adam", "admin", true),
            ] {
                let caller = try await api.register(name)
                try await john.admit(caller, as: role)
                let organization = john.organizationID
                let challenge = try await caller.send(
                    "POST", "/agents/link/challenge",
                    """
                    {"agent_id": 42, "chain_id": \(Self.chain), "wallet_address": "\(wallet.address.hex)",
                     "organization_id": "\(organization)"}
                    """)
                #expect(challenge.status == (isAllowed ? 201 : 403))
                let link = try await Self.link(
                    caller, wallet.address.hex, text, try wallet.sign(text), organization: organization)
                #expect(link.status == (isAllowed ? 201 : 403), "\(role) \(link.text)")
                let list = try await caller.send("GET", "/agents/linked?organization_id=\(organization)")
                #expect(list.status == 200)
                let unlink = try await caller.send(
                    "DELETE", "/agents/42/link?chain_id=\(Self.chain)&organization_id=\(organization)")
                #expect(unlink.status == (isAllowed ? 200 : 403))
            }
        }
    }

    @Test("uses a challenge up by a decision of the chain, and not by its silence")
    func decisions() async throws {
        try await RunningAPI.run { api in
            let john = try await api.register()
            let wallet = try Wallet(1)
            let address = wallet.address.hex
            let text = try await Self.challenge(john, wallet)
            let signature = try wallet.sign(text)
            api.ownership.answer(.failure(.unavailable(reason: "timeout")))
            let silent = try await Self.link(john, address, text, signature)
            #expect(silent.status == 503)
            #expect(silent.code == "UNAVAILABLE")
            #expect(silent.headers["Retry-After"] != nil)
            api.ownership.answer(.success(try Wallet(2).address))
            let refused = try await Self.link(john, address, text, signature)
            #expect(refused.status == 403)
            #expect(refused.code == "NOT_OWNER")
            api.ownership.answer(.success(wallet.address))
            #expect(try await Self.link(john, address, text, signature).code == "NONCE_REUSED")

            let second = try await Self.challenge(john, wallet)
            api.ownership.answer(.failure(.noSuchAgent))
            let missing = try await Self.link(john, address, second, try wallet.sign(second))
            #expect(missing.status == 404)
            #expect(missing.code == "AGENT_NOT_FOUND")
        }
    }

    @Test("takes a challenge for five minutes")
    func expiry() async throws {
        try await RunningAPI.run { api in
            let john = try await api.register()
            let wallet = try Wallet(1)
            api.ownership.answer(.success(wallet.address))
            let late = try await Self.challenge(john, wallet)
            api.clock.advance(by: 301)
            let answer = try await Self.link(john, wallet.address.hex, late, try wallet.sign(late))
            #expect(answer.status == 400)
            #expect(answer.code == "CHALLENGE_EXPIRED")
            let timely = try await Self.challenge(john, wallet)
            api.clock.advance(by: 290)
            #expect(try await Self.link(john, wallet.address.hex, timely, try wallet.sign(timely)).status == 201)
        }
    }

    @Test("gives one success to 16 concurrent uses of a challenge")
    func race() async throws {
        try await RunningAPI.run { api in
            let john = try await api.register()
            let wallet = try Wallet(1)
            api.ownership.answer(.success(wallet.address))
            let text = try await Self.challenge(john, wallet)
            let signature = try wallet.sign(text)
            let codes = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<16 {
                    group.addTask {
                        let answer = try await Self.link(john, wallet.address.hex, text, signature)
                        return answer.status == 201 ? "linked" : answer.code ?? answer.text
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(codes.count { $0 == "linked" } == 1)
            #expect(codes.count { $0 == "NONCE_REUSED" } == 15)
            #expect(try await api.database.database.query(CountRows(table: .links)) == [1])
        }
    }

    @Test("gives one success to 16 concurrent challenges for one agent")
    func raceForAgent() async throws {
        try await RunningAPI.run { api in
            let john = try await api.register()
            let wallet = try Wallet(1)
            api.ownership.answer(.success(wallet.address))
            let codes = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<16 {
                    group.addTask {
                        let text = try await Self.challenge(john, wallet)
                        let answer = try await Self.link(john, wallet.address.hex, text, try wallet.sign(text))
                        return answer.status == 201 ? "linked" : answer.code ?? answer.text
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(codes.count { $0 == "linked" } == 1)
            #expect(codes.count { $0 == "ALREADY_LINKED" } == 15)
            // The losers' challenges were decided too.
            #expect(try await api.database.database.query(CountRows(table: .challenges)) == [0])
        }
    }

    private static let largeIDsCases: [(String, String)] = [
        ("9007199254740991", "9007199254740991"), ("9007199254740992", #""9007199254740992""#),
        (#""7""#, "7"),
        (
            #""115792089237316195423570985008687907853269984665640564039457584007913129639935""#,
            #""115792089237316195423570985008687907853269984665640564039457584007913129639935""#
        ),
    ]

    @Test("knows agents of every id, as integers while JavaScript reads them exactly")
    func largeIDs() async throws {
        try await RunningAPI.run { api in
            let john = try await api.register()
            let wallet = try Wallet(1)
            api.ownership.answer(.success(wallet.address))
            for (sent, shown) in Self.largeIDsCases {
                let text = try await Self.challenge(john, wallet, agent: sent)
                let answer = try await Self.link(john, wallet.address.hex, text, try wallet.sign(text), agent: sent)
                #expect(answer.status == 201)
                #expect(answer.text.contains(#""agent_id":\#(shown),"#), "\(answer.text)")
                let id = sent.replacing("\"", with: "")
                #expect(try await john.send("DELETE", "/agents/\(id)/link?chain_id=\(Self.chain)").status == 200)
            }
        }
    }

    private static let validationCases: [(String, String)] = [
        (
            #"{"agent_id":-1,"chain_id":11155111,"wallet_address":"0x1234567890abcdef1234567890abcdef12345678"}"#,
            "agent_id"
        ),
        (
            #"{"agent_id":1.5,"chain_id":11155111,"wallet_address":"0x1234567890abcdef1234567890abcdef12345678"}"#,
            "agent_id"
        ),
        (
            #"{"agent_id":"0x1","chain_id":11155111,"wallet_address":"0x1234567890abcdef1234567890abcdef12345678"}"#,
            "agent_id"
        ),
        (#"{"agent_id":1,"chain_id":1,"wallet_address":"0x1234567890abcdef1234567890abcdef12345678"}"#, "chain_id"),
        (
            #"{"agent_id":1,"chain_id":59141,"wallet_address":"0x1234567890abcdef1234567890abcdef12345678"}"#,
            "chain_id"
        ),
        (#"{"agent_id":1,"chain_id":11155111,"wallet_address":"0x1234"}"#, "wallet_address"),
        (
            #"{"agent_id":1,"chain_id":11155111,"wallet_address":"0x8004a818BFB912233c491871b3d84c89A494BD9e"}"#,
            "wallet_address"
        ),
        (
            #"{"agent_id":1,"chain_id":11155111,"wallet_address":"0x1234567890abcdef1234567890abcdef12345678","registry_address":"0x1234567890abcdef1234567890abcdef12345678"}"#,
            "registry_address"
        ),
    ]

    @Test("says what is wrong with a request")
    func validation() async throws {
        try await RunningAPI.run { api in
            let john = try await api.register()
            for (body, field) in Self.validationCases {
                let answer = try await john.send("POST", "/agents/link/challenge", body)
                #expect(answer.status == 400, "\(answer.text)")
                #expect(answer.fields == [field], "\(answer.text)")
                let link = try await john.send("POST", "/agents/link", "{}")
                #expect(
                    Set(link.fields) == [
                        "agent_id", "chain_id", "organization_id", "wallet_address", "challenge", "signature",
                    ])
                let unlink = try await john.send("DELETE", "/agents/1/link")
                #expect(unlink.fields == ["chain_id"])
            }
        }
    }
}
