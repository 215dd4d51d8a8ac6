import Domain
import Ethereum
import EthereumRPC

// What makes rows of the blocks that nodes answered: proofs, senders, records.
extension Follower {
    /// The records of proved blocks.
    func blockRows(of proofs: [BlockProver.Proof]) -> [BlockRow] {
        proofs.map {
            BlockRow(header: $0.header, verification: $0.verification, logCount: chain.watched($0.logs).count)
        }
    }

    /// The rows of proved blocks, in the order of the chain, with the senders of their transactions.
    ///
    /// - Parameter known: Senders that were fetched already.
    mutating func rows(of proofs: [BlockProver.Proof], known: [Hash: Address] = [:]) async throws -> [EventRow] {
        var rows = fetcher.rows(of: proofs)
        let events = rows.filter { $0.type != nil }.map(\.log)
        let missing = events.filter { known[$0.transactionHash] == nil }
        let senders = known.merging(try await self.patientSenders(of: missing)) { known, _ in known }
        for index in rows.indices { rows[index].transactionFrom = senders[rows[index].log.transactionHash] }
        return rows
    }

    /// Who sent the transactions of `logs`; nobody once the nodes failed to say so a few times in a row.
    ///
    /// A node that lags knows them soon, and an event without its sender would be missed by a condition on it; one that
    /// keeps no index of old transactions never will.
    mutating func patientSenders(of logs: [Log]) async throws -> [Hash: Address] {
        do {
            let senders = try await senders(of: logs)
            if !senders.isEmpty { senderFailures = 0 }
            return senders
        } catch let error as ChainSourceError {
            guard senderFailures < Self.senderFailuresMax else { return [:] }
            senderFailures += 1
            throw error
        }
    }

    /// Who sent the transactions of `logs`.
    func senders(of logs: [Log]) async throws -> [Hash: Address] { try await fetcher.senders(of: logs) }

    /// Proves `blocks`, several at once, in their order.
    mutating func prove(_ blocks: [FetchedBlock]) async throws -> [BlockProver.Proof] {
        for block in blocks { bloomTrust.see(block.header) }
        var prover = BlockProver(
            source: source, contracts: contracts, policy: chain.verification, trust: bloomTrust,
            limit: secondLookLimit, clock: clock)
        prover.acceptsAlone = source.nodeCount < 2 || lonely >= Self.lonelyMax
        let proofs: [BlockProver.Proof]
        do {
            proofs = try await concurrently(blocks, atOnce: settings.callsMax) { [prover] block in
                try await prover.prove(block)
            }
        } catch let error as ListenerError {
            if case .heldBack(_, .bloom) = error { lonely += 1 }
            throw error
        }
        if proofs.contains(where: { $0.verification == .quorum }) { lonely = 0 }
        try learn(from: proofs)
        return proofs
    }

    /// Learns from `proofs` how far the chain's blooms may be believed.
    ///
    /// - Throws: `ChainSourceError.inconsistent` while a bloom that excludes its block's logs is trusted more than the one
    ///   node that answered them.
    mutating func learn(from proofs: [BlockProver.Proof]) throws {
        for proof in proofs {
            switch proof.bloomHolds {
            case true?: bloomTrust.noteAgreement(proof.header)
            case false?:
                bloomTrust.noteContradiction()
                if proof.verification == nil, bloomTrust.isTrusted {
                    throw ChainSourceError.inconsistent("a block's bloom excludes its logs")
                }
            case nil: break
            }
        }
    }

    /// How long another node is waited for: less where blocks come fast, for events are to go out before the next one.
    var secondLookLimit: Duration {
        guard let blockTime = chain.blockTime else { return settings.secondLookLimit }
        return min(settings.secondLookLimit, max(Self.secondLookFloor, blockTime / 4))
    }

    private static let secondLookFloor: Duration = .milliseconds(500)
}
