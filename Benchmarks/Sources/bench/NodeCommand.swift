import ArgumentParser
import CFloors
import Domain
import Ethereum
import Foundation
import Samples

/// A node over a chain that is made up as it is asked for, so that it costs little and can be as long as one likes.
///
/// Its first line is JSON and says where it listens. It runs until it is ended.
struct NodeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "node", abstract: "Serves a made-up chain.")

    @Option(help: "The port on the loopback interface; 0 for any free one.") var port: UInt16 = 0
    @Option(help: "The number of the newest block at the start.") var blocks: UInt64
    @Option(help: "After how many milliseconds there is a new block; 0 for never.") var growMs: UInt64 = 0
    @Option(help: "A file that gets a line for each answer: asked, sent (µs since 1970), highest block.") var journal:
        String?
    @Option(help: "How many logs a block has that has any.") var logsPerBlock: UInt64 = 100
    @Option(help: "Only blocks whose number is a multiple of this one have logs.") var every: UInt64 = 1
    @Option(help: "How many blocks the finalized one is behind the newest.") var behind: UInt64 = 64
    @Option(help: "For how many milliseconds each answer is held back.") var latencyMs: UInt64 = 0
    @Option(help: "The most blocks that a search may have; 0 for any number.") var rangeMax: UInt64 = 0
    @Option(help: "The most logs that an answer may have; 0 for any number.") var resultsMax: UInt64 = 0
    @Option(help: "How many different logs there are; they come again in turn.") var samples = 2_000

    private struct Ready: Encodable {
        var chainId: Int64
        var port: UInt16
        var rpcUrl: String
        var registries: [String: String]
    }

    func validate() throws {
        guard blocks < 1 << 40, logsPerBlock < 1 << 20, every > 0, latencyMs <= 60_000, growMs <= 60_000,
            (1...100_000).contains(samples)
        else { throw ValidationError("a number is out of bounds") }
    }

    func run() throws {
        var sampler = EventSampler()
        // The samples live as long as the process.
        let made = (0..<samples).map { _ in Self.sample(sampler.log(block: 1, index: 0)) }
        try made.withUnsafeBufferPointer { made in
            var node = floors_node(
                chain_id: UInt64(World.chain(0).rawValue), blocks: blocks, grow_us: growMs * 1_000,
                logs_per_block: logsPerBlock, every: every,
                behind: behind, latency_us: latencyMs * 1_000, range_max: rangeMax, results_max: resultsMax,
                journal: journal.map { UnsafePointer(strdup($0)) }, samples: made.baseAddress, sample_count: made.count)
            floors_serve(&node, port, { port, _ in NodeCommand.announce(port) }, nil)
            throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO)
        }
    }

    private static func announce(_ port: UInt16) {
        let registries = Registry.allCases.map { ($0.rawValue, Hex.encode(World.contract(of: $0).bytes)) }
        try? report(
            Ready(
                chainId: World.chain(0).rawValue, port: port, rpcUrl: "http://127.0.0.1:\(port)",
                registries: Dictionary(uniqueKeysWithValues: registries)))
        fflush(nil)
    }

    private static func sample(_ log: Log) -> floors_sample {
        var bloom = Bloom()
        bloom.insert(log.address)
        for topic in log.topics { bloom.insert(topic) }
        let bytes = UnsafeMutablePointer<UInt8>.allocate(capacity: 256)
        bytes.initialize(from: bloom.bytes, count: 256)
        let topics = UnsafeMutablePointer<UnsafePointer<CChar>?>.allocate(capacity: log.topics.count)
        for (place, topic) in log.topics.enumerated() {
            (topics + place).initialize(to: UnsafePointer(strdup(topic.description)))
        }
        return floors_sample(
            front: strdup(Answer.front(of: log)), address: strdup(Hex.encode(log.address.bytes)), topics: topics,
            topic_count: log.topics.count, bloom: bytes)
    }
}
