import Domain
import Ethereum
import EthereumRPC
import TestSupport

/// A block of a simulated chain with all of its logs, those of strangers too.
struct SimulatedBlock: Sendable {
    let header: Header
    let logs: [Log]

    /// The receipts of its transactions, each of which wrote one log.
    var receipts: [Receipt] { Self.receipts(of: logs) }

    static func receipts(of logs: [Log]) -> [Receipt] {
        logs.enumerated().map { index, log in
            var bloom = Bloom()
            bloom.insert(log.address)
            for topic in log.topics { bloom.insert(topic) }
            return Receipt(
                transactionHash: log.transactionHash, transactionIndex: log.transactionIndex, blockHash: log.blockHash,
                blockNumber: log.blockNumber, from: SimulatedChain.stranger, type: UInt8(index % 5),
                outcome: .status(true), cumulativeGasUsed: UInt64(index + 1) * 50_000, logsBloom: bloom, logs: [log])
        }
    }
}

/// A chain that grows, forks and keeps every block it ever had.
struct SimulatedChain: Sendable {
    static let identity = contract(1)
    static let reputation = contract(2)
    static let stranger = contract(9)
    static let contracts = [
        RegistryContract(registry: .identity, address: identity, startBlock: 3),
        RegistryContract(registry: .reputation, address: reputation, startBlock: 7),
    ]

    private(set) var blocks: [Hash: SimulatedBlock] = [:]
    /// The canonical hashes by height.
    private(set) var canonical: [Hash] = []
    /// Whether headers carry blooms that say something.
    let hasBlooms: Bool
    private var salt: UInt64 = 0

    init(hasBlooms: Bool = true, using random: inout SeededGenerator) {
        self.hasBlooms = hasBlooms
        grow(by: 1, using: &random)
    }

    var height: Int { canonical.count - 1 }

    /// Adds `count` blocks on top.
    mutating func grow(by count: Int, using random: inout SeededGenerator) {
        for _ in 0..<count { canonical.append(make(on: canonical.last ?? .zero, at: canonical.count, using: &random)) }
    }

    /// Replaces the top `depth` blocks by `length` others.
    mutating func fork(depth: Int, length: Int, using random: inout SeededGenerator) {
        canonical.removeLast(depth)
        grow(by: length, using: &random)
    }

    /// Makes `hashes` canonical again, a branch that was left before.
    mutating func restore(_ hashes: [Hash]) { canonical = hashes }

    /// The watched contracts' logs of the canonical chain, in order.
    var watchedLogs: [Log] {
        canonical.flatMap { blocks[$0]?.logs ?? [] }.filter { log in
            Self.contracts.contains { $0.address == log.address && $0.startBlock <= log.blockNumber }
        }
    }

    private mutating func make(on parent: Hash, at number: Int, using random: inout SeededGenerator) -> Hash {
        salt += 1
        let hash = Keccak256.hash(parent.bytes + withUnsafeBytes(of: salt.bigEndian, Array.init))
        let height = BlockNumber(integerLiteral: Int64(number))
        var logs: [Log] = []
        for index in 0..<[0, 0, 0, 1, 1, 2, 5].randomElement(using: &random)! {
            logs.append(Self.log(hash, height, UInt32(index * 2), using: &random))
        }
        var bloom = Bloom()
        for log in logs {
            bloom.insert(log.address)
            for topic in log.topics { bloom.insert(topic) }
        }
        let header = Header(
            number: height, hash: hash, parentHash: parent, timestamp: 1_700_000_000 + Int64(number) * 12,
            logsBloom: hasBlooms ? bloom : Bloom(), receiptsRoot: SimulatedBlock.receipts(of: logs).root)
        blocks[hash] = SimulatedBlock(header: header, logs: logs)
        return hash
    }

    private static func log(
        _ hash: Hash, _ height: BlockNumber, _ index: UInt32, using random: inout SeededGenerator
    ) -> Log {
        let address = [identity, identity, reputation, stranger].randomElement(using: &random)!
        let words = (0..<3).map { _ in word(UInt64.random(in: 0..<50, using: &random)) }
        let topics: [Hash] =
            switch Int.random(in: 0..<10, using: &random) {
            case 0: [word(0xdead)] + words.prefix(1)  // no known event
            case 1: [transfer] + words.prefix(2)  // an event with a topic too few
            default: [transfer] + words
            }
        return Log(
            address: address, topics: Topics(topics)!, data: [], blockNumber: height, blockHash: hash,
            transactionHash: Keccak256.hash(hash.bytes + [UInt8(index)]), transactionIndex: index, logIndex: index)
    }

    /// The topic of `Transfer(address,address,uint256)`.
    static let transfer = Keccak256.hash(Array("Transfer(address,address,uint256)".utf8))

    static func word(_ value: UInt64) -> Hash {
        Hash(bytes: [UInt8](repeating: 0, count: 24) + withUnsafeBytes(of: value.bigEndian, Array.init))!
    }

    private static func contract(_ number: UInt8) -> Address {
        Address(bytes: [0x80, 0x04] + [UInt8](repeating: number, count: 18))!
    }
}
