import Domain
import Foundation
public import HTTPClient
public import Logging
public import ServiceLifecycle
public import Signatures
public import Storage
import Synchronization

/// Claims due deliveries, attempts them and records what happened, until graceful shutdown.
///
/// Any number of processes may run one on the same database. On shutdown it claims nothing more and waits for the
/// attempts under way; those that it has to break off go back with their count unchanged.
public final class DispatcherService: Service {
    let database: Database
    let settings: DispatcherSettings
    let logger: Logger
    let catalogue: Catalogue
    let telegram: TelegramSender
    let rest: RESTSender
    let mcp: MCPSender
    let writer: OutcomeWriter
    let board: DispatchBoard
    let meters = DispatchMeters()
    let bell = Bell()
    let pulse = Bell()

    /// A dispatcher that has not begun.
    ///
    /// - Parameters:
    ///   - transport: Sends everything; its egress guard decides about the addresses that users chose.
    ///   - secrets: Opens what actions keep secret.
    public init(
        database: Database, transport: any Transport, secrets: SecretBox, settings: DispatcherSettings, logger: Logger
    ) {
        let catalogue = Catalogue(database: database, secrets: secrets, chains: settings.chains, logger: logger)
        let board = DispatchBoard(settings)
        let migration = ChatMigration(database: database, catalogue: catalogue, logger: logger)
        self.database = database
        self.settings = settings
        self.logger = logger
        self.catalogue = catalogue
        self.board = board
        telegram = TelegramSender(
            settings: .init(apiURL: settings.telegramAPIURL, token: settings.telegramToken), transport: transport,
            logger: logger, didMigrate: { message, chat in await migration.record(message, movedTo: chat) })
        rest = RESTSender(transport: transport)
        mcp = MCPSender(transport: transport, version: settings.version)
        writer = OutcomeWriter(
            database: database, logger: logger, window: .milliseconds(5), patience: settings.lease,
            didWrite: { leases in board.release(leases) })
    }

    func sender(for channel: Channel) -> any Sender {
        switch channel {
        case .rest: rest
        case .telegram: telegram
        case .mcp: mcp
        }
    }

    /// Looks for due deliveries at once; for whoever has just stored some in this process.
    public func wake() {
        board.noteWork()
        bell.ring()
    }

    /// Dispatches until graceful shutdown, or until the task is cancelled.
    ///
    /// Faults of the database are waited out.
    public func run() async throws {
        await withGracefulShutdownHandler {
            await withDiscardingTaskGroup { writing in
                writing.addTask { await self.writer.run() }
                await withDiscardingTaskGroup { background in
                    background.addTask { await self.listen() }
                    background.addTask { await self.poll() }
                    background.addTask { await self.hurry() }
                    background.addTask { await self.keepLeases() }
                    background.addTask { await self.keepHouse() }
                    await self.dispatch()
                    background.cancelAll()
                }
                self.writer.close()
            }
            await self.mcp.close()
        } onGracefulShutdown: {
            self.board.beginDraining()
            self.bell.ring()
        }
    }
}
