import API
import Domain
import Ethereum
import EthereumRPC
import Foundation
import HTTPClient
import Testing

/// A node of chain 11155111 that answers `eth_call` as scripted.
private struct ScriptedNode: Transport {
    /// The member that answers `eth_call`, such as `"result":"0x…"`.
    let answer: String

    func send(_ request: OutboundRequest) async throws(TransportError) -> OutboundResponse {
        guard let body = try? JSON(parsing: request.body) else { throw .invalidURL("no JSON was sent") }
        let isBatch = if case .array = body { true } else { false }
        let calls = isBatch ? body.elements : [body]
        let answers = calls.map { call in
            let id = call["id"]?.text ?? "null"
            let member =
                switch call["method"]?.string {
                case "eth_chainId": #""result":"0xaa36a7""#
                case "eth_call" where Self.asksForOwner(of: "2a", call): answer
                case let method: #""error":{"code":-32601,"message":"\#(method ?? "nothing") is not expected"}"#
                }
            return #"{"jsonrpc":"2.0","id":\#(id),\#(member)}"#
        }
        let text = isBatch ? "[\(answers.joined(separator: ","))]" : answers.joined()
        return OutboundResponse(status: 200, headers: ["Content-Type": "application/json"], body: Array(text.utf8))
    }

    /// Whether `call` is `ownerOf` of the agent `digits` on the right contract.
    private static func asksForOwner(of digits: String, _ call: JSON) -> Bool {
        let parameters = call["params"]?.elements.first
        return parameters?["to"]?.string?.lowercased() == "0x8004a818bfb912233c491871b3d84c89a494bd9e"
            && parameters?["data"]?.string == "0x6352211e" + String(repeating: "0", count: 64 - digits.count) + digits
    }
}

@Suite("Ownership on the chain")
struct ChainOwnershipTests {
    private static func ask(_ answer: String, chain: Int64 = 11_155_111) async throws -> Address {
        let sepolia = try #require(ChainID(rawValue: 11_155_111))
        let pool = ProviderPool(
            chainID: sepolia, urls: ["https://node.example.com"], transport: ScriptedNode(answer: answer))
        return try await ChainOwnership(pools: [sepolia: pool]).owner(
            of: UInt256(42), registry: try Address(hex: "0x8004A818BFB912233c491871b3d84c89A494BD9e"),
            chain: try #require(ChainID(rawValue: chain)))
    }

    private static let zeros = String(repeating: "0", count: 24)

    @Test("is what ownerOf answers")
    func owner() async throws {
        let address = String(repeating: "ab", count: 20)
        let owner = try await Self.ask(#""result":"0x\#(Self.zeros)\#(address)""#)
        #expect(owner.hex == "0x" + address)
    }

    @Test("is nobody's where ownerOf reverts or answers the zero address")
    func missing() async throws {
        let revert =
            #""error":{"code":3,"message":"execution reverted","data":"0x7e273289\#(String(repeating: "0", count: 64))"}"#
        for answer in [revert, #""result":"0x\#(String(repeating: "0", count: 64))""#] {
            await #expect(throws: OwnershipError.noSuchAgent, "\(answer)") { try await Self.ask(answer) }
        }
    }

    @Test("is unknown where the answer proves nothing")
    func unavailable() async throws {
        let answers = [
            #""result":"0x""#, #""result":"0x01""#, #""result":"0x\#(String(repeating: "ff", count: 32))""#,
            #""result":"0x\#(Self.zeros)\#(String(repeating: "ab", count: 20))00""#,
            #""error":{"code":-32005,"message":"too many requests"}"#, #""result":null"#,
        ]
        for answer in answers {
            do {
                _ = try await Self.ask(answer)
                Issue.record("\(answer) was taken for an owner")
            } catch let error as OwnershipError {
                guard case .unavailable = error else {
                    Issue.record("\(answer): \(error)")
                    continue
                }
            }
        }
        await #expect(throws: OwnershipError.self) { try await Self.ask(#""result":"0x""#, chain: 1) }
    }
}
