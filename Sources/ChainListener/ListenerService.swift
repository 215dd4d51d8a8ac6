public import Domain
public import Logging
public import ServiceLifecycle
public import Storage

/// Listens to every enabled chain, each on its own: one that fails or halts never holds up another.
///
/// On graceful shutdown the listeners are cancelled; an open transaction rolls back and the checkpoints stand.
public final class ListenerService: Service {
    private let listeners: [Listener]
    private let database: Database
    private let clock: any Clock<Duration>
    private let lock: LifeLock
    private let board: StatusBoard
    private let random: any RandomNumberGenerator & Sendable

    /// The listeners of the enabled ones among `chains`; nothing starts before `run()`.
    ///
    /// - Parameter source: Makes what a chain's listener asks; called once for each enabled chain.
    public init(
        chains: [Chain], database: Database, logger: Logger, settings: ListenerSettings = ListenerSettings(),
        clock: any Clock<Duration> = ContinuousClock(),
        random: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator(),
        source: (Chain) -> any ChainSource
    ) {
        let enabled = chains.filter(\.isEnabled)
        let board = StatusBoard(enabled.map(\.id))
        var random = random
        let lock = LifeLock(using: &random)
        self.random = random
        self.database = database
        self.clock = clock
        self.board = board
        self.lock = lock
        listeners = enabled.map { chain in
            var logger = logger
            logger[metadataKey: "chain.id"] = "\(chain.id)"
            // A lease outlives two polls; a holder that dies loses it at once with its life lock.
            let store = FeedStore(
                database: database, holder: lock.holder,
                leaseDuration: settings.leaseDuration + (chain.pollInterval ?? HeadPacer.ceiling) * 2,
                pruneMax: settings.pruneMax)
            return Listener(
                chain: chain, source: source(chain), store: store, ledger: LedgerStore(database: database),
                settings: settings, board: board, meters: ListenerMeters(chain: chain.id), logger: logger,
                clock: clock)
        }
    }

    /// How each enabled chain does, by chain id.
    public func status() -> [ListenerStatus] { board.all }

    /// Listens until graceful shutdown or cancellation.
    public func run() async throws {
        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Void.self) { group in
                let (taken, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
                group.addTask {
                    await self.lock.keep(on: self.database, clock: self.clock) { continuation.yield() }
                }
                // Without the life lock no lease can be had, which would look as if another process had them all.
                for await _ in taken { break }
                for listener in self.listeners {
                    group.addTask { await listener.run(using: self.random) }
                }
            }
        }
    }
}
