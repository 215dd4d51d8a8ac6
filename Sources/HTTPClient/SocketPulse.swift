/// Tells from tick to tick whether the other end of a socket is still there.
///
/// Ticks are counted, not time: a process that was held up itself finds what came meanwhile at its next tick.
struct SocketPulse: Sendable {
    enum Action: Equatable {
        /// It was heard of since the last tick.
        case wait
        /// It was not: ask.
        case ping
        /// It did not answer since the last tick.
        case giveUp
    }

    private var wasHeard = true
    private var isAsked = false

    /// Takes note of a frame, whichever it is.
    mutating func heard() { wasHeard = true }

    /// What to do at a tick.
    mutating func tick() -> Action {
        defer { wasHeard = false }
        if wasHeard {
            isAsked = false
            return .wait
        }
        if isAsked { return .giveUp }
        isAsked = true
        return .ping
    }
}
