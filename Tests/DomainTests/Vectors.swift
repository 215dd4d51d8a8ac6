import Domain
import Ethereum
import Foundation
import Testing

/// A log and what the reference decoder made of it.
struct LogVector: Decodable, Sendable, CustomTestStringConvertible {
    struct Decoded: Decodable {
        let event: String
        let signature: String
        let args: [String: Argument]
        let utf8: [String: String]?
        /// The value scaled by its decimals.
        let valueDecimal: String?

        enum CodingKeys: String, CodingKey {
            case event, signature, args, utf8
            case valueDecimal = "value_decimal"
        }
    }

    /// An integer, address, byte string or text as a string; or a flag.
    enum Argument: Decodable, Equatable {
        case text(String)
        case flag(Bool)

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let flag = try? container.decode(Bool.self) {
                self = .flag(flag)
            } else {
                self = .text(try container.decode(String.self))
            }
        }
    }

    /// A log as a node writes it, in JSON.
    struct RawLog: Codable {
        let address: String
        let topics: [String]
        let data: String
        let blockNumber: String?
        let blockHash: String?
        let transactionHash: String?
        let transactionIndex: String?
        let logIndex: String?
    }

    let name: String?
    let registry: String?
    let expect: String?
    let reason: String?
    let chainId: Int64?
    let log: RawLog
    let decoded: Decoded?

    var testDescription: String { name ?? log.transactionHash ?? "log" }
}

extension LogVector {
    /// The list under `key` of the document `name` in `Tests/Fixtures`.
    static func load(_ name: String, key: String) -> [LogVector] {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        do {
            let data = try Data(contentsOf: folder.appending(path: "Fixtures/\(name)"))
            let document = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
            let list = try JSONSerialization.data(withJSONObject: try #require(document[key]))
            return try JSONDecoder().decode([LogVector].self, from: list)
        } catch {
            preconditionFailure("Tests/Fixtures/\(name) cannot be read: \(error)")
        }
    }

    /// What `tocsin decode` prints for the log, read back.
    func line() throws -> [String: Any] {
        let json = try JSONEncoder().encode(log)
        let text = LogLine.decode(json: [UInt8](json))
        #expect(!text.contains("\n"))
        return try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    /// The event that the log is, on its own chain and in its own registry.
    func event() throws -> Event {
        let chain = try #require(ChainID(rawValue: chainId ?? 1))
        let log = try log.log(on: chain.rawValue)
        return try #require(
            Event(decoding: log, chainID: chain, registry: .identity, timestamp: 1_769_000_000, transactionFrom: nil),
            "\(testDescription)")
    }

    /// The name of a parameter as JSON has it.
    static func snakeCase(_ name: String) -> String {
        name.replacing(/([a-z0-9])([A-Z])/) { "\($0.1)_\($0.2)" }.lowercased()
    }
}

extension LogVector.RawLog {
    /// The log as the listener hands it on; what the publication left out is zero.
    func log(on chain: Int64) throws -> Log {
        Log(
            address: try Address(hex: address), topics: try #require(Topics(try topics.map { try Hash(hex: $0) })),
            data: try Hex.decode(data),
            blockNumber: try #require(BlockNumber(try Hex.quantity(blockNumber ?? "0x0"))),
            blockHash: try blockHash.map { try Hash(hex: $0) } ?? .zero,
            transactionHash: try transactionHash.map { try Hash(hex: $0) } ?? .zero,
            transactionIndex: UInt32(try Hex.quantity(transactionIndex ?? "0x0")),
            logIndex: UInt32(try Hex.quantity(logIndex ?? "0x0")))
    }
}
