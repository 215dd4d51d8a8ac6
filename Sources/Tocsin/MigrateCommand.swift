import ArgumentParser
import Logging
import Storage

/// `tocsin migrate`: brings the schema up to date and ends.
struct MigrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate", abstract: "Bring the database's schema up to date.",
        discussion: "`tocsin serve` does it too; this is for deployments that do it in a step of its own.")

    @OptionGroup var options: SettingOptions

    func run() async throws {
        let settings = try await options.load()
        bootstrapLogging(level: settings.logLevel, format: settings.logFormat)
        do {
            let store = try await Store.open(settings, logger: Logger(label: "tocsin"))
            await store.close()
        } catch let error as StorageError {
            StandardError.line("tocsin: database: \(error.remedy)")
            throw ExitCode(69)
        }
        StandardOutput.line("the schema is up to date")
    }
}
