import Domain
import Ethereum
import EthereumRPC

/// A block with its logs as one node answered them.
struct FetchedBlock: Sendable {
    let header: Header
    let logs: [Log]
    let node: Int

    /// The same block, without its bloom where `other`, which is the same header at another time, has another one.
    func disputing(_ other: Header) -> FetchedBlock {
        guard other.hash == header.hash, other.logsBloom != header.logsBloom else { return self }
        var header = header
        header.logsBloom = nil
        return FetchedBlock(header: header, logs: logs, node: node)
    }
}

/// Finds what proves that the logs of a block are complete, by looking again, elsewhere or in another way.
///
/// Answers are wrong in many ways (a backend behind the head, an index with holes, a bloom of another block). A trusted
/// bloom that excludes every watched contract is enough alone, once others were borne out. Otherwise a second node's answer
/// for the same block hash decides, or the block's receipts where they make up the root in its header.
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
    let policy: VerificationPolicy
    let trust: BloomTrust
    /// How long a second look may take, for one block, before it counts as not answered.
    let limit: Duration
    let clock: any Clock<Duration>
    /// Whether one node's word is enough for a block of which its header says nothing; so where there is no other node.
    var acceptsAlone = true

    /// How often another node is asked that does not answer.
    private static let attemptsMax = 3
    /// The wait before a node that lacks the block is asked again.
    private static let lagPause = Duration.milliseconds(100)

    /// The logs of `block`, with what proves them; the policy may do without.
    ///
    /// - Throws: `ChainSourceError.inconsistent` where the answers contradict each other and none can be preferred;
    ///   `ListenerError.heldBack` where the policy demands a proof that no node gives now.
    func prove(_ block: FetchedBlock) async throws -> Proof {
        let verdict = check.verdict(header: block.header, logs: block.logs)
        if case .contradicted(let contradiction) = verdict, contradiction != .excludedByBloom {
            throw ChainSourceError.inconsistent(
                "logs that cannot belong to their block: \(contradiction)", by: block.node)
        }
        switch policy {
        case .quorum: return try await agree(on: block)
        case .bloom, .receipts:
            switch verdict {
            case .proved: return proof(block.header, [], .bloom)
            case .unproved where policy == .bloom:
                if block.logs.isEmpty, trust.isTried(by: block.header),
                    let received = try await receipts(block.header), received.isProved
                {
                    return proof(block, by: received)
                }
                return try await settle(block)
            case .contradicted where policy == .bloom: return try await refute(block)
            case .unproved, .contradicted:
                guard let received = try await receipts(block.header), received.isProved else {
                    throw ListenerError.heldBack(block.header.number, .receipts)
                }
                return proof(block, by: received)
            }
        }
    }

    /// What can be proved of the block of `header` without its bloom, by its receipts, else by two nodes; nil where neither
    /// can be had now.
    func prove(_ header: Header) async throws -> Proof? {
        if let received = try await receipts(header), received.isProved {
            return proof(header, received.logs, .receipts, bloomHolds: received.bloomHolds)
        }
        do {
            let answer = try await source.block(header.hash, contracts: contracts)
            let block = FetchedBlock(header: header, logs: answer.logs, node: answer.node)
            let check = BlockCheck(contracts: contracts, trust: .none)
            guard answer.malformed.isEmpty, check.verdict(header: header, logs: answer.logs) == .unproved else {
                return nil
            }
            return try await agree(on: block)
        } catch ListenerError.heldBack {
            return nil
        } catch is ChainSourceError {
            return nil
        }
    }

    private func proof(_ block: FetchedBlock, by received: Received) -> Proof {
        if !received.logs.agrees(with: block.logs) {
            source.distrust(block.node, because: "logs other than those of the block's receipts")
        }
        return proof(block.header, received.logs, .receipts, bloomHolds: received.bloomHolds)
    }

    /// There may be more logs than came: most often there are not, sometimes the node left some out.
    private func settle(_ block: FetchedBlock) async throws -> Proof {
        let header = block.header
        let other = try await elsewhere(block)
        if let other, other.agrees(with: block.logs) { return proof(header, block.logs, .quorum) }
        let received = try await receipts(header)
        if let received, received.isProved { return proof(block, by: received) }
        if trust.evidence(in: header) == nil {
            // Nothing in the header limits what a node may make up, and nothing tells which of two is wrong.
            guard other == nil else {
                throw ChainSourceError.inconsistent("two nodes answer different logs for the same block")
            }
            guard acceptsAlone else { throw ListenerError.heldBack(header.number, .bloom) }
        }
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
        return proof(header, logs, nil)
    }

    /// Two nodes must answer the same logs, whatever the bloom says.
    private func agree(on block: FetchedBlock) async throws -> Proof {
        guard let other = try await elsewhere(block) else {
            throw ListenerError.heldBack(block.header.number, .quorum)
        }
        guard other.agrees(with: block.logs) else {
            throw ChainSourceError.inconsistent("two nodes answer different logs for the same block")
        }
        return proof(block.header, block.logs, .quorum)
    }

    /// The bloom excludes logs that came: the logs are made up, or the bloom is not about this block.
    private func refute(_ block: FetchedBlock) async throws -> Proof {
        let other = try await elsewhere(block)
        if other.map({ !$0.agrees(with: block.logs) }) ?? true, let received = try await receipts(block.header),
            received.isProved
        {
            return proof(block, by: received)
        }
        let again = if let other { other } else { try await again(block) }
        if again.agrees(with: block.logs) { return proof(block.header, again, other == nil ? nil : .quorum) }
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

    /// What another node answers for the block; nil where there is none, or none that answers in time.
    private func elsewhere(_ block: FetchedBlock) async throws -> [Log]? {
        try await withinLimit(limit, clock) {
            var attempts = 0
            while attempts < Self.attemptsMax {
                attempts += 1
                do {
                    let answer = try await source.block(block.header.hash, contracts: contracts, notBy: block.node)
                    guard let answer else { return nil }
                    guard answer.malformed.isEmpty else { continue }
                    let verdict = check.verdict(header: block.header, logs: answer.logs)
                    if case .contradicted(let contradiction) = verdict, contradiction != .excludedByBloom { continue }
                    return answer.logs
                } catch ChainSourceError.notYet {
                    // It lags a little, as nodes do.
                    attempts -= 1
                    try await clock.sleep(for: Self.lagPause)
                } catch is ChainSourceError {
                    continue
                }
            }
            return nil
        }
    }

    /// What came of a block's receipts.
    private struct Received {
        /// The watched contracts' logs.
        let logs: [Log]
        /// Whether the header's root proves them.
        var isProved = false
        /// Whether the header's bloom is the one of these receipts; nil where nothing is proved, or where it has more.
        var bloomHolds: Bool?
    }

    /// The watched contracts' logs out of the block's receipts; nil where no node answers these.
    private func receipts(_ header: Header) async throws -> Received? {
        let answer: [Receipt]?? = try await withinLimit(limit, clock) {
            do {
                return try await source.receipts(of: header)
            } catch is ChainSourceError {
                return nil
            }
        }
        guard let all = answer ?? nil else { return nil }
        let logs = watched(all)
        // The root is stronger evidence than the bloom.
        let check = BlockCheck(contracts: contracts, trust: .none)
        guard check.verdict(header: header, logs: logs) == .unproved else { return nil }
        // A header that settles a lower block carries that block's root.
        guard header.settledHeight == nil, let root = header.receiptsRoot, let proved = all.proved(by: root) else {
            return Received(logs: logs)
        }
        return Received(
            logs: logs, isProved: watched(proved).count == logs.count, bloomHolds: bloomHolds(header, proved))
    }

    private func bloomHolds(_ header: Header, _ receipts: [Receipt]) -> Bool? {
        guard let bloom = trust.evidence(in: header), !receipts.isEmpty else { return nil }
        let whole = receipts.reduce(into: Bloom()) { $0.formUnion($1.logsBloom) }
        return bloom == whole ? true : bloom.isSuperset(of: whole) ? nil : false
    }

    private func watched(_ receipts: [Receipt]) -> [Log] {
        receipts.flatMap(\.logs).filter { contracts.contains($0.address) }
    }

    private func proof(
        _ header: Header, _ logs: [Log], _ verification: Verification?, bloomHolds: Bool? = nil
    ) -> Proof {
        Proof(
            header: header, logs: logs, verification: verification,
            bloomHolds: bloomHolds ?? self.bloomHolds(header, logs, verification))
    }

    private func bloomHolds(_ header: Header, _ logs: [Log], _ verification: Verification?) -> Bool? {
        guard let bloom = trust.evidence(in: header) else { return nil }
        if !logs.isEmpty { return logs.allSatisfy(bloom.contains) }
        // Two nodes bear an empty bloom out where no receipts do.
        return verification == .quorum && bloom.isEmpty && header.transactionCount != 0 && trust.isTriedOut ? true : nil
    }

    private var check: BlockCheck { BlockCheck(contracts: contracts, trust: trust) }

    private func allows(_ header: Header, _ logs: [Log]) -> Bool {
        if case .contradicted = check.verdict(header: header, logs: logs) { return false }
        return true
    }
}
