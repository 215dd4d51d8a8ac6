import ArgumentParser
import Foundation

/// What `Benchmarks/run` measures in process; each subcommand prints one line of JSON.
@main
struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measures parts of Tocsin, and floors, in one process.",
        subcommands: [
            DecodeCommand.self, ParseCommand.self, MatchCommand.self, LinearCommand.self, PostCommand.self,
            RouteCommand.self, LogCommand.self, NodeCommand.self, FetchCommand.self,
        ])
}

/// Prints `result` as a line of JSON.
func report(_ result: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    print(String(decoding: try encoder.encode(result), as: UTF8.self))
}
