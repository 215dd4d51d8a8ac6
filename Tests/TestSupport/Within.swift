/// Why `within` gave up.
public struct TimeLimitExceeded: Error, CustomStringConvertible {
    /// The limit.
    public let limit: Duration
    /// What is shown when a test fails by it.
    public var description: String { "nothing happened within \(limit)" }
}

/// Runs `body`, which is cancelled and fails with `TimeLimitExceeded` if it takes longer than `limit`.
///
/// `body` must answer cancellation, as awaiting a `Signal`, a stream or a statement does.
@discardableResult
public func within<R: Sendable>(
    _ limit: Duration, _ body: @escaping @Sendable () async throws -> R
) async throws -> R {
    try await withThrowingTaskGroup(of: R?.self) { group in
        group.addTask { try await body() }
        group.addTask {
            try await Task.sleep(for: limit)
            return nil
        }
        defer { group.cancelAll() }
        guard let result = try await group.next(), let result else { throw TimeLimitExceeded(limit: limit) }
        return result
    }
}

extension AsyncSequence where Self: Sendable, Element: Sendable {
    /// The first element that satisfies `condition`.
    ///
    /// - Throws: `TimeLimitExceeded` where none comes within `limit`; `EndOfSequence` where the sequence ends first.
    public func first(
        within limit: Duration, where condition: @escaping @Sendable (Element) -> Bool = { _ in true }
    ) async throws -> Element {
        try await TestSupport.within(limit) {
            for try await element in self where condition(element) { return element }
            throw EndOfSequence()
        }
    }
}

/// A sequence ended before the element that a test waits for.
public struct EndOfSequence: Error {}
