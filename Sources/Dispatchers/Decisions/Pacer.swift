/// Hands out moments to send, so that no chat and no bot gets more than its rate.
///
/// A delivery that comes too early is told when its moment is, and the moment stays reserved: coming back then, it goes
/// at once. Time is passed in, in seconds of a clock that never goes back.
struct Pacer {
    /// At most `burst` at once and one each `interval` seconds on average.
    struct Rate: Equatable {
        let interval: Double
        let burst: Double

        /// 25 a second for one bot, below Telegram's 30.
        static let bot = Rate(interval: 1 / 25, burst: 30)
        /// A private chat.
        static let chat = Rate(interval: 1, burst: 3)
        /// A group or a channel.
        static let group = Rate(interval: 60 / 18, burst: 5)
    }

    struct Key: Hashable {
        let name: String
        let isBot: Bool
    }

    /// A delivery's place in the queues of its keys.
    private struct Place {
        /// How many of its keys have let it pass.
        let passed: Int
        let moment: Double
    }

    /// The most keys and reserved moments that are kept in mind; beyond it the idle ones are forgotten.
    static let maximum = 100_000
    /// Moments this close are the same.
    private static let tolerance = 1e-6

    /// When the bucket of a key would be full again.
    private var full: [Key: Double] = [:]
    private var paused: [Key: Double] = [:]
    private var places: [Int64: Place] = [:]

    /// When `delivery` may go on: `now`, or a later moment, which is reserved for it.
    ///
    /// It passes `keys` one after the other, so a long queue for the first takes nothing from the others.
    mutating func moment(for delivery: Int64, keys: [(Key, Rate)], now: Double) -> Double {
        var passed = 0
        if let place = places.removeValue(forKey: delivery), !keys.contains(where: { isPaused($0.0, at: now) }) {
            if place.moment > now + Self.tolerance {
                places[delivery] = place
                return place.moment
            }
            passed = place.passed
        }
        for (key, rate) in keys.dropFirst(passed) {
            let moment = max(now, (full[key] ?? 0) - rate.interval * (rate.burst - 1))
            full[key] = max(full[key] ?? 0, moment) + rate.interval
            passed += 1
            if moment > now + Self.tolerance {
                places[delivery] = Place(passed: passed, moment: moment)
                forgetIdle(now)
                return moment
            }
        }
        return now
    }

    /// Keeps `key` quiet until `moment`, as a receiver asked for; reservations before it are void.
    mutating func pause(_ key: Key, rate: Rate, until moment: Double) {
        full[key] = max(full[key] ?? 0, moment + rate.interval * (rate.burst - 1))
        paused[key] = max(paused[key] ?? 0, moment)
    }

    private func isPaused(_ key: Key, at now: Double) -> Bool { (paused[key] ?? 0) > now + Self.tolerance }

    private mutating func forgetIdle(_ now: Double) {
        if full.count > Self.maximum { full = full.filter { $0.value > now } }
        if paused.count > Self.maximum { paused = paused.filter { $0.value > now } }
        if places.count > Self.maximum { places = places.filter { $0.value.moment > now } }
        if places.count > Self.maximum { places = [:] }
    }
}
