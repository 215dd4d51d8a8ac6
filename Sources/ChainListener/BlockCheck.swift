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
        var seen = SeenBits()
        for log in logs where !seen.areSet(for: log, in: bloom) { return .contradicted(.excludedByBloom) }
        guard trust.proof(in: header) != nil else { return .unproved }
        return contracts.contains(where: bloom.contains) ? .unproved : .proved
    }
}

extension Bloom {
    /// Whether the bloom allows that `log` was written: its address and all of its topics may be in it.
    func contains(_ log: Log) -> Bool { contains(log.address) && log.topics.allSatisfy { contains($0) } }
}

/// The bits of contracts and events, which are few and come again in every log; hashing is what a check costs.
private struct SeenBits {
    private var contracts: [(Address, Bloom.Bits)] = []
    private var events: [(Hash, Bloom.Bits)] = []
    /// More than the known events; a stranger's contract may have any.
    private static let eventsMax = 32

    /// Whether the bloom allows that `log` was written: its address and all of its topics may be in it.
    mutating func areSet(for log: Log, in bloom: Bloom) -> Bool {
        guard bloom.contains(bits(of: log.address)) else { return false }
        guard let event = log.topics.first else { return true }
        return bloom.contains(bits(of: event)) && log.topics.dropFirst().allSatisfy { bloom.contains($0) }
    }

    private mutating func bits(of contract: Address) -> Bloom.Bits {
        if let known = contracts.first(where: { $0.0 == contract }) { return known.1 }
        let bits = Bloom.Bits(contract)
        contracts.append((contract, bits))
        return bits
    }

    private mutating func bits(of event: Hash) -> Bloom.Bits {
        if let known = events.first(where: { $0.0 == event }) { return known.1 }
        let bits = Bloom.Bits(event)
        if events.count < Self.eventsMax { events.append((event, bits)) }
        return bits
    }
}
