import Dispatch
import Glibc
import Logging
import Synchronization

/// What a listener hears.
public enum DatabaseNotification: Sendable, Hashable {
    /// The connection is new: notifications may have been missed, so look for work in every channel's table.
    case reconnected
    /// Somebody notified `channel`.
    case notified(channel: String, payload: String)
}

/// Listens over a connection of its own, on a queue of its own, until it is stopped.
final class NotificationListener: Sendable {
    /// How many notifications wait for a slow reader before they are dropped and replaced by one `.reconnected`.
    private static let maximumBuffered = 1024
    /// A silent connection is asked for a sign of life this often.
    private static let silence: Duration = .seconds(30)

    private let channels: [String]
    private let configuration: DatabaseConfiguration
    private let health: ServerHealth
    private let continuation: AsyncStream<DatabaseNotification>.Continuation
    private let stopSignal: StopSignal

    private init(
        _ channels: [String], configuration: DatabaseConfiguration, logger: Logger,
        continuation: AsyncStream<DatabaseNotification>.Continuation, stopSignal: StopSignal
    ) {
        self.channels = channels
        self.configuration = configuration
        health = ServerHealth(logger: logger)
        self.continuation = continuation
        self.stopSignal = stopSignal
    }

    /// A stream of what arrives on `channels`; it ends when its reader does.
    static func stream(
        _ channels: [String], configuration: DatabaseConfiguration, logger: Logger
    ) -> AsyncStream<DatabaseNotification> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: DatabaseNotification.self, bufferingPolicy: .bufferingNewest(maximumBuffered))
        guard let stopSignal = StopSignal() else {
            continuation.finish()
            return stream
        }
        let listener = NotificationListener(
            channels, configuration: configuration, logger: logger, continuation: continuation, stopSignal: stopSignal)
        continuation.onTermination = { _ in stopSignal.stop() }
        DispatchQueue(label: "tocsin.storage.listen").async { listener.run() }
        return stream
    }

    private func run() {
        var backoff = Backoff()
        while !stopSignal.isStopped {
            do throws(StorageError) {
                let link = try Link.connect(configuration)
                for channel in channels { try link.listen(channel, until: .now + .seconds(5)) }
                health.reached()
                backoff.reset()
                continuation.yield(.reconnected)
                try serve(link)
            } catch {
                health.failed(error)
                stopSignal.wait(upTo: backoff.next())
            }
        }
        continuation.finish()
    }

    /// Passes on what arrives, until stopped or the connection breaks.
    private func serve(_ link: borrowing Link) throws(StorageError) {
        while !stopSignal.isStopped {
            while let notification = link.nextNotification() {
                if case .dropped = continuation.yield(notification) { continuation.yield(.reconnected) }
            }
            if try link.waitForInput(or: stopSignal.descriptor, upTo: Self.silence) {
                try link.consume()
            } else if !stopSignal.isStopped {
                _ = try link.run("SELECT 1", until: .now + .seconds(5))
            }
        }
    }
}
