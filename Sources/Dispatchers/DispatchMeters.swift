import Domain
import Metrics

/// What a dispatcher measures; dimensions come from small closed sets.
struct DispatchMeters: Sendable {
    private let durations: [Channel: Timer]
    private let attempts: [Channel: [Word: Counter]]
    private let lost: Counter
    private let due: Gauge

    private enum Word: String, CaseIterable {
        case delivered, retried, failed, postponed

        init(_ disposition: Disposition) {
            switch disposition {
            case .delivered: self = .delivered
            case .failed: self = .failed
            case .retry: self = .retried
            case .giveBack: self = .postponed
            }
        }
    }

    init() {
        var durations: [Channel: Timer] = [:]
        var attempts: [Channel: [Word: Counter]] = [:]
        for channel in Channel.allCases {
            durations[channel] = Timer(
                label: "dispatch.duration.seconds", dimensions: [("channel", channel.rawValue)])
            for word in Word.allCases {
                attempts[channel, default: [:]][word] = Counter(
                    label: "dispatch.attempts.count",
                    dimensions: [("channel", channel.rawValue), ("outcome", word.rawValue)])
            }
        }
        self.durations = durations
        self.attempts = attempts
        lost = Counter(label: "dispatch.lost.count")
        due = Gauge(label: "dispatch.due.count")
    }

    func record(_ channel: Channel, attempt: Attempt, disposition: Disposition, took: Duration) {
        durations[channel]?.recordNanoseconds(took.microseconds.multipliedReportingOverflow(by: 1000).partialValue)
        attempts[channel]?[Word(disposition)]?.increment()
    }

    func recordLost(_ count: Int) { lost.increment(by: count) }
    func recordDue(_ count: Int64) { due.record(count) }
}
