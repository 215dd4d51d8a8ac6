import Domain
public import Ethereum

extension Receipt {
    /// The bytes that the block's receipts root is made over; nil for a type whose encoding is not known here.
    ///
    /// - SeeAlso: EIP-2718; EIP-658 for the status. The OP Stack leaves a deposit's nonce out of the root unless the receipt
    ///   has a version, which it has since Canyon. Arbitrum encodes its own types as it does those of Ethereum.
    var consensusEncoding: [UInt8]? {
        var items: [RLPItem] = [
            outcomeItem, .integer(cumulativeGasUsed), .bytes(logsBloom.bytes), .list(logs.map(Self.item)),
        ]
        switch type {
        case 0: return RLP.encode(.list(items))
        case 1...4, Self.arbitrumTypes: break
        case Self.deposit:
            if let depositReceiptVersion {
                guard let depositNonce else { return nil }
                items += [.integer(depositNonce), .integer(depositReceiptVersion)]
            }
        default: return nil
        }
        return [type] + RLP.encode(.list(items))
    }

    /// The OP Stack's deposits.
    private static let deposit: UInt8 = 0x7e
    /// Deposits, unsigned calls, contract calls, retries, retryable tickets and internal calls; 0x67 is unused.
    private static let arbitrumTypes: ClosedRange<UInt8> = 0x64...0x6a

    private var outcomeItem: RLPItem {
        switch outcome {
        case .status(let succeeded): .bytes(succeeded ? [1] : [])
        case .root(let root): .bytes(root.bytes)
        }
    }

    private static func item(_ log: Log) -> RLPItem {
        .list([.bytes(log.address.bytes), .list(log.topics.map { .bytes($0.bytes) }), .bytes(log.data)])
    }
}

extension [Receipt] {
    /// The root over these receipts of one block, in this order; nil where one of them is of an unknown type.
    public var root: Hash? {
        var encoded: [[UInt8]] = []
        for receipt in self {
            guard let bytes = receipt.consensusEncoding else { return nil }
            encoded.append(bytes)
        }
        return MerklePatriciaTrie.root(ofList: encoded)
    }

    /// Those of a block's receipts that the header's `root` proves, in their order; nil where it proves nothing.
    ///
    /// These are all of them, or all but the last one: Polygon's nodes put one for the bridge, sent by nobody, behind those
    /// that the root is made over.
    public func proved(by root: Hash) -> [Receipt]? {
        if self.root == root { return self }
        guard last?.from == .zero, dropLast().root == root else { return nil }
        return dropLast()
    }
}
