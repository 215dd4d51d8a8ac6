import Domain
import Ethereum
import Storage

/// Begins to cover the contracts of a chain that were not watched before, and forgets those that are not any more.
struct OpenCoverage: Statement {
    static let sql = """
        WITH gone AS (
            DELETE FROM coverage WHERE chain_id = $1 AND NOT address = ANY ($2)
        )
        INSERT INTO coverage (chain_id, address, live_from)
        SELECT $1, address, coalesce($4::bigint + 1, start_block)
        FROM unnest($2::bytea[], $3::bigint[]) AS contract (address, start_block)
        ON CONFLICT DO NOTHING
        """
    let chain: Chain
    let checkpoint: BlockNumber?
    var arguments: [SQLValue] {
        [
            .integer(chain.id.rawValue), .byteStrings(chain.contracts.map(\.address.bytes)),
            .integers(chain.contracts.map(\.startBlock.rawValue)), .optional(checkpoint?.rawValue),
        ]
    }
}

/// What is stored of each watched contract of a chain.
struct LoadCoverage: Statement {
    static let sql = "SELECT address, live_from, first, filled_to FROM coverage WHERE chain_id = $1"
    let chainID: ChainID
    var arguments: [SQLValue] { [.integer(chainID.rawValue)] }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> Coverage {
        guard let liveFrom = try row.optionalBlockNumber(1) else { throw row.failure(1, "block number") }
        return Coverage(
            address: try row.address(0), liveFrom: liveFrom, first: try row.optionalBlockNumber(2),
            filledTo: try row.optionalBlockNumber(3))
    }
}

/// Notes how far a contract is filled; no row where the lease was lost.
struct SaveCoverage: Statement {
    static let sql = """
        UPDATE coverage SET live_from = $4, first = $5, filled_to = $6
        FROM chains WHERE chains.chain_id = $1 AND listener_token = $2 AND coverage.chain_id = $1 AND address = $3
        """
    let chainID: ChainID
    let token: Int64
    let coverage: Coverage
    var arguments: [SQLValue] {
        [
            .integer(chainID.rawValue), .integer(token), .address(coverage.address),
            .integer(coverage.liveFrom.rawValue), .optional(coverage.first?.rawValue),
            .optional(coverage.filledTo?.rawValue),
        ]
    }
}

/// Forgets what was covered above a block that the chain was taken back to: it is read again, for every contract.
struct RewindCoverage: Statement {
    static let sql = """
        UPDATE coverage SET live_from = $2 + 1, first = NULL, filled_to = NULL WHERE chain_id = $1 AND live_from > $2 + 1
        """
    let chainID: ChainID
    let fork: BlockNumber
    var arguments: [SQLValue] { [.integer(chainID.rawValue), .integer(fork.rawValue)] }
}

extension LedgerStore {
    /// Begins to cover contracts that were not watched before.
    func openCoverage(_ chain: Chain, checkpoint: BlockNumber?) async throws {
        try await database.execute(OpenCoverage(chain: chain, checkpoint: checkpoint))
    }

    /// Puts heights on the ledger of what is unverified.
    func open(_ ranges: [ClosedRange<BlockNumber>], of chainID: ChainID) async throws {
        try await database.execute(AddUnverified(chainID: chainID, ranges: ranges))
    }

    /// What is stored of each watched contract.
    func coverage(_ chainID: ChainID) async throws -> [Coverage] {
        try await database.query(LoadCoverage(chainID: chainID))
    }

    /// Notes how far a contract is filled; throws `.fenced` where the lease was lost.
    func save(_ coverage: Coverage, of chainID: ChainID, token: Int64) async throws {
        let statement = SaveCoverage(chainID: chainID, token: token, coverage: coverage)
        guard try await database.execute(statement) == 1 else { throw ListenerError.fenced }
    }
}
