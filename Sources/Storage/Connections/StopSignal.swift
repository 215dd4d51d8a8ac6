import Glibc
import Synchronization

/// A flag that also wakes `poll`.
final class StopSignal: Sendable {
    /// Readable once stopped.
    let descriptor: Int32
    private let writer: Int32
    private let stopped = Atomic(false)

    /// Nil where the process has no file descriptors left.
    init?() {
        var ends: [Int32] = [-1, -1]
        let kind = SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
        guard socketpair(AF_UNIX, Int32(kind), 0, &ends) == 0 else { return nil }
        (descriptor, writer) = (ends[0], ends[1])
    }

    deinit {
        Glibc.close(descriptor)
        Glibc.close(writer)
    }

    var isStopped: Bool { stopped.load(ordering: .acquiring) }

    /// Raises the flag and wakes whoever polls the descriptor.
    func stop() {
        stopped.store(true, ordering: .releasing)
        var byte: UInt8 = 0
        _ = write(writer, &byte, 1)
    }

    /// Returns when stopped, or after `duration`.
    func wait(upTo duration: Duration) {
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        _ = poll(&entry, 1, duration.wholeMilliseconds)
    }
}
