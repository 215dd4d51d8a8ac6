import Domain
import Ethereum
import Foundation
import Hummingbird
import Storage

/// The chains of `chains.json` and how far each was read.
struct ChainRoutes: Sendable {
    let database: Database
    let chains: [Chain]

    var endpoints: [Endpoint] {
        [
            .account(.get, "/api/v1/chains", list),
            .account(.get, "/api/v1/chains/{child_id}", get),
        ]
    }

    private func list(_ call: Call, _ account: Account) async throws -> Response {
        let query = QueryReader(call.request)
        let page = query.page()
        try query.finish()
        let (progress, upgrades) = try await (progress(), upgrades())
        let shown = chains.dropFirst(Int(page.offset)).prefix(Int(page.limit))
        return .json { writer in
            writer.member("data", array: shown) { writer, chain in
                writer.object { write(chain, progress[chain.id], upgrades[chain.id] ?? [:], to: &$0) }
            }
            writer.pagination(page, total: Int64(chains.count), count: shown.count)
        }
    }

    private func get(_ call: Call, _ account: Account) async throws -> Response {
        let id = try call.rowID(of: "This chain")
        guard let chain = chains.first(where: { $0.id.rawValue == id }) else { throw APIError.notFound("This chain") }
        let (progress, upgrades) = try await (progress(), upgrades())
        return .data { write(chain, progress[chain.id], upgrades[chain.id] ?? [:], to: &$0) }
    }

    private func progress() async throws -> [ChainID: ChainProgress] {
        let rows = try await database.query(ListChainProgress())
        return Dictionary(rows.map { ($0.chain, $0) }) { first, _ in first }
    }

    /// The newest upgrade of each contract, by chain.
    private func upgrades() async throws -> [ChainID: [Address: RegistryUpgrade]] {
        let rows = try await database.query(ListRegistryUpgrades())
        return Dictionary(grouping: rows, by: \.chain).mapValues { rows in
            Dictionary(rows.map { ($0.contract, $0) }) { first, _ in first }
        }
    }

    /// How far the blocks before the tip are read; null at the tip.
    private func writeHistory(of chain: Chain, _ progress: ChainProgress?, to writer: inout JSONWriter) {
        guard let progress, let rate = progress.historyRate, let head = progress.head, let lag = progress.lag else {
            return writer.member("history", nil as String?)
        }
        let start = chain.contracts.map(\.startBlock.rawValue).min() ?? 0
        let whole = max(1, head.subtractingReportingOverflow(start).partialValue)
        writer.member(
            "history",
            object: {
                $0.member("progress", min(1, max(0, 1 - Double(lag) / Double(whole))))
                $0.member("blocks_per_second", rate)
                $0.member("seconds_left", rate > 0 ? Double(lag) / rate : nil)
            })
    }

    /// Everything but the nodes' URLs, which may hold keys.
    private func write(
        _ chain: Chain, _ progress: ChainProgress?, _ upgrades: [Address: RegistryUpgrade],
        to writer: inout JSONWriter
    ) {
        writer.member("chain_id", chain.id.rawValue)
        writer.member("name", chain.name)
        writer.member("enabled", chain.isEnabled)
        writer.member("head", progress?.head)
        writer.member("checkpoint", progress?.checkpoint)
        writer.member("lag", progress?.lag)
        writeHistory(of: chain, progress, to: &writer)
        writer.member("safe", progress?.safe)
        writer.member("finalized", progress?.finalized)
        writer.member("head_seen_at", Timestamp(progress?.headSeenAt, .milliseconds))
        writer.member("listener_error", progress?.listenerError)
        writer.member("halted_reason", progress?.haltedReason)
        writer.member("finality", chain.finality.rawValue)
        writer.member("confirmations", chain.confirmations)
        writer.member("verification", chain.verification.rawValue)
        writer.member("verified_blocks", progress?.verified(from: chain.contracts.map(\.startBlock).min()))
        writer.member("unverified_blocks", progress?.unverified)
        writer.member("explorer_url", chain.explorerURL)
        writer.member("registries", array: chain.contracts) { writer, contract in
            writer.object {
                $0.member("registry", contract.registry.rawValue)
                $0.member("address", contract.address.checksummed)
                $0.member("start_block", contract.startBlock.rawValue)
                if let upgrade = upgrades[contract.address] {
                    $0.member("upgraded", object: upgrade.write)
                } else {
                    $0.member("upgraded", JSON?.none)
                }
            }
        }
    }
}

/// How far a chain was read.
struct ChainProgress {
    let chain: ChainID
    let checkpoint: Int64?
    let head: Int64?
    let safe: Int64?
    let finalized: Int64?
    let headSeenAt: Date?
    /// What the listener fails at now.
    let listenerError: String?
    /// Why the listener stands still until an operator acts.
    let haltedReason: String?
    /// At how many stored heights nothing proves yet that all logs are stored.
    let unverified: Int64
    /// How many blocks of history are stored in a second; nil at the tip.
    let historyRate: Double?

    /// At how many stored heights from `start` on all logs are proved to be stored.
    func verified(from start: BlockNumber?) -> Int64? {
        guard let start, let checkpoint else { return nil }
        // Heights are not negative, so their difference fits.
        return max(0, checkpoint - start.rawValue &+ 1 &- unverified)
    }

    /// How many blocks of the head are not stored yet.
    var lag: Int64? {
        guard let head, let checkpoint else { return nil }
        return max(0, head.subtractingReportingOverflow(checkpoint).partialValue)
    }
}

/// Reads how far every chain was read.
struct ListChainProgress: Statement {
    static let sql = """
        SELECT chain_id, checkpoint_number, head_number, safe_number, finalized_number, head_seen_at,
            listener_error, halted_reason, (
                SELECT coalesce(sum(last - first + 1), 0)::bigint FROM unverified_ranges AS range
                WHERE range.chain_id = chains.chain_id), history_rate
        FROM chains
        """
    func decode(_ row: borrowing RowReader) throws(StorageError) -> ChainProgress {
        guard let chain = ChainID(rawValue: try row.integer(0)) else { throw row.failure(0, "chain") }
        return ChainProgress(
            chain: chain, checkpoint: try row.optionalInteger(1), head: try row.optionalInteger(2),
            safe: try row.optionalInteger(3), finalized: try row.optionalInteger(4),
            headSeenAt: try row.optionalDate(5), listenerError: try row.optionalText(6),
            haltedReason: try row.optionalText(7), unverified: try row.integer(8),
            historyRate: try row.optionalDouble(9))
    }
}
