import Domain
import Ethereum
import EthereumRPC

/// Holds the logs that a node answered for one block against the block's header.
struct BlockCheck: Sendable {
    /// What the header says about the logs.
    enum Verdict: Equatable {
        /// The bloom rules out further logs of the watched contracts.
        case proved
        /// The bloom cannot be trusted on this chain, so nothing is known about further logs.
        case unproved
        /// These contracts may have written logs that the node did not answer.
        case doubtful([Address])
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
    let trustsBloom: Bool

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
        // A header that settles a lower block carries that block's bloom.
        guard trustsBloom, header.settledHeight == nil, let bloom = header.logsBloom else { return .unproved }
        for log in logs where !bloom.contains(log) { return .contradicted(.excludedByBloom) }
        let doubtful = contracts.filter { contract in
            bloom.contains(contract) && !logs.contains { $0.address == contract }
        }
        return doubtful.isEmpty ? .proved : .doubtful(doubtful)
    }
}

extension Bloom {
    /// Whether the bloom allows that `log` was written: its address and all of its topics may be in it.
    func contains(_ log: Log) -> Bool { contains(log.address) && log.topics.allSatisfy { contains($0) } }
}
