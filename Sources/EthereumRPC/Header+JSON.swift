import Domain
import Ethereum

extension Header {
    /// Reads a block as `eth_getBlockByNumber` gives it.
    ///
    /// - Throws: `notYet` for null, `malformed` where a member is missing or wrong.
    init(_ value: JSONValue) throws(RPCError) {
        if value.isNull { throw .notYet }
        guard value.isObject else { throw .malformed("a header that is no object") }
        guard let number = try value.member("number")?.blockNumber else { throw .malformed("header.number") }
        guard let hash = try value.member("hash")?.hash else { throw .malformed("header.hash") }
        guard let parentHash = try value.member("parentHash")?.hash else { throw .malformed("header.parentHash") }
        guard let timestamp = try value.member("timestamp")?.quantity.flatMap({ Int64(exactly: $0) }) else {
            throw .malformed("header.timestamp")
        }
        let bloom = try value.member("logsBloom")?.bytes
        self.init(
            number: number, hash: hash, parentHash: parentHash, timestamp: timestamp,
            logsBloom: bloom.flatMap { Bloom(bytes: $0) },
            transactionsRoot: try value.member("transactionsRoot")?.hash,
            receiptsRoot: try value.member("receiptsRoot")?.hash,
            transactionCount: try value.member("transactions")?.elements?.count,
            settledHeight: try value.member("settledHeight")?.blockNumber)
    }

    /// Reads a block and checks that it is the one that was asked for.
    init(_ value: JSONValue, expecting selector: BlockSelector) throws(RPCError) {
        try self.init(value)
        switch selector {
        case .number(let wanted):
            guard number == wanted else { throw .inconsistent("another height than asked for") }
        case .hash(let wanted):
            guard hash == wanted else { throw .inconsistent("another block than asked for") }
        case .latest, .safe, .finalized: break
        }
    }
}

extension Receipt {
    /// Reads the receipts of the block `hash` as `eth_getBlockReceipts` gives them.
    static func list(_ value: JSONValue, of hash: Hash) throws(RPCError) -> [Receipt] {
        if value.isNull { throw .notYet }
        guard let elements = value.elements else { throw .malformed("eth_getBlockReceipts: no array") }
        var receipts: [Receipt] = []
        receipts.reserveCapacity(elements.count)
        for element in elements {
            let receipt = try Receipt(element)
            guard receipt.blockHash == hash else { throw .inconsistent("a receipt of another block") }
            receipts.append(receipt)
        }
        return receipts
    }

    /// Reads the receipt of `transaction` in the block `hash` as `eth_getTransactionReceipt` gives it.
    init(_ value: JSONValue, of transaction: Hash, in hash: Hash) throws(RPCError) {
        if value.isNull { throw .notYet }
        try self.init(value)
        guard transactionHash == transaction else { throw .inconsistent("the receipt of another transaction") }
        guard blockHash == hash else { throw .inconsistent("a receipt of another block") }
    }

    /// Reads a receipt as `eth_getBlockReceipts` gives it.
    init(_ value: JSONValue) throws(RPCError) {
        guard value.isObject else { throw .malformed("a receipt that is no object") }
        guard let transactionHash = try value.member("transactionHash")?.hash else {
            throw .malformed("receipt.transactionHash")
        }
        guard let index = try value.member("transactionIndex")?.quantity.flatMap({ UInt32(exactly: $0) }) else {
            throw .malformed("receipt.transactionIndex")
        }
        guard let blockHash = try value.member("blockHash")?.hash else { throw .malformed("receipt.blockHash") }
        guard let blockNumber = try value.member("blockNumber")?.blockNumber else {
            throw .malformed("receipt.blockNumber")
        }
        let type = try value.member("type")?.quantity ?? 0
        guard let type = UInt8(exactly: type) else { throw .malformed("receipt.type") }
        guard let gas = try value.member("cumulativeGasUsed")?.quantity else {
            throw .malformed("receipt.cumulativeGasUsed")
        }
        guard let bloom = try value.member("logsBloom")?.bytes.flatMap({ Bloom(bytes: $0) }) else {
            throw .malformed("receipt.logsBloom")
        }
        guard let entries = try value.member("logs")?.elements else { throw .malformed("receipt.logs") }
        var logs: [Log] = []
        for entry in entries { logs.append(try entry.log()) }
        self.init(
            transactionHash: transactionHash, transactionIndex: index, blockHash: blockHash, blockNumber: blockNumber,
            from: try value.member("from")?.address, type: type, outcome: try Self.outcome(value),
            cumulativeGasUsed: gas, logsBloom: bloom, logs: logs,
            depositNonce: try value.member("depositNonce")?.quantity,
            depositReceiptVersion: try value.member("depositReceiptVersion")?.quantity)
    }

    private static func outcome(_ value: JSONValue) throws(RPCError) -> Outcome {
        if let status = try value.member("status")?.quantity {
            guard status <= 1 else { throw .malformed("receipt.status") }
            return .status(status == 1)
        }
        guard let root = try value.member("root")?.hash else { throw .malformed("receipt.status") }
        return .root(root)
    }
}
