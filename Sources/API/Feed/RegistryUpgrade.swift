import Domain
import Ethereum
import Foundation
import Storage

/// The newest upgrade of a registry: from its block on the contract runs other code.
struct RegistryUpgrade {
    let chain: ChainID
    let contract: Address
    /// Nil where the log does not say.
    let implementation: Address?
    let blockNumber: Int64
    let blockTime: Int64
    let transactionHash: Hash

    func write(to writer: inout JSONWriter) {
        writer.member("implementation", implementation?.checksummed)
        writer.member("block_number", blockNumber)
        writer.member("block_timestamp", Timestamp(seconds: blockTime))
        writer.member("transaction_hash", transactionHash.description)
    }
}

/// Reads the newest upgrade of each contract; there are a handful for each, found by their type.
struct ListRegistryUpgrades: Statement {
    static let sql = """
        SELECT DISTINCT ON (chain_id, contract_address)
            chain_id, contract_address, topics, block_number, block_timestamp, transaction_hash
        FROM events WHERE event_type = 'Upgraded' AND is_canonical
        ORDER BY chain_id, contract_address, block_number DESC, log_index DESC
        """
    func decode(_ row: borrowing RowReader) throws(StorageError) -> RegistryUpgrade {
        guard let chain = ChainID(rawValue: try row.integer(0)) else { throw row.failure(0, "chain") }
        let second = try row.bytes(2).dropFirst(32).prefix(32)
        return RegistryUpgrade(
            chain: chain, contract: try row.address(1),
            implementation: second.count == 32 ? Address(bytes: Array(second.suffix(20))) : nil,
            blockNumber: try row.integer(3), blockTime: try row.integer(4), transactionHash: try row.hash(5))
    }
}
