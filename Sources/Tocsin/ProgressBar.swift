import ChainListener
import Domain
import Foundation
import Synchronization

/// How far work on a range of blocks is: a bar on a terminal, a line now and then elsewhere.
final class ProgressBar: Sendable {
    private struct State {
        var first: BlockNumber?
        var shownAt: ContinuousClock.Instant?
    }

    private let last: BlockNumber?
    private let start = ContinuousClock.now
    private let isTerminal: Bool
    private let state: Mutex<State>

    /// A bar for the blocks from `first` to `last`; without them it shows only counts.
    init(first: BlockNumber?, last: BlockNumber?, isTerminal: Bool = isatty(2) == 1) {
        self.last = last
        self.isTerminal = isTerminal
        state = Mutex(State(first: first, shownAt: nil))
    }

    /// Shows that everything up to `block` is done, at most ten times a second.
    func show(_ report: HistoryReport, at block: BlockNumber) {
        let now = ContinuousClock.now
        let pause: Duration = isTerminal ? .milliseconds(100) : .seconds(10)
        let first = state.withLock { state -> BlockNumber? in
            if let shown = state.shownAt, now - shown < pause { return nil }
            state.shownAt = now
            // What lies below the first stretch was left out.
            let low = block.advanced(by: 1 - report.blocks)
            let first = max(state.first ?? low, min(low, block))
            state.first = first
            return first
        }
        guard let first else { return }
        let line = Self.line(
            report, block: block, first: first, last: last, passed: now - start, width: isTerminal ? 30 : 0)
        if isTerminal {
            FileHandle.standardError.write(Data("\r\(line)\u{1b}[K".utf8))
        } else {
            StandardError.line(line)
        }
    }

    /// Ends the bar and says what was done.
    func finish(_ report: HistoryReport) {
        if isTerminal { FileHandle.standardError.write(Data("\r\u{1b}[K".utf8)) }
        StandardOutput.line(
            "\(report.blocks) blocks with \(report.logs) logs compared: \(report.appended) logs appended, "
                + "\(report.retracted) taken back")
    }

    /// One state in words, with a bar of `width` characters where the end is known.
    static func line(
        _ report: HistoryReport, block: BlockNumber, first: BlockNumber, last: BlockNumber?, passed: Duration,
        width: Int
    ) -> String {
        let seconds = max(0.001, passed / .seconds(1))
        let rate = Double(report.blocks) / seconds
        var text = "block \(block), \(report.logs) logs, \(Int(rate)) blocks/s"
        guard let last, first <= last else { return text }
        let whole = Double(first.distance(to: last) + 1)
        let share = min(1, max(0, Double(first.distance(to: block) + 1) / whole))
        let left = rate > 0 ? Int(Double(max(0, block.distance(to: last))) / rate) : nil
        text = "\(Int(share * 100)) %, \(text)" + (left.map { ", \(duration($0)) left" } ?? "")
        guard width > 0 else { return text }
        let filled = Int(share * Double(width))
        return "[" + String(repeating: "#", count: filled) + String(repeating: "-", count: width - filled) + "] " + text
    }

    private static func duration(_ seconds: Int) -> String {
        seconds >= 3600
            ? "\(seconds / 3600) h \(seconds % 3600 / 60) min"
            : seconds >= 60 ? "\(seconds / 60) min \(seconds % 60) s" : "\(seconds) s"
    }
}
