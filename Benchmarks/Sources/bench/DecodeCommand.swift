import ArgumentParser
import CFloors
import Domain
import EthereumRPC
import Samples

/// How many logs a round of both measurements has.
private let logCount = 2_000

/// From the bytes of an answer to decoded events that were checked against the question, on one core.
///
/// The way is the listener's: the pool of providers with its checks, then the decoder. The node is canned and costs
/// nothing.
struct DecodeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "decode", abstract: "Decodes answers to eth_getLogs.")

    @Option(help: "How many answers are decoded.") var rounds = 400

    private struct Result: Encodable {
        var logsPerS: Double
        var megabytesPerS: Double
        var events: Int
        var seed: UInt64
    }

    func run() async throws {
        let answer = Answer(count: logCount)
        let chain = World.chain(0)
        let pool = ProviderPool(
            chainID: chain, urls: ["http://127.0.0.1/"], transport: CannedTransport(answer: answer),
            random: CannedTransport.FirstIDZero())
        _ = try await Self.round(pool, answer, chain)
        var events = 0
        let start = processSeconds()
        for _ in 0..<rounds { events += try await Self.round(pool, answer, chain) }
        let seconds = processSeconds() - start
        guard events == rounds * logCount else { throw ValidationError("only \(events) logs were decoded") }
        try report(
            Result(
                logsPerS: Double(events) / seconds,
                megabytesPerS: Double(answer.logs.count * rounds) / seconds / 1e6, events: events, seed: World.seed))
    }

    private static let registries = Registry.allCases.map { (address: World.contract(of: $0), registry: $0) }

    /// How many events an answer holds, each decoded and asked for its agent.
    private static func round(_ pool: ProviderPool, _ answer: Answer, _ chain: ChainID) async throws -> Int {
        let blocks = try await pool.blockWithLogs(range: answer.range, addresses: registries.map(\.address))
        var events = 0
        let logs = blocks.logs.span
        for index in logs.indices {
            let address = logs[index].address
            guard let registry = registries.first(where: { $0.address == address })?.registry,
                let event = Event(
                    decoding: logs[index], chainID: chain, registry: registry, timestamp: 0,
                    transactionFrom: nil),
                event.value(of: .agentID) != nil
            else { continue }
            events += 1
        }
        return events
    }
}

/// The floor of `decode`: simdjson parsing the same bytes into its tape, and nothing else.
struct ParseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "parse", abstract: "Parses the same answers.")

    @Option(help: "How many answers are parsed.") var rounds = 2_000

    private struct Result: Encodable {
        var logsPerS: Double
        var megabytesPerS: Double
    }

    func run() async throws {
        let answer = Answer(count: logCount)
        let seconds = answer.logs.withUnsafeBytes { bytes in
            floors_parse(bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count, Int32(rounds))
        }
        guard seconds > 0 else { throw ValidationError("the answer is not JSON") }
        try report(
            Result(
                logsPerS: Double(rounds * logCount) / seconds,
                megabytesPerS: Double(rounds * answer.logs.count) / seconds / 1e6))
    }
}
