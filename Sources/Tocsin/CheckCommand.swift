import ArgumentParser
import Domain
import EthereumRPC
import Foundation
import HTTPClient
import Logging

/// Options that every command with settings takes.
struct SettingOptions: ParsableArguments {
    @Option(name: .long, help: "A file of NAME=value lines; the environment goes before it.")
    var config: String?

    /// The settings; prints every problem and leaves with 78 (EX_CONFIG) if there are any.
    func load() async throws -> Settings {
        do {
            return try await Settings(environment: ProcessInfo.processInfo.environment, configurationFile: config)
        } catch let problems as SettingProblems {
            for problem in problems.problems { StandardError.line("tocsin: \(problem)") }
            throw ExitCode(78)
        }
    }
}

/// Standard error, a line at a time.
enum StandardError {
    /// Writes `text` and a line break.
    static func line(_ text: String) {
        FileHandle.standardError.write(Data((text + "\n").utf8))
    }
}

/// `tocsin check`: settings and `chains.json`, every problem at once.
struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Check the settings and chains.json; every problem at once.",
        discussion:
            "Leaves with 78 if something is wrong, and with 69 if --online finds a chain that no endpoint serves.")

    @OptionGroup var options: SettingOptions

    @Flag(help: "Also ask each endpoint for its chain id and head.")
    var online = false

    func run() async throws {
        // Wrong settings do not hide what is wrong with chains.json.
        let loaded: Result<Settings, any Error>
        do { loaded = .success(try await options.load()) } catch { loaded = .failure(error) }
        if case .success(let settings) = loaded { show(settings) }
        let named = ProcessInfo.processInfo.environment["CHAINS_FILE"]
        let file = try ChainsFile.load((try? loaded.get().chainsFile) ?? named ?? "chains.json")
        _ = try loaded.get()
        for chain in file.chains {
            let state = chain.isEnabled ? "enabled" : "disabled"
            StandardOutput.line(
                "chain \(chain.id) \(chain.name): \(state), \(chain.rpcURLs.count) endpoints, \(chain.contracts.count) contracts"
            )
        }
        if online { try await ask(file.chains.filter(\.isEnabled)) }
    }

    private func show(_ settings: Settings) {
        for setting in Setting.all {
            let source = settings.sources[setting.name] ?? .standard
            let value =
                source == .standard ? setting.standard : setting.isSecret ? "••••" : settings.values[setting.name] ?? ""
            StandardOutput.line("\(setting.name)=\(value)  [\(source.rawValue)]  \(setting.range)")
        }
    }

    private func ask(_ chains: [Chain]) async throws {
        let transport = CurlTransport()
        var unserved = 0
        for chain in chains {
            var served = false
            for url in chain.httpURLs {
                let name = URL(string: url)?.host ?? "an endpoint"
                let pool = ProviderPool(
                    chainID: chain.id, urls: [url], transport: transport, logger: Logger(label: "tocsin.check"))
                do {
                    let head = try await pool.head()
                    StandardOutput.line("chain \(chain.id): \(name) is at block \(head.number)")
                    served = true
                } catch {
                    StandardOutput.line("chain \(chain.id): \(name): \(Self.explanation(of: error))")
                }
            }
            await hear(chain)
            if !served {
                unserved += 1
                StandardError.line(
                    "tocsin: chain \(chain.id): no endpoint answers; check rpc_urls in chains.json and the network")
            }
        }
        await transport.shutdown()
        if unserved > 0 { throw ExitCode(69) }
    }

    /// Says of each socket of `chain` whether it announces blocks; one that does not costs latency and nothing else.
    private func hear(_ chain: Chain) async {
        guard
            let sockets = HeadSockets(
                chainID: chain.id, urls: chain.socketURLs, transport: NIOSocketTransport(),
                logger: Logger(label: "tocsin.check"))
        else { return }
        for (index, status) in sockets.status().enumerated() {
            let failure = await sockets.probe(index)
            let verdict = failure.map { "announces no blocks (\($0.errorClass))" } ?? "announces blocks"
            StandardOutput.line("chain \(chain.id): socket \(status.endpoint) \(verdict)")
        }
    }
}

extension CheckCommand {
    /// What is wrong with an endpoint, and what to do about it.
    fileprivate static func explanation(of error: RPCError) -> String {
        switch error {
        case .wrongChain(let expected, let found):
            "serves chain \(found), not \(expected); correct its URL or the chain_id"
        case .transport(let error): "cannot be reached (\(error.errorClass))"
        case .unauthorized: "refuses us; check the key in its URL"
        case .rateLimited: "limits our rate; ask again later or use another plan"
        default: "does not answer as a node does (\(error.errorClass))"
        }
    }
}

extension ChainsFile {
    /// Reads the file at `path`; prints every problem and leaves with 78 if there are any.
    static func load(_ path: String) throws -> ChainsFile {
        guard let data = FileManager.default.contents(atPath: path) else {
            StandardError.line(
                "tocsin: CHAINS_FILE: \(path) cannot be read; name the file with CHAINS_FILE or run where it lies"
            )
            throw ExitCode(78)
        }
        do {
            let file = try ChainsFile(parsing: data, environment: ProcessInfo.processInfo.environment)
            for warning in file.warnings { StandardError.line("tocsin: \(path): warning: \(warning)") }
            return file
        } catch {
            for problem in error.problems { StandardError.line("tocsin: \(path): \(problem)") }
            throw ExitCode(78)
        }
    }
}
