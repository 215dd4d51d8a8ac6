import Domain
public import Logging
public import ServiceLifecycle
public import Storage
import Synchronization

/// Evaluates every chain's feed against all triggers and stores the deliveries that result.
///
/// Each chain is evaluated by one engine at a time, under a fenced lease, and apart from the others: one that fails never
/// holds up another. Any number of engines may run; each holds all triggers in memory. A trigger in shadow is evaluated
/// and counted, and nothing is stored of it.
///
/// On shutdown work under way is cancelled: its transaction rolls back and the cursors stand.
public final class Engine: Service {
    private let database: Database
    private let logger: Logger
    private let settings: EngineSettings
    private let clock: any Clock<Duration>
    private let triggers: TriggerSet
    private let wakeUps = WakeUps()
    private let changes = WakeUps()
    private let loaded = Mutex(false)
    private let lock: LifeLock

    /// An engine over `database`; nothing starts before ``run()``.
    public init(
        database: Database, logger: Logger, settings: EngineSettings = EngineSettings(),
        clock: any Clock<Duration> = ContinuousClock()
    ) {
        self.database = database
        self.logger = logger
        self.settings = settings
        self.clock = clock
        triggers = TriggerSet(database: database, logger: logger, meters: EngineMeters())
        var random = SystemRandomNumberGenerator()
        lock = LifeLock(using: &random)
    }

    /// Whether all triggers are loaded, so that chains are evaluated.
    public var isReady: Bool { loaded.withLock { $0 } }

    /// How many triggers are evaluated, and how many are quarantined because their conditions do not compile.
    public var triggerCounts: (active: Int, quarantined: Int) {
        let counts = triggers.counts
        return (counts.active, counts.poison)
    }

    /// Evaluates until graceful shutdown or cancellation.
    public func run() async throws {
        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await self.listen() }
                group.addTask { await self.tick() }
                group.addTask { await self.lock.keep(on: self.database, clock: self.clock) }
                group.addTask {
                    guard await self.loadTriggers() else { return }
                    await withTaskGroup(of: Void.self) { group in
                        group.addTask { await self.keepTriggersFresh() }
                        group.addTask { await self.evaluateChains() }
                    }
                }
            }
        }
    }

    /// Passes notifications on; after a reconnect everyone looks.
    private func listen() async {
        for await notification in database.listen(["tocsin_feed", "tocsin_triggers"]) {
            switch notification {
            case .reconnected:
                wakeUps.fire()
                changes.fire()
            case .notified(let channel, _): (channel == "tocsin_triggers" ? changes : wakeUps).fire()
            }
        }
    }

    /// The safety net under the notifications.
    private func tick() async {
        while (try? await clock.sleep(for: settings.pollInterval)) != nil {
            wakeUps.fire()
            changes.fire()
        }
    }

    /// Loads all triggers, trying until it works; false when cancelled.
    private func loadTriggers() async -> Bool {
        var backoff = settings.retryFirst
        while !Task.isCancelled {
            do {
                try await triggers.refresh()
                loaded.withLock { $0 = true }
                return true
            } catch {
                if Task.isCancelled { return false }
                logger.warning("triggers cannot be loaded; it is tried again", metadata: ["error": "\(error)"])
                try? await clock.sleep(for: backoff)
                backoff = min(backoff * 2, settings.retryCeiling)
            }
        }
        return false
    }

    /// Applies changes as they come, so that a batch of feed rows finds little left to do.
    private func keepTriggersFresh() async {
        var isFailing = false
        for await _ in changes.stream() {
            do {
                try await triggers.refresh()
                try await triggers.purge()
                isFailing = false
            } catch {
                // Evaluating refreshes too, and waits until that works.
                if !isFailing, !Task.isCancelled {
                    logger.warning("changes of triggers cannot be read", metadata: ["error": "\(error)"])
                }
                isFailing = true
            }
        }
    }

    /// Gives each chain a worker, as chains appear.
    private func evaluateChains() async {
        await withTaskGroup(of: Void.self) { group in
            var known: Set<ChainID> = []
            let store = CursorStore(database: database, holder: lock.holder, leaseDuration: settings.leaseDuration)
            var wakes = wakeUps.stream().makeAsyncIterator()
            repeat {
                for chainID in (try? await database.query(SelectChains())) ?? [] where known.insert(chainID).inserted {
                    var logger = logger
                    logger[metadataKey: "chain.id"] = "\(chainID)"
                    let worker = ChainWorker(
                        chainID: chainID, store: store, triggers: triggers, settings: settings,
                        meters: ChainMeters(chain: chainID), logger: logger, clock: clock, wakeUps: wakeUps)
                    group.addTask { await worker.run() }
                }
            } while await wakes.next() != nil
        }
    }
}
