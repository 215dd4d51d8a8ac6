import Foundation

/// Holds threads back until it is opened; for the threads of a `TestServer`, where nothing can be awaited.
public final class Gate: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)

    /// A gate that is shut.
    public init() {}

    /// Lets everybody through, now and later.
    public func open() { semaphore.signal() }

    /// Blocks the thread until the gate is open, at most 30 seconds.
    public func wait() {
        if semaphore.wait(timeout: .now() + 30) == .success { semaphore.signal() }
    }
}
