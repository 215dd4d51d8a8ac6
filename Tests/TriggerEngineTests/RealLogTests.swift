import Domain
import Ethereum
import Foundation
import TestSupport
import Testing

@testable import TriggerEngine

@Suite("Real logs", .freshDatabase)
struct RealLogTests {
    private struct File: Decodable {
        struct Entry: Decodable {
            struct Written: Decodable {
                let address: String
                let topics: [String]
                let data: String
            }
            struct Decoded: Decodable {
                let event: String
                let args: [String: Argument]
            }
            /// A string, or a list or number that this test does not look at.
            enum Argument: Decodable {
                case text(String)
                case other
                init(from decoder: any Decoder) throws {
                    self = (try? decoder.singleValueContainer().decode(String.self)).map { .text($0) } ?? .other
                }
            }
            let chainId: Int64
            let log: Written
            let decoded: Decoded
        }
        let logs: [Entry]
    }

    @Test("go through feed and engine, and each finds its triggers")
    func fixtures() async throws {
        let url = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../Fixtures/real-logs.json").standardizedFileURL
        let file = try JSONDecoder().decode(File.self, from: try Data(contentsOf: url))
        #expect(file.logs.count > 300)
        let world = try await World.make()
        let all = try await world.trigger()
        var byType: [String: UUID] = [:]
        for type in EventType.allCases {
            byType[type.rawValue] = try await world.trigger([("event_type", "equals", "\"\(type.rawValue)\"")])
        }
        let agentZero = try await world.trigger([("agent_id", "equals", "0")], registry: "identity", chain: 1)
        for chain in Set(file.logs.map(\.chainId)) where chain != World.chain { try await world.addChain(chain) }
        var expected: [Int64: String] = [:]
        var zero: Set<Int64> = []
        for (number, entry) in file.logs.enumerated() {
            let log = Log(
                address: try Address(hex: entry.log.address),
                topics: Topics(try entry.log.topics.map { try Hash(hex: $0) }) ?? Topics(),
                data: try Hex.decode(entry.log.data), blockNumber: BlockNumber(rawValue: Int64(number)) ?? 0,
                blockHash: Hash(bytes: [UInt8](repeating: 0, count: 30) + [UInt8(number / 256), UInt8(number % 256)])
                    ?? .zero,
                transactionHash: .zero, transactionIndex: 0, logIndex: 0)
            guard case .event(let layout, _) = EventDecoder.decode(log) else {
                Issue.record("log \(number) does not decode")
                continue
            }
            let registry = layout.type.registry ?? .identity
            let ids = try await world.append([log], registry: registry, chain: entry.chainId)
            expected[ids[0].rawValue] = entry.decoded.event == "UriUpdated" ? "URIUpdated" : entry.decoded.event
            if entry.chainId == 1, registry == .identity,
                case .text("0")? = entry.decoded.args["agentId"] ?? entry.decoded.args["tokenId"]
            {
                zero.insert(ids[0].rawValue)
            }
        }
        try await withEngine { [expected, byType, zero] _ in
            try await world.settled(within: .seconds(60))
            let deliveries = try await world.deliveries()
            #expect(Set(deliveries.filter { $0.trigger == all }.map(\.event)) == Set(expected.keys))
            for (name, trigger) in byType {
                let told = deliveries.filter { $0.trigger == trigger }.map(\.event)
                #expect(Set(told) == Set(expected.filter { $0.value == name }.keys), "\(name)")
                #expect(Set(told).count == told.count)
            }
            #expect(Set(deliveries.filter { $0.trigger == agentZero }.map(\.event)) == zero)
            #expect(!zero.isEmpty && deliveries.count == 2 * expected.count + zero.count)
        }
    }
}
