import Domain
import Ethereum
import Foundation
import HTTPClient

/// A node of a chain on which nothing happened but recorded logs, behind JSON-RPC.
struct RecordedNode: Transport {
    let chainID: Int64
    /// The recorded logs by height.
    let logs: [Int64: [Log]]
    let head: Int64
    let finalized: Int64
    /// The most blocks in one search.
    var rangeMax: Int64 = .max

    /// The hash of the block at `number`, recorded or made up.
    func hash(_ number: Int64) -> Hash {
        logs[number]?.first?.blockHash ?? Self.hash(chainID, number)
    }

    static func hash(_ chainID: Int64, _ number: Int64) -> Hash { Keccak256.hash(Array("\(chainID)/\(number)".utf8)) }

    func send(_ request: OutboundRequest) async throws(TransportError) -> OutboundResponse {
        guard let json = try? JSON(parsing: request.body) else { return OutboundResponse(status: 400) }
        let answer: JSON
        if case .array(let calls) = json { answer = .array(calls.map(reply)) } else { answer = reply(json) }
        return OutboundResponse(status: 200, body: answer.bytes)
    }

    private func reply(_ call: JSON) -> JSON {
        var members: [String: JSON] = ["jsonrpc": .string("2.0"), "id": call["id"] ?? .null]
        guard case .array(let parameters)? = call["params"] else { return .object(members) }
        switch call["method"]?.string {
        case "eth_chainId": members["result"] = .string(hex(chainID))
        case "eth_getBlockByNumber": members["result"] = block(number(parameters[0]))
        case "eth_getBlockByHash": members["result"] = block(number(ofHash: parameters[0].string))
        case "eth_getLogs":
            let range = range(parameters[0])
            if range.upperBound - range.lowerBound >= rangeMax {
                members["error"] = .object([
                    "code": .number(-32602), "message": .string("exceed maximum block range: \(rangeMax)"),
                ])
            } else {
                members["result"] = found(range)
            }
        case "eth_getTransactionByHash":
            members["result"] = .object([
                "hash": parameters[0], "from": .string("0x00000000000000000000000000000000000000aa"),
            ])
        default: members["error"] = .object(["code": .number(-32601), "message": .string("method not found")])
        }
        return .object(members)
    }

    private func number(_ selector: JSON) -> Int64? {
        switch selector.string {
        case "latest": head
        case "safe", "finalized": finalized
        case let text?: Int64(text.dropFirst(2), radix: 16)
        case nil: nil
        }
    }

    /// The height of a block that holds logs, or is one of the newest.
    private func number(ofHash wanted: String?) -> Int64? {
        logs.keys.first { hash($0).description == wanted }
            ?? (max(0, head - 16)...head).first { hash($0).description == wanted }
    }

    private func block(_ number: Int64?) -> JSON {
        guard let number, (0...head).contains(number) else { return .null }
        var bloom = Bloom()
        for log in logs[number] ?? [] {
            bloom.insert(log.address)
            for topic in log.topics { bloom.insert(topic) }
        }
        return .object([
            "number": .string(hex(number)), "hash": .string(hash(number).description),
            "parentHash": .string(hash(number - 1).description), "timestamp": .string(hex(1_700_000_000 + number)),
            "logsBloom": .string(Hex.encode(bloom.bytes)), "transactions": .array([]),
        ])
    }

    /// The blocks that a filter is about; block -1, which has no logs, where there is no such block.
    private func range(_ filter: JSON) -> ClosedRange<Int64> {
        if let hash = filter["blockHash"]?.string {
            let number = number(ofHash: hash) ?? -1
            return number...number
        }
        return (number(filter["fromBlock"] ?? .null) ?? 0)...(number(filter["toBlock"] ?? .null) ?? 0)
    }

    private func found(_ range: ClosedRange<Int64>) -> JSON {
        .array(logs.filter { range.contains($0.key) }.sorted { $0.key < $1.key }.flatMap(\.value).map(written))
    }

    private func written(_ log: Log) -> JSON {
        .object([
            "address": .string(log.address.description), "topics": .array(log.topics.map { .string($0.description) }),
            "data": .string(Hex.encode(log.data)), "blockNumber": .string(hex(log.blockNumber.rawValue)),
            "blockHash": .string(log.blockHash.description),
            "transactionHash": .string(log.transactionHash.description),
            "transactionIndex": .string(hex(Int64(log.transactionIndex))),
            "logIndex": .string(hex(Int64(log.logIndex))),
            "removed": .boolean(false),
        ])
    }

    private func hex(_ value: Int64) -> String { "0x" + String(value, radix: 16) }
}

/// The logs of `Tests/Fixtures/real-logs.json`; where one was published without block hash or index, those are made up.
struct RecordedLogs: Decodable {
    struct Entry: Decodable {
        struct Written: Decodable {
            let address: String
            let topics: [String]
            let data: String
            let blockNumber: String
            let blockHash: String?
            let transactionHash: String
            let logIndex: String?
        }
        struct Decoded: Decodable { let event: String }
        let chainId: Int64
        let log: Written
        let decoded: Decoded
    }
    let logs: [Entry]

    static func load() throws -> [Entry] {
        let url = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Fixtures/real-logs.json")
        return try JSONDecoder().decode(RecordedLogs.self, from: Data(contentsOf: url)).logs
    }

    /// A node that serves `entries`, all of one chain.
    static func node(_ chainID: Int64, _ entries: [Entry]) throws -> RecordedNode {
        func quantity(_ text: String) -> Int64 { Int64(text.dropFirst(2), radix: 16) ?? 0 }
        var logs: [Int64: [Log]] = [:]
        for entry in entries {
            let number = quantity(entry.log.blockNumber)
            let taken = Set((logs[number] ?? []).map(\.logIndex))
            var index = entry.log.logIndex.map { UInt32(quantity($0)) } ?? 0
            while taken.contains(index) { index += 1 }
            logs[number, default: []].append(
                Log(
                    address: try Address(hex: entry.log.address),
                    topics: Topics(try entry.log.topics.map { try Hash(hex: $0) }) ?? Topics(),
                    data: try Hex.decode(entry.log.data), blockNumber: BlockNumber(rawValue: number) ?? 0,
                    blockHash: try entry.log.blockHash.map { try Hash(hex: $0) }
                        ?? RecordedNode.hash(chainID, number),
                    transactionHash: try Hash(hex: entry.log.transactionHash), transactionIndex: 0, logIndex: index))
        }
        let last = logs.keys.max() ?? 0
        return RecordedNode(chainID: chainID, logs: logs, head: last + 200, finalized: last + 100)
    }
}
