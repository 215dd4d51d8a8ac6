public import Storage

extension LifeLock {
    /// Some process's lock; the same number gives the same lock.
    public static func test(_ number: UInt64) -> LifeLock {
        var random = SeededGenerator(seed: number)
        return LifeLock(using: &random)
    }
}

extension Database {
    /// Runs `body` while a life lock is held.
    public nonisolated(nonsending) func alive<R: Sendable>(
        _ lock: LifeLock = .test(1), _ body: nonisolated(nonsending) () async throws -> R
    ) async throws -> R {
        let taken = Signal()
        let keeper = Task { await lock.keep(on: self, clock: ContinuousClock()) { taken.fire() } }
        do {
            try await taken.wait()
            let result = try await body()
            keeper.cancel()
            await keeper.value
            return result
        } catch {
            keeper.cancel()
            await keeper.value
            throw error
        }
    }
}
