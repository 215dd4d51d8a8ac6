import Domain
import Ethereum
import EthereumRPC

/// A block with its logs as one node answered them.
struct FetchedBlock: Sendable {
    let header: Header
    let logs: [Log]
    let node: Int
}

/// Looks again, elsewhere or in another way, at blocks whose header does not bear out the logs that came with it.
///
/// rpc answers are wrong in many ways (a backend behind the head, an index with holes, a bloom of another block); what
/// decides is a second node's answer for the same block hash, or the block's receipts.
struct BlockProver: Sendable {
    /// Logs that may be stored.
    struct Proof: Sendable {
        let header: Header
        let logs: [Log]
        /// Nil while nothing proves that there are no more.
        let verification: Verification?
        /// Whether the header's bloom was borne out (true), refuted (false) or not tried (nil).
        let bloomHolds: Bool?
    }

    let source: any ChainSource
    /// The watched contracts.
    let contracts: [Address]
    let trustsBloom: Bool

    /// The logs of `block`, with what proves them.
    ///
    /// - Throws: `ChainSourceError.inconsistent` where the answers contradict each other and none can be preferred.
    func prove(_ block: FetchedBlock) async throws -> Proof {
        let (header, logs) = (block.header, block.logs)
        switch verdict(header, logs) {
        case .proved:
            return Proof(header: header, logs: logs, verification: .bloom, bloomHolds: logs.isEmpty ? nil : true)
        case .unproved:
            return Proof(header: header, logs: logs, verification: nil, bloomHolds: nil)
        case .doubtful:
            return try await settle(block)
        case .contradicted(.excludedByBloom):
            return try await refute(block)
        case .contradicted(let contradiction):
            throw ChainSourceError.inconsistent(
                "logs that cannot belong to their block: \(contradiction)", by: block.node)
        }
    }

    /// The bloom allows more logs than came: most often by chance, sometimes because the node left some out.
    private func settle(_ block: FetchedBlock) async throws -> Proof {
        let header = block.header
        let other = try await elsewhere(block)
        if let other, Self.same(other, block.logs) {
            return Proof(header: header, logs: block.logs, verification: .quorum, bloomHolds: true)
        }
        if let received = try await receipts(header) {
            return Proof(header: header, logs: received, verification: .receipts, bloomHolds: true)
        }
        // Without a second node the same one is asked again by hash, which some answer rightly when a query by
        // height failed.
        let again = if let other { other } else { try await again(block) }
        guard allows(header, again) else {
            throw ChainSourceError.inconsistent("a second answer for the same block contradicts its header")
        }
        // Leaving logs out is the common failure, making them up is not.
        let (more, fewer) = again.count > block.logs.count ? (again, block.logs) : (block.logs, again)
        guard Set(more.map(Place.init)).isSuperset(of: fewer.map(Place.init)) else {
            throw ChainSourceError.inconsistent("two answers for the same block differ")
        }
        return Proof(header: header, logs: more, verification: nil, bloomHolds: true)
    }

    /// The bloom excludes logs that came: the logs are made up, or the bloom is not about this block.
    private func refute(_ block: FetchedBlock) async throws -> Proof {
        let header = block.header
        let other = try await elsewhere(block)
        let again = if let other { other } else { try await again(block) }
        if Self.same(again, block.logs) {
            return Proof(
                header: header, logs: again, verification: other == nil ? nil : .quorum, bloomHolds: false)
        }
        guard allows(header, again) else {
            throw ChainSourceError.inconsistent("two answers for the same block differ and its bloom excludes both")
        }
        return Proof(
            header: header, logs: again, verification: verdict(header, again) == .proved ? .bloom : nil,
            bloomHolds: nil)
    }

    /// What the nodes answer for the block at a second time of asking.
    private func again(_ block: FetchedBlock) async throws -> [Log] {
        let answer = try await source.block(block.header.hash, contracts: contracts)
        guard answer.malformed.isEmpty else {
            throw ChainSourceError.inconsistent("logs that cannot be read", by: answer.node)
        }
        return answer.logs
    }

    /// What another node answers for the block; nil where there is none, or none that has the block.
    private func elsewhere(_ block: FetchedBlock) async throws -> [Log]? {
        do {
            let answer = try await source.block(block.header.hash, contracts: contracts, notBy: block.node)
            guard let answer, answer.malformed.isEmpty else { return nil }
            if case .contradicted(let contradiction) = verdict(block.header, answer.logs),
                contradiction != .excludedByBloom
            {
                return nil
            }
            return answer.logs
        } catch is ChainSourceError {
            return nil
        }
    }

    /// The watched contracts' logs out of the block's receipts, if all logs there make up the header's bloom.
    private func receipts(_ header: Header) async throws -> [Log]? {
        let all: [Log]
        do {
            guard let logs = try await source.receiptLogs(of: header.hash) else { return nil }
            all = logs
        } catch is ChainSourceError {
            return nil
        }
        guard let expected = header.logsBloom else { return nil }
        var bloom = Bloom()
        for log in all {
            bloom.insert(log.address)
            for topic in log.topics { bloom.insert(topic: topic) }
        }
        guard bloom == expected else { return nil }
        let logs = all.filter { contracts.contains($0.address) }
        return allows(header, logs) ? logs : nil
    }

    private func verdict(_ header: Header, _ logs: [Log]) -> BlockCheck.Verdict {
        BlockCheck(contracts: contracts, trustsBloom: trustsBloom).verdict(header: header, logs: logs)
    }

    private func allows(_ header: Header, _ logs: [Log]) -> Bool {
        if case .contradicted = verdict(header, logs) { return false }
        return true
    }

    private static func same(_ left: [Log], _ right: [Log]) -> Bool {
        left.count == right.count && Set(left.map(Place.init)) == Set(right.map(Place.init))
    }

    /// What two nodes must agree about; the transaction's index is not among it.
    private struct Place: Hashable {
        let logIndex: UInt32
        let address: Address
        let transactionHash: Hash
        let topics: Topics
        let data: [UInt8]

        init(_ log: Log) {
            logIndex = log.logIndex
            address = log.address
            transactionHash = log.transactionHash
            topics = log.topics
            data = log.data
        }
    }
}
