import Foundation
import Synchronization

/// Work that real threads do for a simulated world, which stands still meanwhile.
final class Outside: Sendable {
    private struct State {
        var running = 0
        var finished: [@Sendable () -> Void] = []
    }

    private let state = Mutex(State())
    private let semaphore = DispatchSemaphore(value: 0)

    func run<R: Sendable>(_ work: @escaping @Sendable () async throws -> R) async throws -> R {
        try await withCheckedThrowingContinuation { continuation in
            state.withLock { $0.running += 1 }
            Task.detached {
                let result: Result<R, any Error>
                do { result = .success(try await work()) } catch { result = .failure(error) }
                self.state.withLock { $0.finished.append { continuation.resume(with: result) } }
                self.semaphore.signal()
            }
        }
    }

    /// Waits for all work, and hands the results over on the thread that calls.
    func settle() {
        while state.withLock({ $0.running > 0 }) {
            semaphore.wait()
            let finished = state.withLock { state in
                state.running -= 1
                return state.finished.removeFirst()
            }
            finished()
        }
    }
}

/// A number that stands for all that happened (FNV-1a).
struct Digest: Sendable, Equatable {
    private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

    mutating func add(_ word: UInt64) { value = (value ^ word) &* 0x100_0000_01b3 }
    mutating func add(_ bytes: [UInt8]) {
        add(UInt64(bytes.count))
        bytes.withUnsafeBytes { buffer in
            for start in stride(from: 0, to: buffer.count - 7, by: 8) {
                add(buffer.loadUnaligned(fromByteOffset: start, as: UInt64.self))
            }
        }
    }
    mutating func add(_ text: String) { add(Array(text.utf8)) }
}
