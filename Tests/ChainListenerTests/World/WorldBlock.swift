import Domain
import Ethereum

/// A block with everything that a node can be asked about it, written as nodes write it.
final class WorldBlock: Sendable {
    let number: Int
    let hash: Hash
    let parentHash: Hash
    let timestamp: Int64
    let transactions: [WorldTransaction]
    /// All logs, those of strangers too.
    let logs: [Log]
    /// What an observer must make of each log; nil where it is no event.
    let events: [String?]
    /// The filter over the block's own logs, whatever the header says.
    let bloom: Bloom
    let headerBloom: Bloom
    let settledHeight: Int?
    let receiptsRoot: Hash
    let headerText: String
    let logTexts: [String]
    let receiptTexts: [String]

    init(
        number: Int, parent: WorldBlock?, salt: UInt64, timestamp: Int64, transactions: [WorldTransaction],
        blooms: WorldChain.BloomStyle
    ) {
        self.number = number
        self.timestamp = timestamp
        self.transactions = transactions
        parentHash = parent?.hash ?? .zero
        let hash = Keccak256.hash(parentHash.bytes + SimulatedChain.word(salt).bytes)
        self.hash = hash
        var logs: [Log] = []
        var events: [String?] = []
        var bloom = Bloom()
        var receipts: [[UInt8]] = []
        var receiptTexts: [String] = []
        for (index, transaction) in transactions.enumerated() {
            var own = Bloom()
            let first = logs.count
            for written in transaction.logs {
                var topics = Topics()
                for topic in written.topics {
                    _ = topics.append(topic)
                    own.insert(topic)
                }
                own.insert(written.address)
                logs.append(
                    Log(
                        address: written.address, topics: topics, data: written.data,
                        blockNumber: BlockNumber(integerLiteral: Int64(number)), blockHash: hash,
                        transactionHash: transaction.hash, transactionIndex: UInt32(index), logIndex: UInt32(logs.count)
                    ))
                events.append(written.event)
            }
            bloom.formUnion(own)
            let gas = UInt64(21_000 * (index + 1))
            receipts.append(Self.receipt(transaction, gas: gas, bloom: own))
            receiptTexts.append(
                Self.receiptText(
                    transaction, index: index, hash: hash, number: number, gas: gas, bloom: own,
                    logs: logs[first...].map { Self.text($0, time: timestamp) }))
        }
        self.logs = logs
        self.events = events
        self.bloom = bloom
        self.receiptTexts = receiptTexts
        receiptsRoot = TrieRoot.of(receipts)
        logTexts = logs.map { Self.text($0, time: timestamp) }
        headerBloom =
            switch blooms {
            case .honest: bloom
            case .zero: Bloom()
            case .foreign, .settled: parent?.bloom ?? Bloom()
            }
        settledHeight = blooms == .settled ? max(0, number - 1) : nil
        let settled = settledHeight.map { #","settledHeight":"\#(Self.quantity($0))""# } ?? ""
        headerText = Self.header(
            number: number, hash: hash, parent: parentHash, time: timestamp, bloom: headerBloom,
            receiptsRoot: blooms == .settled ? parent?.receiptsRoot ?? TrieRoot.of([]) : receiptsRoot,
            transactions: transactions.map(\.hash), more: settled)
    }

    static func header(
        number: Int, hash: Hash, parent: Hash, time: Int64?, bloom: Bloom, receiptsRoot: Hash, transactions: [Hash],
        more: String = ""
    ) -> String {
        let timestamp = time.map { #""timestamp":"\#(quantity(Int($0)))","# } ?? ""
        let root = transactions.isEmpty ? TrieRoot.of([]) : Keccak256.hash(transactions.flatMap(\.bytes))
        return #"""
            {"number":"\#(quantity(number))","hash":"\#(hash)","parentHash":"\#(parent)",\#(timestamp)\#
            "logsBloom":"\#(Hex.encode(bloom.bytes))","transactionsRoot":"\#(root)","receiptsRoot":"\#(receiptsRoot)",\#
            "transactions":[\#(transactions.map { "\"\($0)\"" }.joined(separator: ","))],"uncles":[]\#(more)}
            """#
    }

    static func text(_ log: Log, time: Int64?, isRemoved: Bool = false) -> String {
        let stamp = time.map { #","blockTimestamp":"\#(quantity(Int($0)))""# } ?? ""
        return #"""
            {"address":"\#(log.address.hex)","topics":[\#(log.topics.map { "\"\($0)\"" }.joined(separator: ","))],\#
            "data":"\#(Hex.encode(log.data))","blockNumber":"\#(quantity(Int(log.blockNumber.rawValue)))",\#
            "blockHash":"\#(log.blockHash)","transactionHash":"\#(log.transactionHash)",\#
            "transactionIndex":"\#(quantity(Int(log.transactionIndex)))","logIndex":"\#(quantity(Int(log.logIndex)))",\#
            "removed":\#(isRemoved)\#(stamp)}
            """#
    }

    private static func receiptText(
        _ transaction: WorldTransaction, index: Int, hash: Hash, number: Int, gas: UInt64, bloom: Bloom, logs: [String]
    ) -> String {
        #"""
        {"transactionHash":"\#(transaction.hash)","transactionIndex":"\#(quantity(index))","blockHash":"\#(hash)",\#
        "blockNumber":"\#(quantity(number))","from":"\#(transaction.sender.hex)","to":"\#(SimulatedChain.identity.hex)",\#
        "type":"\#(quantity(Int(transaction.type)))","status":"0x1","cumulativeGasUsed":"\#(quantity(Int(gas)))",\#
        "gasUsed":"0x5208","logsBloom":"\#(Hex.encode(bloom.bytes))","logs":[\#(logs.joined(separator: ","))]}
        """#
    }

    /// The receipt as consensus encodes it (EIP-2718).
    private static func receipt(_ transaction: WorldTransaction, gas: UInt64, bloom: Bloom) -> [UInt8] {
        let logs = transaction.logs.map { log in
            RLPItem.list([
                .bytes(log.address.bytes), .list(log.topics.map { .bytes($0.bytes) }), .bytes(log.data),
            ])
        }
        let body = RLP.encode(.list([.integer(1 as UInt64), .integer(gas), .bytes(bloom.bytes), .list(logs)]))
        return transaction.type == 0 ? body : [transaction.type] + body
    }

    static func quantity(_ value: Int) -> String { "0x" + String(value, radix: 16) }
}

/// The root of the Merkle-Patricia trie over a list, keyed by position.
///
/// - SeeAlso: Ethereum Yellow Paper, appendix D.
enum TrieRoot {
    static func of(_ items: [[UInt8]]) -> Hash {
        let entries = items.enumerated().map { index, value in
            (key: RLP.encode(.integer(UInt64(index))).flatMap { [$0 >> 4, $0 & 15] }, value: value)
        }
        return Keccak256.hash(RLP.encode(entries.isEmpty ? .bytes([]) : node(entries, from: 0)))
    }

    private static func node(_ entries: [(key: [UInt8], value: [UInt8])], from depth: Int) -> RLPItem {
        if entries.count == 1 {
            return .list([.bytes(path(entries[0].key[depth...], isLeaf: true)), .bytes(entries[0].value)])
        }
        var shared = depth
        while entries.allSatisfy({ $0.key[shared] == entries[0].key[shared] }) { shared += 1 }
        if shared > depth {
            return .list([
                .bytes(path(entries[0].key[depth..<shared], isLeaf: false)), reference(node(entries, from: shared)),
            ])
        }
        let children = (0..<16).map { nibble in
            let below = entries.filter { $0.key[depth] == nibble }
            return below.isEmpty ? RLPItem.bytes([]) : reference(node(below, from: depth + 1))
        }
        return .list(children + [.bytes([])])
    }

    private static func reference(_ item: RLPItem) -> RLPItem {
        let encoded = RLP.encode(item)
        return encoded.count < 32 ? item : .bytes(Keccak256.hash(encoded).bytes)
    }

    private static func path(_ nibbles: ArraySlice<UInt8>, isLeaf: Bool) -> [UInt8] {
        let flag: UInt8 = isLeaf ? 2 : 0
        var rest = nibbles
        var bytes: [UInt8] = []
        if nibbles.count.isMultiple(of: 2) {
            bytes.append(flag << 4)
        } else {
            bytes.append((flag + 1) << 4 | rest.removeFirst())
        }
        while let high = rest.popFirst(), let low = rest.popFirst() { bytes.append(high << 4 | low) }
        return bytes
    }
}
