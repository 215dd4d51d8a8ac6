public import Domain
import Ethereum

/// An answer to `eth_getLogs` over a range of blocks, as a node writes it.
public struct Answer: Sendable {
    /// The blocks that it is about.
    public let range: ClosedRange<BlockNumber>
    /// The logs as a JSON array, without the envelope of JSON-RPC.
    public let logs: [UInt8]
    /// The first and the last block as JSON objects.
    public let headers: [String]
    /// How many logs there are.
    public let count: Int

    /// An answer with `count` logs, ten to a block.
    public init(count: Int, seed: UInt64 = World.seed) {
        var sampler = EventSampler(seed: seed)
        let first: BlockNumber = 20_000_000
        var texts: [String] = []
        for index in 0..<count {
            texts.append(Self.text(of: sampler.log(block: first.advanced(by: index / 10), index: index % 10)))
        }
        let last = first.advanced(by: max(count - 1, 0) / 10)
        range = first...last
        logs = Array("[\(texts.joined(separator: ","))]".utf8)
        headers = [Self.header(first), Self.header(last)]
        self.count = count
    }

    /// The beginning of a log as JSON, from its bracket to the last digit of its data.
    public static func front(of log: Log) -> String {
        let topics = log.topics.map { "\"\($0)\"" }.joined(separator: ",")
        return #"{"address":"\#(Hex.encode(log.address.bytes))","topics":[\#(topics)],"data":"\#(Hex.encode(log.data))"#
    }

    private static func text(of log: Log) -> String {
        """
        \(front(of: log))","blockNumber":"\(quantity(UInt64(log.blockNumber.rawValue)))",\
        "blockHash":"\(log.blockHash)","blockTimestamp":"0x6553f100","transactionHash":"\(log.transactionHash)",\
        "transactionIndex":"\(quantity(UInt64(log.transactionIndex)))",\
        "logIndex":"\(quantity(UInt64(log.logIndex)))","removed":false}
        """
    }

    private static func header(_ number: BlockNumber) -> String {
        let bloom = String(repeating: "f", count: 512)
        return """
            {"number":"\(quantity(UInt64(number.rawValue)))","hash":"\(World.word(UInt64(number.rawValue)))",\
            "parentHash":"\(World.word(UInt64(number.rawValue) - 1))","timestamp":"0x6553f100",\
            "logsBloom":"0x\(bloom)","transactions":[]}
            """
    }

    private static func quantity(_ number: UInt64) -> String { "0x" + String(number, radix: 16) }
}
