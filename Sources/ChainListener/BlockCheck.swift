import Domain
import Ethereum
import EthereumRPC

/// Holds the logs that a node answered for one block against the block's header.
struct BlockCheck: Sendable {
    /// What the header says about the logs.
    enum Verdict: Equatable {
        /// No logs came, and the bloom rules out that a watched contract wrote any.
        case proved
        /// There may be more logs than came: the bloom allows them, as it must where some came, or cannot be trusted.
        case unproved
        /// The logs cannot belong to the block.
        case contradicted(Contradiction)
    }

    /// Why logs cannot belong to a block.
    enum Contradiction: Error, Equatable {
        case otherBlock
        case otherContract
        case sameIndexTwice
        /// The bloom excludes a log that came; either lies.
        case excludedByBloom
    }

    let contracts: [Address]
    let trust: BloomTrust

    /// The verdict on `logs`, which are all that the node answered for the block of `header`, in any order.
    func verdict(header: Header, logs: [Log]) -> Verdict {
        var indices: Set<UInt32> = []
        for log in logs {
            guard log.blockHash == header.hash, log.blockNumber == header.number else {
                return .contradicted(.otherBlock)
            }
            guard contracts.contains(log.address) else { return .contradicted(.otherContract) }
            guard indices.insert(log.logIndex).inserted else { return .contradicted(.sameIndexTwice) }
        }
        guard let bloom = trust.evidence(in: header) else { return .unproved }
        for log in logs where !bloom.contains(log) { return .contradicted(.excludedByBloom) }
        return contracts.contains(where: bloom.contains) ? .unproved : .proved
    }
}

extension Bloom {
    /// Whether the bloom allows that `log` was written: its address and all of its topics may be in it.
    func contains(_ log: Log) -> Bool { contains(log.address) && log.topics.allSatisfy { contains($0) } }
}
