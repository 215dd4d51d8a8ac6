/// A clock on which a minute passes in well under a second, so that long waits can be tested without taking long.
public struct HurriedClock: Clock {
    /// A moment of the hurried time.
    public struct Instant: InstantProtocol {
        let offset: Duration
        /// The moment `duration` later.
        public func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
        /// The time from here to `other`.
        public func duration(to other: Instant) -> Duration { other.offset - offset }
        /// Which comes first.
        public static func < (left: Instant, right: Instant) -> Bool { left.offset < right.offset }
    }

    private static let factor = 100
    private let start = ContinuousClock.now

    /// A clock that starts at zero.
    public init() {}

    /// The time since the start, a hundred times over.
    public var now: Instant { Instant(offset: (ContinuousClock.now - start) * Self.factor) }
    /// What it can tell apart.
    public var minimumResolution: Duration { .milliseconds(1) }

    /// Returns at `deadline`, a hundredth of the time from now.
    public func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        let wait = now.duration(to: deadline)
        guard wait > .zero else { return try Task.checkCancellation() }
        try await ContinuousClock().sleep(for: wait / Self.factor)
    }
}
