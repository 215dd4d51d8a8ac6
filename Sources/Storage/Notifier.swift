import Dispatch
import Synchronization

/// Sends notifications from a connection of its own, each channel at most once in `interval`.
final class Notifier: Sendable {
    private struct State {
        var pending: Set<String> = []
        var lastSent: [String: ContinuousClock.Instant] = [:]
        var isScheduled = false
        var isClosed = false
    }

    static let interval: Duration = .milliseconds(50)
    /// More names than this are no fixed set of channels; times of the oldest are then forgotten.
    private static let maximumChannels = 256

    private let state = Mutex(State())
    private let sender: NotificationSender

    init(configuration: DatabaseConfiguration) { sender = NotificationSender(configuration: configuration) }

    /// Notes that `channel` is to be notified; the first in an interval goes out at once, further ones at its end.
    func notify(_ channel: String) {
        state.withLock { state in
            guard !state.isClosed, state.pending.count < Self.maximumChannels else { return }
            state.pending.insert(channel)
            schedule(&state)
        }
    }

    func close() {
        state.withLock { $0.isClosed = true }
        sender.close()
    }

    private func schedule(_ state: inout State) {
        guard !state.isScheduled, !state.pending.isEmpty else { return }
        state.isScheduled = true
        let now = ContinuousClock.now
        let due = state.pending.map { state.lastSent[$0].map { $0 + Self.interval } ?? now }.min() ?? now
        let delay = max(.zero, now.duration(to: due)).wholeMilliseconds
        sender.queue.asyncAfter(deadline: .now() + .milliseconds(Int(delay))) { [weak self] in self?.send() }
    }

    private func send() {
        let now = ContinuousClock.now
        let due = state.withLock { state in
            let due = state.pending.filter { channel in
                state.lastSent[channel].map { $0 + Self.interval <= now } ?? true
            }
            state.pending.subtract(due)
            if state.lastSent.count > Self.maximumChannels { state.lastSent = [:] }
            for channel in due { state.lastSent[channel] = now }
            state.isScheduled = false
            return due
        }
        if !due.isEmpty { sender.send(due) }
        state.withLock { schedule(&$0) }
    }
}

/// The connection that notifications leave by.
///
/// `@unchecked`: `link` and `notBefore` are touched on `queue` only.
private final class NotificationSender: @unchecked Sendable {
    let queue = DispatchQueue(label: "tocsin.storage.notify")
    private let configuration: DatabaseConfiguration
    private var link: Link?
    private var notBefore = ContinuousClock.now

    init(configuration: DatabaseConfiguration) { self.configuration = configuration }

    /// Sends, on `queue`; what fails is dropped.
    func send(_ channels: Set<String>) {
        if link?.isAlive() != true {
            link = nil
            guard ContinuousClock.now >= notBefore else { return }
            link = try? Link.connect(configuration)
            if link == nil { notBefore = .now + .seconds(1) }
        }
        do throws(StorageError) {
            for channel in channels.sorted() { try link?.notify(channel, until: .now + .seconds(5)) }
        } catch {
            link = nil
        }
    }

    func close() { queue.async { self.link = nil } }
}
