import Foundation
import Logging
import Storage

extension DispatcherService {
    /// The channel on which stored deliveries are announced.
    static let channel = "tocsin_deliveries"
    /// How often partitions are made ahead, the due are counted and senders put in order.
    private static let housekeepingInterval: Duration = .seconds(10)
    private static let rescueBatch = 500

    /// Wakes the loop at every announcement.
    func listen() async {
        for await _ in database.listen([Self.channel]) { wake() }
    }

    /// Wakes the loop for a sweep now and then, announcements or not.
    func poll() async {
        while !Task.isCancelled {
            board.noteSweep()
            bell.ring()
            try? await Task.sleep(for: settings.pollInterval)
        }
    }

    /// While deliveries keep coming, looks for more every few milliseconds.
    func hurry() async {
        while await pulse.wait() {
            while board.isBusy, !Task.isCancelled {
                try? await Task.sleep(for: .milliseconds(10))
                wake()
            }
        }
    }

    /// Renews the leases of long attempts, and takes over those of processes that vanished.
    func keepLeases() async {
        while !Task.isCancelled {
            do {
                let age = settings.leaseInterval.inSeconds
                let held = board.leasesToRenew(olderThan: age)
                if !held.isEmpty { _ = try await database.plannedAnew(RenewLeases(held: held, lease: settings.lease)) }
                let rescued = try await database.plannedAnew(
                    RescueDeliveries(limit: Self.rescueBatch, lease: settings.lease))
                if !rescued.isEmpty {
                    logger.notice(
                        "deliveries of a vanished process are due again", metadata: ["count": "\(rescued.count)"])
                    meters.recordLost(rescued.count)
                }
                if rescued.count == Self.rescueBatch { continue }
            } catch {
                logger.debug("leases must wait for the database", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: settings.leaseInterval)
        }
    }

    /// Makes partitions ahead of time, counts what is due, closes idle sessions.
    func keepHouse() async {
        var lastPartitions: ContinuousClock.Instant?
        while !Task.isCancelled {
            do {
                if lastPartitions.map({ .now - $0 > .seconds(3600) }) ?? true {
                    try await database.execute(EnsurePartitions())
                    lastPartitions = .now
                }
                if let due = try await database.first(CountDue()) { meters.recordDue(due) }
            } catch {
                logger.debug("housekeeping must wait for the database", metadata: ["error": "\(error)"])
            }
            await mcp.tidy()
            try? await Task.sleep(for: Self.housekeepingInterval)
        }
    }
}
