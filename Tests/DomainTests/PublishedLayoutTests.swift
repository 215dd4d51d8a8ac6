import Domain
import Ethereum
import Foundation
import Testing

/// The layouts against the declarations that `Tests/Fixtures/abi-events.json` publishes, one for each topic 0.
@Suite("Published layouts")
struct PublishedLayoutTests {
    struct Published: Decodable, Sendable, CustomTestStringConvertible {
        let signature: String
        /// As Solidity has it: `event Upgraded(address indexed implementation)`.
        let declaration: String
        let topic0: String

        var testDescription: String { signature }

        /// Type, whether it is indexed, and name of each parameter.
        var parameters: [[String]] {
            let inner = declaration.split(separator: "(", maxSplits: 1).last?.dropLast() ?? ""
            return inner.split(separator: ",").map { parameter in
                let words = parameter.split(separator: " ").map(String.init)
                return [words.first ?? "", words.count == 3 ? words[1] : "", words.last ?? ""]
            }
        }
    }

    static let published: [Published] = {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        struct Document: Decodable { let events: [Published] }
        do {
            let data = try Data(contentsOf: folder.appending(path: "Fixtures/abi-events.json"))
            return try JSONDecoder().decode(Document.self, from: data).events
        } catch {
            preconditionFailure("Tests/Fixtures/abi-events.json cannot be read: \(error)")
        }
    }()

    @Test("there is one for each declaration and no other")
    func complete() throws {
        #expect(Set(try Self.published.map { try Hash(hex: $0.topic0) }) == Set(EventLayouts.all.map(\.topic0)))
    }

    @Test("each is as declared", arguments: published)
    func declared(_ published: Published) throws {
        let layout = try #require(EventLayouts.layout(of: try Hash(hex: published.topic0)))
        #expect(layout.signature == published.signature)
        #expect(
            layout.parameters.map { [$0.solidityType, $0.isIndexed ? "indexed" : "", $0.name] } == published.parameters)
    }

    @Test("a log with another count of topics is refused, whatever it holds", arguments: published)
    func topicCount(_ published: Published) throws {
        let topic0 = try Hash(hex: published.topic0)
        let expected = 1 + published.parameters.count { $0[1] == "indexed" }
        // Zeros are valid for every type, as an offset they are not: so only the right count gets that far.
        for count in 1...4 {
            let topics = try #require(Topics([topic0] + [Hash](repeating: .zero, count: count - 1)))
            let decoding = EventDecoder.decode(topics: topics, data: [UInt8](repeating: 0, count: 32 * 12))
            if case .malformed(.topicCount(let wanted, let found)) = decoding {
                #expect(count != expected)
                #expect(wanted == expected)
                #expect(found == count)
            } else {
                #expect(count == expected)
            }
        }
    }

    @Test("every text may hold U+0000, and stays what it is byte for byte", arguments: published)
    func nul(_ published: Published) throws {
        for (log, field) in try Self.logs(published, text: [0, 0x61, 0, 0xc3, 0xa9, 0]) {
            let event = try #require(Self.event(log))
            switch event.value(of: field) {
            case .text(let text): #expect(Array(text.string.utf8) == [0, 0x61, 0, 0xc3, 0xa9, 0])
            case .bytes(let bytes): #expect(bytes == [0, 0x61, 0, 0xc3, 0xa9, 0])
            default: Issue.record("\(field) shows no text")
            }
            #expect(event.log == log)
        }
    }

    @Test(
        "text that is no UTF-8 makes one log malformed, which keeps its bytes", arguments: published,
        [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0x61, 0xe2, 0x82], [0x80]] as [[UInt8]])
    func noText(_ published: Published, text: [UInt8]) throws {
        for (log, _) in try Self.logs(published, text: text) {
            guard case .malformed(.parameter(_, .invalidUTF8)) = EventDecoder.decode(log) else {
                Issue.record("\(text) is a text")
                return
            }
            #expect(throws: EventDecodingError.self) { try EventDecoder.layout(of: log) }
            #expect(Self.event(log) == nil)
            #expect(log.data.suffix(32).starts(with: text))
        }
    }

    /// For each text in the data a log in which it holds `text`, and the field that shows it.
    private static func logs(_ published: Published, text: [UInt8]) throws -> [(Log, Field)] {
        let layout = try #require(EventLayouts.layout(of: try Hash(hex: published.topic0)))
        let inData = layout.parameters.filter { !$0.isIndexed }
        let topics = try #require(
            Topics([layout.topic0] + layout.parameters.filter(\.isIndexed).map { _ in Hash.zero }))
        return inData.indices.filter { inData[$0].solidityType == "string" }.map { place in
            // All dynamic values but one are the empty one that stands first behind the head.
            let head = inData.enumerated().flatMap { index, parameter -> [UInt8] in
                let isDynamic = ["string", "bytes"].contains(parameter.solidityType)
                let offset = UInt64(32 * inData.count + (index == place ? 32 : 0))
                return (isDynamic ? UInt256(offset) : .zero).word.bytes
            }
            let content = text + [UInt8](repeating: 0, count: 32 - text.count)
            let log = Log(
                address: .zero, topics: topics,
                data: head + UInt256.zero.word.bytes + UInt256(UInt64(text.count)).word.bytes + content,
                blockNumber: 1, blockHash: .zero, transactionHash: .zero, transactionIndex: 0, logIndex: 0)
            return (log, inData[place].field)
        }
    }

    private static func event(_ log: Log) -> Event? {
        ChainID(rawValue: 1).flatMap {
            Event(decoding: log, chainID: $0, registry: .identity, timestamp: 0, transactionFrom: nil)
        }
    }
}
