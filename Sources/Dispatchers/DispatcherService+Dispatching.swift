import Domain
import Foundation
import Logging
import Storage

extension DispatcherService {
    /// Claims and starts until the service is asked to stop and everything that runs has ended.
    func dispatch() async {
        await withDiscardingTaskGroup { attempts in
            while !Task.isCancelled {
                if board.isDraining {
                    await giveBack(board.takeWaiting().map { ($0.claim, .zero) })
                    if board.isIdle { break }
                    if board.isDrainOver(after: settings.drain) {
                        attempts.cancelAll()
                        break
                    }
                } else {
                    await giveBack(board.shed().map { ($0.claim, DispatchState.refusal) })
                    await claim()
                }
                while let message = board.next() {
                    attempts.addTask { await self.work(from: message) }
                }
                if board.wantsToClaim { continue }
                guard await bell.wait() else { break }
            }
        }
    }

    /// Attempts `message`, and then whatever may follow in its place.
    private func work(from message: Message) async {
        var next: Message? = message
        while let message = next { next = await attempt(message) }
        bell.ring()
    }

    private func attempt(_ message: Message) async -> Message? {
        let start = ContinuousClock.now
        let attempt = await sender(for: message.claim.channel).send(message)
        var random = SystemRandomNumberGenerator()
        let disposition = Disposition.after(attempt.failure, attempt: message.claim.attempt, using: &random)
        record(message.claim, attempt, disposition)
        meters.record(
            message.claim.channel, attempt: attempt, disposition: disposition, took: ContinuousClock.now - start)
        let next = board.finish(message, failure: attempt.failure, pace: telegram.pace(of: message))
        if board.wantsToClaim { bell.ring() }
        return next
    }

    private func record(_ claim: Claim, _ attempt: Attempt, _ disposition: Disposition) {
        writer.add(
            Outcome(
                lease: claim.lease, number: claim.attempt, disposition: disposition, attempt: attempt))
        let metadata: Logger.Metadata = [
            "delivery.id": "\(claim.id)", "attempt": "\(claim.attempt)", "channel": "\(claim.channel)",
            "error": "\(attempt.failure?.errorClass.rawValue ?? "none")",
        ]
        if disposition == .failed {
            logger.warning("a delivery has failed for good", metadata: metadata)
        } else {
            logger.debug("an attempt has ended", metadata: metadata)
        }
    }

    // MARK: Claiming

    private func claim() async {
        let room = min(board.room, settings.batch)
        guard let lane = board.nextLane(room: room) else { return }
        do {
            let claims: [Claim]
            switch lane {
            case .fresh:
                claims = try await database.plannedAnew(ClaimDeliveries(limit: room, lease: settings.lease))
            case .sweep:
                claims = try await database.plannedAnew(SweepDeliveries(limit: room, lease: settings.lease))
            }
            board.didClaim(claims, lane: lane, isFull: claims.count == room)
            guard !claims.isEmpty else { return }
            pulse.ring()
            await take(claims)
        } catch let error as StorageError where error.isTransient || error == .cancelled || error == .closed {
            board.didFailToClaim()
            logger.debug("claiming must wait for the database", metadata: ["error": "\(error)"])
        } catch {
            board.didFailToClaim()
            logger.error("deliveries cannot be claimed", metadata: ["error": "\(error)"])
        }
    }

    /// Loads what `claims` need and lets them wait for a slot.
    private func take(_ claims: [Claim]) async {
        await cancel(claims.filter(\.isOrphaned).map(\.lease))
        let claims = claims.filter { !$0.isOrphaned }
        let messages: [Result<Message, Failure>]
        do {
            messages = try await catalogue.messages(for: claims)
        } catch {
            logger.debug("claimed deliveries go back: they cannot be loaded", metadata: ["error": "\(error)"])
            await giveBack(claims.map { ($0, .seconds(1)) })
            return
        }
        var early: [(Claim, Duration)] = []
        for (claim, message) in zip(claims, messages) {
            switch message {
            case .success(let message):
                if case .giveBack(let delay) = board.admit(message, pace: telegram.pace(of: message)) {
                    early.append((claim, delay))
                }
            case .failure(let failure): refuse(claim, failure)
            }
        }
        await giveBack(early)
    }

    /// Records an attempt that could not even begin.
    private func refuse(_ claim: Claim, _ failure: Failure) {
        let now = Date()
        var random = SystemRandomNumberGenerator()
        let disposition = Disposition.after(failure, attempt: claim.attempt, using: &random)
        record(claim, Attempt(startedAt: now, endedAt: now, failure: failure), disposition)
    }

    /// Cancels notifications of orphaned events: sending one now would be a lie.
    ///
    /// The engine cancels what waits when it hears of the reorganisation; what was under way then comes here.
    private func cancel(_ leases: [Lease]) async {
        guard !leases.isEmpty else { return }
        do {
            let sorted = leases.sorted { $0.deliveryID < $1.deliveryID }
            _ = try await database.plannedAnew(CancelDeliveries(leases: sorted))
        } catch {
            logger.warning("deliveries cannot be cancelled before their leases end", metadata: ["error": "\(error)"])
        }
        board.release(leases)
    }

    /// Gives deliveries back unattempted; where that fails, their leases do it later.
    private func giveBack(_ claims: [(claim: Claim, delay: Duration)]) async {
        guard !claims.isEmpty else { return }
        let sorted = claims.sorted { $0.claim.id < $1.claim.id }
        do {
            _ = try await database.plannedAnew(ReturnDeliveries(claims: sorted))
        } catch {
            logger.warning("deliveries could not be given back; their leases will", metadata: ["error": "\(error)"])
        }
        board.release(sorted.map(\.claim.lease))
    }
}
