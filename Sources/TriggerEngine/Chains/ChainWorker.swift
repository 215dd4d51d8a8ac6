import Domain
import Logging
import Storage

/// Evaluates one chain's feed until it is cancelled; whatever fails, it says so once and tries again.
struct ChainWorker: Sendable {
    let chainID: ChainID
    let store: any CursorStoring
    let triggers: TriggerSet
    let settings: EngineSettings
    let meters: ChainMeters
    let logger: Logger
    let clock: any Clock<Duration>
    /// Fires when there may be something new, and with every poll.
    let wakeUps: WakeUps

    /// How many events one step towards a finality mark evaluates.
    private static let sweepSize = 500

    /// Runs until the task is cancelled.
    func run() async {
        var backoff = settings.retryFirst
        var isFailing = false
        while !Task.isCancelled {
            do {
                try await serve {
                    backoff = settings.retryFirst
                    if isFailing { logger.notice("the engine works again") }
                    isFailing = false
                }
            } catch EngineError.fenced {
                logger.notice("another engine took the chain over")
            } catch {
                if Task.isCancelled { return }
                if !isFailing {
                    logger.warning(
                        "evaluating fails; it is tried again until it works", metadata: ["error": "\(error)"])
                }
                isFailing = true
                try? await clock.sleep(for: backoff)
                backoff = min(backoff * 2, settings.retryCeiling)
            }
        }
    }

    /// Takes the lease and evaluates as long as it holds; `onSuccess` hears of every look that succeeded.
    private func serve(_ onSuccess: () -> Void) async throws {
        var wakes = wakeUps.stream().makeAsyncIterator()
        while true {
            if var cursor = try await store.acquire(chainID) {
                logger.debug("lease taken", metadata: ["sequence": "\(cursor.sequence)"])
                // What a mark left undone before a crash, or a mark that the feed told before this cursor's row.
                var isSettled = false
                var keptAt = ContinuousClock.now
                while true {
                    try Task.checkCancellation()
                    let hasMore = try await step(&cursor, &isSettled)
                    onSuccess()
                    if hasMore {
                        keptAt = .now
                        continue
                    }
                    if ContinuousClock.now - keptAt >= settings.leaseDuration / 3 {
                        try await store.renew(cursor)
                        keptAt = .now
                    }
                    guard await wakes.next() != nil else { throw CancellationError() }
                }
            }
            guard await wakes.next() != nil else { throw CancellationError() }
        }
    }

    /// Evaluates the next feed rows; false when there were none.
    ///
    /// - Parameter isSettled: whether the heights that the chain calls safe and finalized are all evaluated.
    func step(_ cursor: inout Cursor, _ isSettled: inout Bool) async throws -> Bool {
        guard let page = try await store.read(cursor, limit: settings.batchRows) else { return false }
        meters.lag(page.end - cursor.sequence)
        guard !page.rows.isEmpty else {
            if !isSettled {
                try await triggers.refresh()
                try await sweep(.safe, through: page.safe, &cursor)
                try await sweep(.finalized, through: page.finalized, &cursor)
                isSettled = true
            }
            return false
        }
        // After the rows were read: a trigger that was there before one of them is there now.
        try await triggers.refresh()
        let start = ContinuousClock.now
        let marks = (cursor.safe, cursor.finalized)
        try await evaluate(page, &cursor)
        if cursor.safe < marks.0 || cursor.finalized < marks.1 { isSettled = false }
        meters.evaluated(in: .now - start)
        meters.lag(page.end - cursor.sequence)
        return true
    }

    private func evaluate(_ page: FeedPage, _ cursor: inout Cursor) async throws {
        var planner = FeedPlanner(cursor: cursor, rows: page.rows)
        var counted = Tally()
        while let piece = triggers.withIndex({ planner.next($0) }) {
            switch piece {
            case .events(let deliveries, let new):
                try await store.commit(deliveries, from: cursor, to: new, mayRepeat: false)
                cursor = new
            case .retractions(let events, let new):
                meters.count(try await store.retract(events, from: cursor, to: new))
                cursor = new
            case .mark(let finality, let height, let new):
                try await sweep(finality, through: height, &cursor)
                var moved = cursor
                moved.sequence = new.sequence
                try await store.commit([], from: cursor, to: moved, mayRepeat: false)
                cursor = moved
                planner.adopt(cursor)
            }
            meters.count(planner.tally.since(counted))
            counted = planner.tally
        }
    }

    /// Evaluates the canonical events up to `height` for triggers that wait for `finality`.
    ///
    /// The cursor passes whole heights, each with its deliveries; breaking off in the middle repeats at most one height.
    private func sweep(_ finality: Finality, through height: Int64, _ cursor: inout Cursor) async throws {
        guard height > cursor[finality] else { return }
        guard triggers.withIndex({ $0.hasTriggers(finality) }) else {
            return try await move(&cursor, finality, to: height, with: [])
        }
        var position = (height: cursor[finality], logIndex: Int64(Int32.max))
        while true {
            let events = try await store.events(chainID, after: position, last: height, limit: Self.sweepSize)
            var deliveries: [PlannedDelivery] = []
            var tally = Tally()
            triggers.withIndex { index in
                for stored in events {
                    FeedPlanner.deliveries(
                        for: stored.id, stored.event, finality: finality, recordedAt: nil, index: index,
                        tally: &tally, into: &deliveries)
                }
            }
            meters.count(tally)
            guard let last = events.last, events.count == Self.sweepSize else {
                return try await move(&cursor, finality, to: height, with: deliveries)
            }
            position = (last.log.blockNumber.rawValue, Int64(last.log.logIndex))
            // The last height may have more events than this page.
            let whole = max(cursor[finality], position.height - 1)
            try await move(&cursor, finality, to: whole, with: deliveries)
        }
    }

    private func move(
        _ cursor: inout Cursor, _ finality: Finality, to height: Int64,
        with deliveries: [PlannedDelivery]
    ) async throws {
        var new = cursor
        new[finality] = height
        try await store.commit(deliveries, from: cursor, to: new, mayRepeat: !deliveries.isEmpty)
        cursor = new
    }
}

extension Tally {
    /// What came since `earlier`.
    func since(_ earlier: Tally) -> Tally {
        Tally(
            matches: matches - earlier.matches, shadow: shadow - earlier.shadow,
            undecodable: undecodable - earlier.undecodable)
    }
}
