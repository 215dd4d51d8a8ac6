import Domain
import Ethereum
import Foundation
import HTTPClient
import Synchronization
import Templates
import TestSupport

@testable import Dispatchers

/// Logs, events and messages as tests need them.
enum Sample {
    static let owner = try! Address(hex: "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed")
    static let chain = Chain(
        id: ChainID(rawValue: 11_155_111)!, name: "Sepolia", rpcURLs: [], pollInterval: .seconds(1), confirmations: 1,
        finality: .depth, explorerURL: "https://sepolia.etherscan.io", contracts: [])
    static let organization = UUID(uuidString: "550E8400-E29B-41D4-A716-446655440001")!

    /// The log of `Registered(agent, uri, owner)`; each agent's stands in a block of its own.
    static func registration(agent: UInt64, uri: String) throws -> Log {
        let topic0 = EventLayouts.layouts(of: .registered)[0].topic0
        let words = [topic0, UInt256(agent).word, Hash(bytes: [UInt8](repeating: 0, count: 12) + owner.bytes)!]
        let data = try ABI.encode([.string(uri)], as: [.string])
        return Log(
            address: owner, topics: Topics(words)!, data: data, blockNumber: BlockNumber(1000 + agent)!,
            blockHash: UInt256(agent).word, transactionHash: Keccak256.hash(Array("\(agent)".utf8)),
            transactionIndex: 0, logIndex: 0)
    }

    static func event(agent: UInt64 = 7, uri: String = "ipfs://agent") throws -> Event {
        Event(
            decoding: try registration(agent: agent, uri: uri), chainID: chain.id, registry: .identity,
            timestamp: 1_769_688_000, transactionFrom: owner)!
    }

    static func json(_ text: String) throws -> JSON { try JSON(parsing: Array(text.utf8)) }

    /// A message of an action with `config`, about an event whose agent URI is `uri`.
    static func message(
        _ channel: Channel, _ config: String, uri: String = "ipfs://agent", kind: DeliveryKind = .notification,
        attempt: Int = 1, secrets: [String: String] = [:]
    ) throws -> Message {
        let configuration = try ActionConfiguration(channel: channel, config: json(config), keeping: secrets)
        let claim = Claim(
            id: 1001, leaseID: 1, actionID: 5, actionVersion: 1, eventID: EventID(rawValue: 42), kind: kind,
            organizationID: organization, destinationID: 9, channel: channel, attempt: attempt,
            isOrphaned: false)
        let notice = Notice(
            eventID: claim.eventID, event: try event(uri: uri), kind: kind, deliveryID: claim.id, triggerID: "trigger",
            triggerName: "My trigger", chainName: chain.name, explorerURL: chain.explorerURL)
        let id = MessageID.make(organization: organization, actionID: 5, eventID: claim.eventID, kind: kind)
        return Message(claim: claim, configuration: configuration, notice: notice, id: id)
    }
}

/// A transport that answers as a test says and remembers what it was sent.
final class ScriptedTransport: Transport {
    typealias Script = @Sendable (OutboundRequest, _ number: Int) async throws(TransportError) -> OutboundResponse

    private let script: Script
    private let log = Mutex<[OutboundRequest]>([])
    /// Fires with every request.
    let sent = Signal()

    init(_ script: @escaping Script) { self.script = script }

    /// The requests so far.
    var requests: [OutboundRequest] { log.withLock { $0 } }

    func send(_ request: OutboundRequest) async throws(TransportError) -> OutboundResponse {
        let number = log.withLock { log in
            log.append(request)
            return log.count
        }
        sent.fire()
        return try await script(request, number)
    }
}

extension OutboundResponse {
    init(_ status: Int, json: String, headers: HeaderFields = [:]) {
        var headers = headers
        headers["Content-Type"] = "application/json"
        self.init(status: status, headers: headers, body: Array(json.utf8))
    }
}

extension OutboundRequest {
    var json: JSON? { try? JSON(parsing: body) }
}
