import Domain
import Ethereum

/// What of one watched contract is stored: everything from `liveFrom` to the chain's checkpoint, and everything from
/// `first` to `filledTo`.
struct Coverage: Sendable, Equatable {
    let address: Address
    let liveFrom: BlockNumber
    /// Where the fill that is under way began; nil where there is none.
    let first: BlockNumber?
    let filledTo: BlockNumber?

    /// What is to be filled of a contract that can have logs from `startBlock` on; nil where nothing lacks.
    func gap(from startBlock: BlockNumber) -> ClosedRange<BlockNumber>? {
        var lower = startBlock
        if let first, let filledTo, first <= startBlock { lower = max(lower, filledTo.advanced(by: 1)) }
        return lower < liveFrom ? lower...liveFrom.advanced(by: -1) : nil
    }

    /// The coverage once everything from `startBlock` to `end` is stored.
    func filled(from startBlock: BlockNumber, to end: BlockNumber) -> Coverage {
        if end.advanced(by: 1) >= liveFrom {
            return Coverage(address: address, liveFrom: min(startBlock, liveFrom), first: nil, filledTo: nil)
        }
        return Coverage(address: address, liveFrom: liveFrom, first: startBlock, filledTo: end)
    }
}

/// Fills, beside the tip, what lacks of contracts that were added to a chain that is listened to already.
struct CoverageFiller: Sendable {
    let chain: Chain
    let token: Int64
    let source: any ChainSource
    let ledger: LedgerStore
    let settings: ListenerSettings

    /// Fills what is final and lacks; false where something is left that is not final yet.
    ///
    /// - Parameter finalized: the newest final block.
    /// - Parameter told: hears the contract and the last block that is filled.
    func fill(
        upTo finalized: BlockNumber, told: @Sendable (Address, BlockNumber) -> Void = { _, _ in }
    ) async throws -> Bool {
        var isComplete = true
        for contract in chain.contracts {
            guard let coverage = try await ledger.coverage(chain.id).first(where: { $0.address == contract.address }),
                let gap = coverage.gap(from: contract.startBlock)
            else { continue }
            let end = min(gap.upperBound, finalized)
            if end < gap.upperBound { isComplete = false }
            guard gap.lowerBound <= end else { continue }
            let repair = HistoryRepair(
                token: token,
                fetcher: HistoryFetcher(
                    chain: chain, source: source, settings: settings, trust: .none, contracts: [contract]),
                ledger: ledger, retractsSurplus: false)
            _ = try await repair.run(gap.lowerBound...end) { _, filledTo in
                let filled = coverage.filled(from: contract.startBlock, to: filledTo)
                try await ledger.save(filled, of: chain.id, token: token)
                told(contract.address, filledTo)
            }
        }
        return isComplete
    }
}
