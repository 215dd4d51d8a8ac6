import Logging
import Storage
import Synchronization

/// Writes outcomes in batches, again and again until the database took them or their leases are over.
final class OutcomeWriter: Sendable {
    /// The most outcomes of one statement.
    static let batchMaximum = 200

    private struct State {
        var pending: [Outcome] = []
        var isClosed = false
    }

    private let database: Database
    private let logger: Logger
    /// How long an outcome waits for others to be written with.
    private let window: Duration
    /// How long writing is tried before the leases return the deliveries anyway.
    private let patience: Duration
    private let didWrite: @Sendable ([Lease]) -> Void
    private let state = Mutex(State())
    private let bell = Bell()

    init(
        database: Database, logger: Logger, window: Duration, patience: Duration,
        didWrite: @escaping @Sendable ([Lease]) -> Void
    ) {
        self.database = database
        self.logger = logger
        self.window = window
        self.patience = patience
        self.didWrite = didWrite
    }

    func add(_ outcome: Outcome) {
        let isFirst = state.withLock { state in
            state.pending.append(outcome)
            return state.pending.count == 1
        }
        if isFirst { bell.ring() }
    }

    /// Ends ``run()`` once everything is written.
    func close() {
        state.withLock { $0.isClosed = true }
        bell.ring()
    }

    func run() async {
        while true {
            let (batch, isClosed) = state.withLock { state in
                let batch = Array(state.pending.prefix(Self.batchMaximum))
                state.pending.removeFirst(batch.count)
                return (batch, state.isClosed)
            }
            if batch.isEmpty {
                if isClosed { return }
                guard await bell.wait() else { return }
                // The first of a batch waits a little for company; a full one follows at once.
                let isFull = state.withLock { $0.pending.count >= Self.batchMaximum || $0.isClosed }
                if !isFull { try? await Task.sleep(for: window) }
                continue
            }
            await write(batch.sorted { $0.deliveryID < $1.deliveryID })
        }
    }

    private func write(_ batch: [Outcome]) async {
        let deadline = ContinuousClock.now + patience
        var delay = Duration.milliseconds(20)
        while true {
            do {
                let written = try await database.plannedAnew(FinishDeliveries(outcomes: batch))
                if written.count < batch.count { reportFenced(batch, written) }
                didWrite(batch.map(\.lease))
                return
            } catch let error as StorageError where error.isTransient && .now < deadline && !Task.isCancelled {
                // Repeating is harmless, also when the first commit's result is unknown: the lease is gone then.
                try? await Task.sleep(for: delay)
                delay = min(delay * 2, .seconds(1))
            } catch {
                await split(batch, error)
                return
            }
        }
    }

    /// Writes a batch that was refused one by one, so that one bad row does not hold up the others.
    private func split(_ batch: [Outcome], _ error: any Error) async {
        let isRefused = (error as? StorageError).map { !$0.isTransient && $0 != .cancelled && $0 != .closed } ?? false
        guard isRefused, batch.count > 1 else {
            for outcome in batch {
                logger.error(
                    "an outcome could not be written; its lease will return the delivery",
                    metadata: [
                        "delivery.id": "\(outcome.deliveryID)", "attempt": "\(outcome.number)", "error": "\(error)",
                    ])
            }
            didWrite(batch.map(\.lease))
            return
        }
        for outcome in batch { await write([outcome]) }
    }

    private func reportFenced(_ batch: [Outcome], _ written: [Int64]) {
        let written = Set(written)
        for outcome in batch where !written.contains(outcome.deliveryID) {
            logger.warning(
                "an outcome came too late: the lease was lost",
                metadata: ["delivery.id": "\(outcome.deliveryID)", "attempt": "\(outcome.number)"])
        }
    }
}
