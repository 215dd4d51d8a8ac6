import API
import Domain
import Ethereum
import Foundation
import HTTPClient
import Logging
import Signatures
import Storage
import Synchronization
import TestSupport

/// The API on a port of its own, over the running test's database, and a client that speaks HTTP to it.
struct RunningAPI: Sendable {
    static let secret = Array("a secret of the tests, 32 bytes or more".utf8)

    let port: Int
    let database: TestDatabase
    let ownership: ScriptedOwnership
    let transport: CurlTransport
    let clock: TestClock

    /// A server over the running test's database that does not run yet.
    static func service(
        _ configure: (inout APISettings) -> Void = { _ in }, readiness: [ReadinessCheck] = [],
        ownership: ScriptedOwnership = ScriptedOwnership(), clock: TestClock = TestClock()
    ) throws -> APIService {
        var settings = APISettings(
            host: "127.0.0.1", port: 0, jwtSecret: secret, version: "0.1.0", hasTelegramToken: true,
            egress: EgressPolicy(), secrets: try SecretBox(keys: [[UInt8](repeating: 7, count: 32)]),
            chains: try Self.chains())
        configure(&settings)
        return APIService(
            settings: settings, database: TestDatabase.current.database, ownership: ownership, readiness: readiness,
            metrics: { "tocsin_test_metric 1\n" }, logger: .silent, now: { clock.now })
    }

    /// Runs `body` against a server that `configure` may change, and stops the server.
    static func run(
        _ configure: (inout APISettings) -> Void = { _ in }, readiness: [ReadinessCheck] = [],
        _ body: @escaping @Sendable (RunningAPI) async throws -> Void
    ) async throws {
        let ownership = ScriptedOwnership()
        let clock = TestClock()
        let service = try service(configure, readiness: readiness, ownership: ownership, clock: clock)
        let transport = CurlTransport(policy: EgressPolicy())
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await service.run() }
            let port = try await within(.seconds(20)) { try await service.port }
            let api = RunningAPI(
                port: port, database: TestDatabase.current, ownership: ownership, transport: transport, clock: clock)
            try await body(api)
            group.cancelAll()
            // What a cancelled server throws on its way out is no result of the test.
            while await group.nextResult() != nil {}
        }
        await transport.shutdown()
    }

    static func chains() throws -> [Chain] {
        func contract(_ registry: Registry, _ address: String) throws -> RegistryContract {
            RegistryContract(registry: registry, address: try Address(hex: address), startBlock: 9_989_393)
        }
        let contracts = [
            try contract(.identity, "0x8004A818BFB912233c491871b3d84c89A494BD9e"),
            try contract(.reputation, "0x8004B663056A597Dffe9eCcC1965A193B7388713"),
            try contract(.validation, "0x8004Cb1BF31DAf7788923b405b754f57acEB4272"),
        ]
        func chain(_ id: Int64, _ name: String, _ isEnabled: Bool, _ contracts: [RegistryContract]) -> Chain? {
            ChainID(rawValue: id).map {
                Chain(
                    id: $0, name: name, isEnabled: isEnabled, rpcURLs: ["https://rpc.example.com/v3/secret-key"],
                    pollInterval: .seconds(4), confirmations: 12, finality: .tags,
                    explorerURL: "https://sepolia.etherscan.io", contracts: contracts)
            }
        }
        return [
            chain(11_155_111, "Ethereum Sepolia", true, contracts), chain(84_532, "Base Sepolia", true, contracts),
            chain(59_141, "Linea Sepolia", false, Array(contracts.prefix(1))),
        ].compactMap { $0 }
    }
}

/// An answer of the API, read.
struct Answer: Sendable {
    let status: Int
    let headers: HeaderFields
    let text: String
    /// Null where the body is no JSON.
    let json: JSON

    var data: JSON { json["data"] ?? .null }
    var code: String? { json["error"]?["code"]?.string }
    /// The fields that the error blames.
    var fields: [String] { issues.map(\.field) }
    /// What the error says about each field.
    var issues: [(field: String, issue: String)] {
        guard case .array(let details)? = json["error"]?["details"] else { return [] }
        return details.map { ($0["field"]?.string ?? "", $0["issue"]?.string ?? "") }
    }
}

extension RunningAPI {
    /// Sends one request; `body` is sent as JSON unless `headers` say otherwise.
    func send(
        _ method: String, _ path: String, _ body: String? = nil, token: String? = nil, headers: HeaderFields = [:]
    ) async throws -> Answer {
        var headers = headers
        if let token { headers.append(name: "Authorization", value: "Bearer \(token)") }
        if body != nil, headers["Content-Type"] == nil {
            headers.append(name: "Content-Type", value: "application/json")
        }
        let response = try await transport.send(
            OutboundRequest(
                method: method, url: "http://127.0.0.1:\(port)\(path)", headers: headers,
                body: Array((body ?? "").utf8), deadline: .seconds(60), maximumBodyBytes: 4 * 1024 * 1024,
                guarded: false))
        return Answer(
            status: response.status, headers: response.headers, text: String(decoding: response.body, as: UTF8.self),
            json: (try? JSON(parsing: response.body)) ?? .null)
    }

    /// Registers `name`; the token and the user's id.
    func register(_ name: String = "john_doe") async throws -> Caller {
        let answer = try await send(
            "POST", "/api/v1/auth/register",
            #"{"username":"\#(name)","email":"\#(name)@example.com","password":"secure_password_123"}"#)
        guard answer.status == 201, let token = answer.json["token"]?.string,
            let id = answer.json["user"]?["id"]?.string
        else { throw UnexpectedAnswer(text: answer.text) }
        let organizations = try await send("GET", "/api/v1/organizations", token: token)
        guard case .array(let list) = organizations.data, let own = list.first?["organization"]?["id"]?.string else {
            throw UnexpectedAnswer(text: organizations.text)
        }
        return Caller(api: self, token: token, userID: id, organizationID: own)
    }
}

struct UnexpectedAnswer: Error { let text: String }

/// A registered user who sends requests.
struct Caller: Sendable {
    let api: RunningAPI
    let token: String
    let userID: String
    let organizationID: String

    func send(_ method: String, _ path: String, _ body: String? = nil, headers: HeaderFields = [:]) async throws
        -> Answer
    {
        try await api.send(method, "/api/v1" + path, body, token: token, headers: headers)
    }

    /// Creates a trigger from document 003's example; its id.
    func trigger(_ extra: String = "") async throws -> String {
        let answer = try await send(
            "POST", "/triggers", #"{"name":"High Value Identity Mints","chain_id":1,"registry":"identity"\#(extra)}"#)
        guard answer.status == 201, let id = answer.data["id"]?.string else {
            throw UnexpectedAnswer(text: answer.text)
        }
        return id
    }

    /// Makes `other` a member of the caller's personal organization.
    func admit(_ other: Caller, as role: String) async throws {
        try await api.database.run(
            """
            INSERT INTO organization_members (organization_id, user_id, role)
            VALUES ('\(organizationID)', '\(other.userID)', '\(role)')
            """)
    }
}

/// Answers who owns an agent as a test scripts it.
final class ScriptedOwnership: AgentOwnership {
    private let script = Mutex<Result<Address, OwnershipError>>(.failure(.noSuchAgent))
    private let asked = Mutex<[(agent: UInt256, registry: Address, chain: ChainID)]>([])

    func answer(_ result: Result<Address, OwnershipError>) { script.withLock { $0 = result } }
    var questions: [(agent: UInt256, registry: Address, chain: ChainID)] { asked.withLock { $0 } }

    func owner(of agent: UInt256, registry: Address, chain: ChainID) async throws(OwnershipError) -> Address {
        asked.withLock { $0.append((agent, registry, chain)) }
        return try script.withLock { $0 }.get()
    }
}

/// A readiness check that waits until a test lets it go.
struct ReadinessCheckProbe {
    let arrived: Signal
    let release: Signal
    var check: ReadinessCheck {
        ReadinessCheck(name: "probe") { [arrived, release] in
            arrived.fire()
            try? await release.wait()
            return nil
        }
    }
}

/// A clock that stands still but for what a test moves it, so that a slow machine changes no outcome.
final class TestClock: Sendable {
    private let time = Mutex(Date())
    var now: Date { time.withLock { $0 } }
    func advance(by seconds: TimeInterval) { time.withLock { $0 += seconds } }
}

extension JSON {
    var keys: Set<String> { if case .object(let members) = self { Set(members.keys) } else { [] } }
    var elements: [JSON] { if case .array(let elements) = self { elements } else { [] } }
}
