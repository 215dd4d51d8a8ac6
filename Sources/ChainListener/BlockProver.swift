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
/// Answers are wrong in many ways (a backend behind the head, an index with holes, a bloom of another block). Only a bloom
/// that excludes every watched contract is enough alone; otherwise a second node's answer for the same block hash
/// decides, or the block's receipts. Where there is neither, the block is stored without proof.
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
    /// How long second looks may take, for one block, before it is stored without them.
    let limit: Duration
    let clock: any Clock<Duration>

    /// How often another node is asked that does not answer.
    private static let attemptsMax = 3

    /// The logs of `block`, with what proves them.
    ///
    /// - Throws: `ChainSourceError.inconsistent` where the answers contradict each other and none can be preferred.
    func prove(_ block: FetchedBlock) async throws -> Proof {
        switch verdict(block.header, block.logs) {
        case .proved where block.logs.isEmpty:
            return Proof(header: block.header, logs: [], verification: .bloom, bloomHolds: nil)
        case .proved: return try await settle(block, otherwise: .bloom)
        case .unproved, .doubtful: return try await settle(block, otherwise: nil)
        case .contradicted(.excludedByBloom): return try await refute(block)
        case .contradicted(let contradiction):
            throw ChainSourceError.inconsistent(
                "logs that cannot belong to their block: \(contradiction)", by: block.node)
        }
    }

    /// There may be more logs than came: most often there are not, sometimes the node left some out.
    ///
    /// - Parameter weak: What the header alone proves, where nothing better is at hand.
    private func settle(_ block: FetchedBlock, otherwise weak: Verification?) async throws -> Proof {
        let header = block.header
        func proof(_ logs: [Log], _ verification: Verification?) -> Proof {
            let bloomHolds = trustsBloom && !logs.isEmpty && header.logsBloom != nil
            return Proof(
                header: header, logs: logs, verification: verification, bloomHolds: bloomHolds ? true : nil)
        }
        let other = try await elsewhere(block)
        if let other, other.agrees(with: block.logs) { return proof(block.logs, .quorum) }
        let received = try await receipts(header)
        var answers = [block.logs]
        if let other { answers.append(other) }
        if let received { answers.append(received.logs) }
        // Without a second node the same one is asked again by hash, which some answer rightly when a query by height
        // failed.
        if answers.count == 1 { answers.append(try await again(block)) }
        var logs = block.logs
        for answer in answers {
            guard allows(header, answer), let fuller = answer.fuller(than: logs) else {
                throw ChainSourceError.inconsistent("two answers for the same block differ")
            }
            logs = fuller
        }
        if let received, received.isProved, received.logs.agrees(with: logs) { return proof(logs, .receipts) }
        return proof(logs, logs.agrees(with: block.logs) ? weak : nil)
    }

    /// The bloom excludes logs that came: the logs are made up, or the bloom is not about this block.
    private func refute(_ block: FetchedBlock) async throws -> Proof {
        let header = block.header
        let other = try await elsewhere(block)
        let again = if let other { other } else { try await again(block) }
        if again.agrees(with: block.logs) {
            return Proof(
                header: header, logs: again, verification: other == nil ? nil : .quorum, bloomHolds: false)
        }
        throw ChainSourceError.inconsistent("two answers for the same block differ, one against its bloom")
    }

    /// What the nodes answer for the block at a second time of asking.
    private func again(_ block: FetchedBlock) async throws -> [Log] {
        let answer = try await source.block(block.header.hash, contracts: contracts)
        guard answer.malformed.isEmpty else {
            throw ChainSourceError.inconsistent("logs that cannot be read", by: answer.node)
        }
        return answer.logs
    }

    /// What another node answers for the block; nil where there is none, or none that answers.
    private func elsewhere(_ block: FetchedBlock) async throws -> [Log]? {
        try await withinLimit(limit, clock) {
            for _ in 0..<Self.attemptsMax {
                do {
                    let answer = try await source.block(block.header.hash, contracts: contracts, notBy: block.node)
                    guard let answer else { return nil }
                    guard answer.malformed.isEmpty else { continue }
                    if case .contradicted(let contradiction) = verdict(block.header, answer.logs),
                        contradiction != .excludedByBloom
                    {
                        continue
                    }
                    return answer.logs
                } catch is ChainSourceError {
                    continue
                }
            }
            return nil
        }
    }

    /// The watched contracts' logs out of the block's receipts; nil where no node answers them.
    ///
    /// They are proved if all logs of the receipts make up the header's bloom, as far as a bloom can prove: a log that
    /// repeats the topics of others leaves no trace in it.
    private func receipts(_ header: Header) async throws -> (logs: [Log], isProved: Bool)? {
        let answer: [Log]?? = try await withinLimit(limit, clock) {
            do {
                return try await source.receiptLogs(of: header.hash)
            } catch is ChainSourceError {
                return nil
            }
        }
        guard let all = answer ?? nil else { return nil }
        let logs = all.filter { contracts.contains($0.address) }
        guard allows(header, logs) else { return nil }
        guard trustsBloom, header.settledHeight == nil, let expected = header.logsBloom else { return (logs, false) }
        var bloom = Bloom()
        for log in all {
            bloom.insert(log.address)
            for topic in log.topics { bloom.insert(topic) }
        }
        return bloom == expected ? (logs, true) : nil
    }

    private func verdict(_ header: Header, _ logs: [Log]) -> BlockCheck.Verdict {
        BlockCheck(contracts: contracts, trustsBloom: trustsBloom).verdict(header: header, logs: logs)
    }

    private func allows(_ header: Header, _ logs: [Log]) -> Bool {
        if case .contradicted = verdict(header, logs) { return false }
        return true
    }
}
