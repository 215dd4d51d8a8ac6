import Domain
import Templates

/// Everything that the dispatching loop decides by; time is passed in, as seconds of a clock that never goes back.
struct DispatchState {
    /// What becomes of a claimed delivery.
    enum Admission: Equatable {
        case accepted
        case giveBack(after: Duration)
    }

    /// What this process holds, and until when its leases were last renewed.
    private struct Held {
        let leaseID: Int64
        var renewedAt: Double
    }

    /// How long a delivery stays away whose destination has too much waiting.
    static let refusal = Duration.seconds(2)

    private var scheduler: Scheduler<Message>
    private var pacer = Pacer()
    private var paused = PausedDestinations()
    private var held: [Int64: Held] = [:]
    private let heldMaximum: Int
    private(set) var isDraining = false

    init(_ settings: DispatcherSettings) {
        scheduler = Scheduler(capacity: settings.capacity, limits: .init(running: max(1, settings.perDestination)))
        heldMaximum = 4 * settings.capacity
    }

    /// How many more deliveries may be claimed; what waits to be written counts as well.
    var room: Int { isDraining ? 0 : max(0, min(scheduler.room, heldMaximum - held.count)) }
    var isIdle: Bool { scheduler.isIdle }
    var runningCount: Int { scheduler.runningCount }

    mutating func hold(_ claims: [Claim], now: Double) {
        for claim in claims { held[claim.id] = Held(leaseID: claim.leaseID, renewedAt: now) }
    }

    /// Ends what was held under `leases`; what was claimed again meanwhile stays held.
    mutating func release(_ leases: [Lease]) {
        for lease in leases where held[lease.deliveryID]?.leaseID == lease.leaseID { held[lease.deliveryID] = nil }
    }

    /// The leases that were not renewed for `age` seconds, which count as renewed from now on.
    mutating func leasesToRenew(olderThan age: Double, now: Double) -> [Lease] {
        var leases: [Lease] = []
        for (id, entry) in held where now - entry.renewedAt >= age {
            leases.append(Lease(deliveryID: id, leaseID: entry.leaseID))
        }
        for lease in leases { held[lease.deliveryID]?.renewedAt = now }
        return leases.sorted { $0.deliveryID < $1.deliveryID }
    }

    /// Takes in a claimed delivery, unless it is too early for it.
    mutating func admit(_ message: Message, pace: [(Pacer.Key, Pacer.Rate)], now: Double) -> Admission {
        if isDraining { return .giveBack(after: .zero) }
        if let remaining = paused.remaining(message.claim.destinationID, now: now) {
            return .giveBack(after: .seconds(remaining))
        }
        if !pace.isEmpty {
            let moment = pacer.moment(for: message.claim.id, keys: pace, now: now)
            if moment > now { return .giveBack(after: .seconds(moment - now)) }
        }
        switch scheduler.add(message, destination: message.claim.destinationID, now: now) {
        case .accepted: return .accepted
        case .refused: return .giveBack(after: Self.refusal)
        }
    }

    /// The next message to send; nil when none may be.
    mutating func next(now: Double) -> Message? { isDraining ? nil : scheduler.next(now: now) }

    /// Takes out what waits for destinations that do not get on, so that others find room.
    mutating func shed(now: Double) -> [Message] { scheduler.shed(now: now) }

    /// Ends an attempt and answers what follows in its place.
    mutating func finish(
        _ message: Message, failure: Failure?, pace: [(Pacer.Key, Pacer.Rate)], now: Double
    ) -> Message? {
        scheduler.finish(destination: message.claim.destinationID, now: now)
        if let failure, let pause = failure.pause {
            let until = now + pause.inSeconds
            if pace.isEmpty {
                paused.pause(message.claim.destinationID, until: until, now: now)
            } else {
                for (key, rate) in pace where key.isBot == (failure.errorClass == .telegramBot) {
                    pacer.pause(key, rate: rate, until: until)
                }
            }
        }
        return next(now: now)
    }

    /// Starts nothing more from now on.
    mutating func beginDraining() { isDraining = true }

    /// Takes out what was claimed and has not begun.
    mutating func takeWaiting() -> [Message] { scheduler.removeWaiting() }
}
