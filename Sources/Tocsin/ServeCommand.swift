import ArgumentParser
import Domain
import Foundation
import Logging
import Metrics
import ServiceLifecycle
import Storage
import UnixSignals

/// `tocsin serve`: runs the roles of this process until a signal ends it.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Listen, match, deliver and serve the API.",
        discussion:
            "SIGTERM and SIGINT drain: what is under way is finished, nothing new begins. A second one stops at once.")

    @OptionGroup var options: SettingOptions

    func run() async throws {
        let settings = try await options.load()
        let file = try ChainsFile.load(settings.chainsFile)
        bootstrapLogging(level: settings.logLevel, format: settings.logFormat)
        let metrics = PrometheusMetrics()
        MetricsSystem.bootstrap(metrics)
        let logger = Logger(label: "tocsin")
        do {
            let store = try await Store.open(settings, logger: logger)
            do {
                let application = try Application(
                    settings: settings, chains: file.chains, store: store, metrics: metrics, logger: logger)
                try await Self.run(application, logger: logger)
            } catch {
                await store.close()
                throw error
            }
            await store.close()
        } catch let error as StorageError {
            StandardError.line("tocsin: database: \(error.remedy)")
            throw ExitCode(69)
        } catch let problems as SettingProblems {
            for problem in problems.problems { StandardError.line("tocsin: \(problem)") }
            throw ExitCode(78)
        }
    }

    private static func run(_ application: Application, logger: Logger) async throws {
        let group = ServiceGroup(configuration: application.services)
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                var isDraining = false
                for await signal in signals {
                    if isDraining {
                        logger.warning("stopping at once", metadata: ["signal": "\(signal)"])
                        // Not through the tasks: whoever hangs must not hold this up. Leases and locks end with us.
                        _exit(130)
                    }
                    isDraining = true
                    logger.notice("draining; the same signal again stops at once", metadata: ["signal": "\(signal)"])
                    await group.triggerGracefulShutdown()
                }
            }
            tasks.addTask { try await group.run() }
            defer { tasks.cancelAll() }
            try await tasks.next()
        }
    }
}
