import Domain
import Ethereum
import EthereumRPC
import Logging

extension Auditor {
    /// Proves each of `open` on its own and writes down what holds at the heights `taken`.
    mutating func settle(
        _ open: [Header], cleared: [Header], _ taken: [BlockNumber],
        _ stored: (hashes: [BlockNumber: Hash], events: [StoredLog])
    ) async throws {
        guard let first = taken.first, let last = taken.last else { return }
        let prover = BlockProver(
            source: source, contracts: contracts, policy: chain.verification, trust: trust,
            limit: settings.secondLookLimit, clock: clock)
        // Two at a time: the tip comes first.
        let proofs = try await concurrently(open, atOnce: min(2, settings.callsMax)) { try await prover.prove($0) }
            .compactMap { $0 }
        for proof in proofs {
            switch proof.bloomHolds {
            case true?: trust.noteAgreement(proof.header)
            case false?: trust.noteContradiction()
            case nil: break
            }
        }
        fruitless = proofs.isEmpty ? fruitless + open.count : 0
        let hashes = stored.hashes.filter { (first...last).contains($0.key) }
        var settlement = Settlement(chainID: chain.id, token: token, range: first...last, hashes: hashes)
        let proved = Dictionary(
            proofs.map { ($0.header.number, $0) }, uniquingKeysWith: { first, _ in first })
        settlement.verified = (cleared.map(\.number) + proved.keys).sorted()
        settlement.marks =
            cleared.map { ($0.number, $0.hash, .bloom) }
            + proofs.compactMap { proof in proof.verification.map { (proof.header.number, proof.header.hash, $0) } }
        let truth = proofs.flatMap(\.logs)
        let missing = compare(truth, stored.events.filter { proved[$0.log.blockNumber] != nil }, &settlement)
        let headers = Dictionary(proofs.map { ($0.header.hash, $0.header) }, uniquingKeysWith: { first, _ in first })
        try await add(missing, of: truth, headers, &settlement) { proved[$0]?.verification }
        try await settle(settlement)
        for number in cleared.map(\.number) {
            self.cleared =
                self.cleared.map { min($0.lowerBound, number)...max($0.upperBound, number) } ?? number...number
        }
    }

    /// Notes the stored logs that are not among `truth`, and answers those of `truth` that are not stored.
    func compare(_ truth: [Log], _ stored: [StoredLog], _ settlement: inout Settlement) -> [Log] {
        let places = Set(truth.map(LogPlace.init))
        settlement.surplus = stored.filter { !places.contains(LogPlace($0.log)) }.map(\.id)
        let known = Set(stored.map { LogPlace($0.log) })
        return chain.watched(truth).filter { !known.contains(LogPlace($0)) }
    }

    /// Adds `missing`, logs out of `truth`, with the blocks that they belong to.
    mutating func add(
        _ missing: [Log], of truth: [Log], _ headers: [Hash: Header], _ settlement: inout Settlement,
        verification: (BlockNumber) -> Verification?
    ) async throws {
        guard !missing.isEmpty else { return }
        let counts = Dictionary(grouping: chain.watched(truth), by: \.blockHash).mapValues(\.count)
        let senders = try await senders(of: missing)
        for hash in Set(missing.map(\.blockHash)).sorted() {
            guard let header = headers[hash] else {
                throw ChainSourceError.inconsistent("other blocks than those asked for")
            }
            settlement.blocks.append(
                BlockRow(
                    header: header, verification: verification(header.number), logCount: counts[hash] ?? 0))
        }
        for log in missing.sorted(by: { ($0.blockNumber, $0.logIndex) < ($1.blockNumber, $1.logIndex) }) {
            guard let registry = chain.registry(at: log.address), let header = headers[log.blockHash] else { continue }
            var row = EventRow(log: log, registry: registry, timestamp: header.timestamp)
            row.transactionFrom = senders[log.transactionHash]
            settlement.late.append(row)
        }
    }

    /// Who sent the transactions of `logs`; nobody once the nodes failed to say so a few times in a row.
    private mutating func senders(of logs: [Log]) async throws -> [Hash: Address] {
        guard settings.fetchesSenders else { return [:] }
        do {
            let senders = try await source.senders(of: Set(logs.map(\.transactionHash)).sorted())
            senderFailures = 0
            return senders
        } catch let error as ChainSourceError {
            senderFailures += 1
            guard senderFailures > Self.senderFailuresMax else { throw error }
            return [:]
        }
    }

    mutating func settle(_ settlement: Settlement) async throws {
        guard let outcome = try await ledger.settle(settlement) else {
            // The chain changed at these heights meanwhile: look again.
            headers = []
            return
        }
        if !settlement.verified.isEmpty { hasGained = true }
        position = settlement.range.upperBound.advanced(by: 1)
        guard !settlement.late.isEmpty || !settlement.surplus.isEmpty else { return }
        meters.repaired(late: settlement.late.count, surplus: settlement.surplus.count)
        logger.error(
            "what was stored of the chain was wrong and is corrected; a node answered wrongly when it was read",
            metadata: [
                "block.number": "\(settlement.range)", "events": "\(outcome.events)",
                "retractions": "\(outcome.retractions)",
            ])
    }

    /// Says that stored blocks are not the ones that the nodes show although they are final; they stay unverified.
    func note(doubted: [BlockNumber]) {
        guard let first = doubted.min() else { return }
        logger.error(
            "a stored block that was taken as final is not the one that the nodes show; compare them with tocsin verify",
            metadata: ["block.number": "\(first)"])
    }
}
