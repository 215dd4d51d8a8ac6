import Synchronization

/// A value that the tasks of a test change together.
public final class Shared<Value: Sendable>: Sendable {
    private let mutex: Mutex<Value>

    /// Begins with `value`.
    public init(_ value: Value) { mutex = Mutex(value) }

    /// The value now.
    public var value: Value { mutex.withLock { $0 } }

    /// Changes the value with nobody in between.
    public func update(_ change: (inout Value) -> Void) { mutex.withLock { change(&$0) } }
}
