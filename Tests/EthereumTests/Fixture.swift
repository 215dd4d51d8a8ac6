import Ethereum
import Foundation
import TestSupport
import Testing

/// The vectors of `Tests/Fixtures/keccak-abi.json`.
struct KeccakABIFixture: Decodable {
    struct KeccakVector: Decodable, Sendable, CustomTestStringConvertible {
        /// One byte many times, where the input is too long to write.
        struct Run: Decodable {
            let byte: String
            let count: Int
        }

        let name: String
        let input: String?
        let `repeat`: Run?
        let keccak256: String
        var testDescription: String { name }

        var bytes: [UInt8] {
            get throws {
                guard let run = `repeat` else { return try Hex.decode(try #require(input)) }
                return [UInt8](repeating: try #require(try Hex.decode(run.byte).first), count: run.count)
            }
        }
    }

    struct AddressVector: Decodable, Sendable, CustomTestStringConvertible {
        let input: String
        let checksum: String?
        let valid: Bool
        let why: String?
        var testDescription: String { why ?? input }
    }

    struct Selector: Decodable, Sendable {
        let signature: String
        let selector: String
    }

    struct Topic: Decodable, Sendable {
        let signature: String
        let topic0: String
    }

    struct Call: Decodable, Sendable, CustomTestStringConvertible {
        let name: String
        let signature: String
        let args: [Value]
        let calldata: String
        var testDescription: String { name }
    }

    struct Answer: Decodable, Sendable, CustomTestStringConvertible {
        let name: String
        let types: [String]
        let returndata: String
        let expect: String
        let reason: String?
        let values: [Value]?
        let utf8: [String: String]?
        var testDescription: String { name }
    }

    struct Revert: Decodable, Sendable, CustomTestStringConvertible {
        let name: String
        let data: String
        let kind: String
        let signature: String?
        let selector: String?
        let args: [Value]?
        var testDescription: String { name }
    }

    /// A value as the vectors write it: text, flags, and lists of these.
    enum Value: Decodable, Sendable, Equatable {
        case text(String)
        case flag(Bool)
        case list([Value])

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let flag = try? container.decode(Bool.self) {
                self = .flag(flag)
            } else if let text = try? container.decode(String.self) {
                self = .text(text)
            } else {
                self = .list(try container.decode([Value].self))
            }
        }
    }

    let keccak256: [KeccakVector]
    let eip55: [AddressVector]
    let selectors: [Selector]
    let topics: [Topic]
    let callEncode: [Call]
    let callDecode: [Answer]
    let revertDecode: [Revert]

    static let shared: KeccakABIFixture = {
        let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        do {
            let data = try Data(contentsOf: tests.appending(path: "Fixtures/keccak-abi.json"))
            return try decoder.decode(KeccakABIFixture.self, from: data)
        } catch {
            preconditionFailure("Tests/Fixtures/keccak-abi.json cannot be read: \(error)")
        }
    }()
}

extension SeededGenerator {
    /// A number of a random width, so that small and huge ones are equally common.
    mutating func integer() -> UInt256 {
        let width = Int.random(in: 0...256, using: &self)
        guard let word = Hash(bytes: bytes(32)) else { return .zero }
        return UInt256(word) >> (256 - width)
    }
}
