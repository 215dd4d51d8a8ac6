import ArgumentParser

/// The command line: `tocsin serve` and the commands around it.
@main
struct TocsinCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tocsin",
        abstract: "Watches the ERC-8004 agent registries and notifies Telegram chats, webhooks and MCP servers.",
        version: tocsinVersion,
        subcommands: [
            ServeCommand.self, MigrateCommand.self, CheckCommand.self, VersionCommand.self, DecodeCommand.self,
            VerifySignatureCommand.self, BackfillCommand.self, VerifyCommand.self, RewindCommand.self,
        ])
}

/// The version of this build.
let tocsinVersion = "0.1.0"

/// `tocsin version`.
struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "version", abstract: "Print the version.")

    func run() { print("tocsin \(tocsinVersion)") }
}
