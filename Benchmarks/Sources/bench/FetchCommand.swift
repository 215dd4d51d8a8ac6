import ArgumentParser
import ChainListener
import Domain
import EthereumRPC
import Foundation
import HTTPClient
import Samples

/// History fetched from a node, checked and decoded as the listener does it, without a database and without senders.
struct FetchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "fetch", abstract: "Fetches a made-up chain.")

    @Option(help: "The URL of `bench node`.") var url: String
    @Option(help: "The first block.") var from: Int64 = 1
    @Option(help: "The last block.") var to: Int64

    private struct Result: Encodable {
        var logsPerS: Double
        var blocksPerS: Double
        var logs: Int
        var events: Int
        var contradictedBlocks: Int
        var stretches: Int
        var seconds: Double
        var cpuSeconds: Double
    }

    func run() async throws {
        guard let first = BlockNumber(rawValue: from), let last = BlockNumber(rawValue: to), first <= last else {
            throw ValidationError("the blocks are from … to")
        }
        let transport = CurlTransport()
        let chain = Chain(
            id: World.chain(0), name: "Bench", rpcURLs: [url], pollInterval: .seconds(1), confirmations: 4,
            finality: .tags, explorerURL: nil,
            contracts: Registry.allCases.map {
                RegistryContract(registry: $0, address: World.contract(of: $0), startBlock: 0)
            })
        let source = PooledChainSource(ProviderPool(chainID: chain.id, urls: [url], transport: transport))
        var settings = ListenerSettings()
        settings.fetchesSenders = false
        let start = ContinuousClock.now
        let cpu = processSeconds()
        let found = try await HistoryScan(chain: chain, source: source, settings: settings).run(first...last)
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        try report(
            Result(
                logsPerS: Double(found.logs) / seconds, blocksPerS: Double(to - from + 1) / seconds, logs: found.logs,
                events: found.events, contradictedBlocks: found.contradictedBlocks, stretches: found.stretches,
                seconds: seconds,
                cpuSeconds: processSeconds() - cpu))
        await transport.shutdown()
    }
}
