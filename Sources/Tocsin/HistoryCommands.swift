import ArgumentParser
import ChainListener
import Domain
import EthereumRPC
import Foundation
import HTTPClient
import Logging
import Storage

/// `tocsin backfill`: fetches blocks again and appends what lacks.
struct BackfillCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backfill", abstract: "Fetch blocks of history again and append the logs that lack.",
        discussion: """
            Works on blocks that the listener has passed; newer ones are its own task. Late events are feed rows like \
            others. Refused while a process listens to the chain.
            """)

    @OptionGroup var options: SettingOptions
    @Option(help: "The chain's id, as in chains.json.") var chain: Int64
    @Option(help: "The first block.") var from: Int64
    @Option(help: "The last block.") var to: Int64

    func run() async throws {
        guard let first = BlockNumber(rawValue: from), let last = BlockNumber(rawValue: to), first <= last else {
            StandardError.line("tocsin: --from, --to: need 0 <= from <= to")
            throw ExitCode(64)
        }
        try await ChainCommand.run(options, chain: chain) { tools in
            let bar = ProgressBar(first: first, last: last)
            let report = try await tools.backfill(first...last) { bar.show($0, at: $1) }
            bar.finish(report)
        }
    }
}

/// `tocsin verify`: compares what is stored with a node and repairs it.
struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Compare stored history with the nodes and repair it.",
        discussion: """
            Logs that lack are appended, stored ones that are not on the chain are retracted. Leaves with 1 where another \
            block is stored than the nodes show: tocsin rewind is for that. Refused while a process listens to the chain.
            """)

    @OptionGroup var options: SettingOptions
    @Option(help: "The chain's id, as in chains.json.") var chain: Int64
    @Option(help: "The first block; the registries' first one unless told.") var from: Int64?
    @Option(help: "The last block; the last final one unless told.") var to: Int64?

    func run() async throws {
        let (first, last) = (from.flatMap(BlockNumber.init), to.flatMap(BlockNumber.init))
        guard from == nil || first != nil, to == nil || last != nil else {
            StandardError.line("tocsin: --from, --to: a block's number is not negative")
            throw ExitCode(64)
        }
        try await ChainCommand.run(options, chain: chain) { tools in
            let bar = ProgressBar(first: first, last: last)
            let report = try await tools.verify(from: first, to: last) { bar.show($0, at: $1) }
            bar.finish(report)
            guard let doubted = report.doubted.min() else { return }
            StandardError.line(
                """
                tocsin: chain \(chain): block \(doubted) is stored as another one than the nodes show, as are \
                \(report.doubted.count - 1) more
                  Check that every endpoint of the chain is right; then run tocsin rewind --chain \(chain) --to \
                \(doubted.advanced(by: -1))
                """)
            throw ExitCode(1)
        }
    }
}

/// `tocsin rewind`: an operator's way out of a halt.
struct RewindCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rewind", abstract: "Take back everything above a block, so that a halted chain goes on.",
        discussion: """
            Every event above the block is retracted in the feed, final or not, and the listener reads the blocks anew. \
            Refused while a process listens to the chain; a halted chain is nobody's.
            """)

    @OptionGroup var options: SettingOptions
    @Option(help: "The chain's id, as in chains.json.") var chain: Int64
    @Option(help: "The block to go back to, which stays.") var to: Int64

    func run() async throws {
        guard let number = BlockNumber(rawValue: to) else {
            StandardError.line("tocsin: --to: a block's number is not negative")
            throw ExitCode(64)
        }
        try await ChainCommand.run(options, chain: chain) { tools in
            let retracted = try await tools.rewind(to: number)
            StandardOutput.line("chain \(chain) is back at block \(number); \(retracted) events were retracted")
        }
    }
}

/// What the commands on one chain have in common.
private enum ChainCommand {
    /// Runs `work` with the chain's tools; prints what is wrong and leaves with a code that tells what.
    static func run(
        _ options: SettingOptions, chain id: Int64, _ work: (ChainTools) async throws -> Void
    ) async throws {
        let settings = try await options.load()
        let file = try ChainsFile.load(settings.chainsFile)
        guard let chain = file.chains.first(where: { $0.id.rawValue == id }) else {
            StandardError.line("tocsin: --chain: \(id) is not in \(settings.chainsFile); add it or correct the number")
            throw ExitCode(64)
        }
        bootstrapLogging(level: settings.logLevel, format: settings.logFormat)
        let logger = Logger(label: "tocsin")
        do {
            let store = try await Store.open(settings, logger: logger)
            let transport = CurlTransport()
            let source = PooledChainSource(
                ProviderPool(chainID: chain.id, urls: chain.rpcURLs, transport: transport, logger: logger))
            let tools = ChainTools(chain: chain, source: source, database: store.working, logger: logger)
            let result: Result<Void, any Error>
            do { result = .success(try await work(tools)) } catch { result = .failure(error) }
            await transport.shutdown()
            await store.close()
            try result.get()
        } catch let error as ChainToolError {
            StandardError.line("tocsin: \(error.remedy)")
            throw ExitCode(error.exitCode)
        } catch let error as StorageError {
            StandardError.line("tocsin: database: \(error.remedy)")
            throw ExitCode(69)
        }
    }
}

extension ChainToolError {
    /// The error in words, and what to do about it.
    fileprivate var remedy: String {
        switch self {
        case .busy(let chain):
            """
            --chain: another process listens to chain \(chain)
              Stop every tocsin serve with the role listener, or disable the chain in its chains.json, and try again.
            """
        case .nothingStored(let chain):
            "--chain: nothing is stored of chain \(chain) yet\n  Let tocsin serve read it first."
        case .aboveCheckpoint(let block, let checkpoint):
            """
            block \(block) lies above \(checkpoint), the last one that can be asked for
              Newer blocks are the listener's own task: choose blocks up to \(checkpoint).
            """
        case .belowStart(let first):
            """
            --to: no registry of the chain has logs before block \(first)
              Correct the blocks, or start_block in chains.json.
            """
        case .otherBlock(let block):
            "--to: block \(block) is stored as another one than the nodes show\n  Choose a lower block."
        case .nodes(let reason): "\(reason)\n  Check rpc_urls of the chain in chains.json, and try again."
        case .leaseLost(let chain):
            "--chain: another process took chain \(chain) over\n  What was done so far stays. Stop it and try again."
        }
    }

    fileprivate var exitCode: Int32 {
        switch self {
        case .busy, .leaseLost, .nodes: 69
        case .nothingStored, .aboveCheckpoint, .belowStart, .otherBlock: 64
        }
    }
}
