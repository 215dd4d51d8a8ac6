import Domain
import EthereumRPC
import Synchronization
import TestSupport

@testable import ChainListener

/// A store whose process ends before or right behind a commit, in some of a thousand.
struct CrashingStore: FeedStoring {
    let inner: FeedStore
    let crashes: Int
    let random: SharedRandom

    func acquire(_ chainID: ChainID) async throws -> Lease? { try await inner.acquire(chainID) }

    func window(_ chainID: ChainID, checkpoint: BlockNumber, limit: Int) async throws -> [Header] {
        try await inner.window(chainID, checkpoint: checkpoint, limit: limit)
    }

    func commit(_ commit: FeedCommit) async throws -> CommitOutcome {
        if random.below(1000) < crashes { throw SimulatedCrash() }
        let outcome = try await inner.commit(commit)
        if random.below(1000) < crashes { throw SimulatedCrash() }
        return outcome
    }

    func renew(_ lease: Lease, head: BlockNumber?, error: String?) async throws {
        try await inner.renew(lease, head: head, error: error)
    }

    func halt(_ lease: Lease, reason: String) async throws { try await inner.halt(lease, reason: reason) }
    func release(_ lease: Lease) async throws { try await inner.release(lease) }
}

/// One generator for several users.
final class SharedRandom: Sendable {
    private let generator: Mutex<SeededGenerator>
    init(seed: UInt64) { generator = Mutex(SeededGenerator(seed: seed)) }
    func below(_ limit: Int) -> Int { generator.withLock { Int.random(in: 0..<limit, using: &$0) } }
}
