import Domain
import Ethereum
import TestSupport

/// A transaction with the logs that it writes in whatever block it ends up in.
struct WorldTransaction: Sendable {
    struct Written: Sendable {
        let address: Address
        let topics: [Hash]
        let data: [UInt8]
        /// What an observer must make of it; nil where it is no event.
        let event: String?
    }
    let hash: Hash
    let sender: Address
    let type: UInt8
    let logs: [Written]
}

/// A chain that grows, forks and keeps every block it ever had.
struct WorldChain: Sendable {
    enum BloomStyle: Sendable { case honest, zero, foreign, settled }

    struct Style: Sendable {
        var blooms = BloomStyle.honest
        /// Seconds between blocks; below 1 several have the same timestamp.
        var blockSeconds = 12.0
        /// The most transactions of a block; a dense block has many more logs.
        var transactionsMax = 4
        var denseBlocks = false
    }

    static let identity = SimulatedChain.identity
    static let reputation = SimulatedChain.reputation
    static let contracts = SimulatedChain.contracts

    let style: Style
    private(set) var blocks: [WorldBlock] = []
    private(set) var numbers: [Hash: Int] = [:]
    /// The canonical blocks by height, as places in `blocks`.
    private(set) var canonical: [Int] = []
    private(set) var transactions: [Hash: Address] = [:]
    private(set) var counts = FaultCounts()
    /// Transactions of orphaned blocks that wait to be included again.
    private var pending: [WorldTransaction] = []
    private var salt: UInt64

    init(style: Style, using random: inout SeededGenerator) {
        self.style = style
        salt = random.next()
        grow(using: &random)
    }

    var height: Int { canonical.count - 1 }
    var tip: WorldBlock { blocks[canonical[height]] }

    func block(_ hash: Hash) -> WorldBlock? { numbers[hash].map { blocks[$0] } }

    /// Adds a block on top.
    mutating func grow(using random: inout SeededGenerator) {
        canonical.append(make(on: canonical.last.map { blocks[$0] }, using: &random))
    }

    /// Takes the top `depth` blocks away and adds `length` others; most of the transactions come again.
    mutating func fork(depth: Int, length: Int, using random: inout SeededGenerator) {
        counts[.fork] += 1
        for place in canonical.suffix(depth) {
            pending += blocks[place].transactions.filter { _ in random.chance(70) }
        }
        canonical.removeLast(depth)
        for _ in 0..<length { grow(using: &random) }
    }

    /// Makes `places` canonical again, a branch that was left before.
    mutating func restore(_ places: [Int]) {
        counts[.forkBack] += 1
        canonical = places
        pending = []
    }

    /// Makes a branch of `length` blocks that nobody follows, `depth` blocks below the tip.
    ///
    /// - Returns: The canonical chain as somebody sees it who is on that branch.
    mutating func sprout(depth: Int, length: Int, using random: inout SeededGenerator) -> [Int] {
        var view = Array(canonical.dropLast(depth))
        for _ in 0..<length { view.append(make(on: view.last.map { blocks[$0] }, using: &random)) }
        return view
    }

    private mutating func make(on parent: WorldBlock?, using random: inout SeededGenerator) -> Int {
        let number = (parent?.number ?? -1) + 1
        var content: [WorldTransaction] = []
        while !pending.isEmpty, random.chance(60) {
            content.append(pending.remove(at: Int.random(in: 0..<pending.count, using: &random)))
            counts[.movedTransaction] += 1
        }
        let isDense = style.denseBlocks && random.chance(1)
        if isDense { counts[.denseBlock] += 1 }
        let fresh = isDense ? 40 : max(0, Int.random(in: -2...style.transactionsMax, using: &random))
        for _ in 0..<fresh { content.append(transaction(using: &random)) }
        // The same transaction is in a block once, and in a branch once.
        var seen: Set<Hash> = []
        content = content.filter { seen.insert($0.hash).inserted }
        content.shuffle(using: &random)
        for transaction in content { transactions[transaction.hash] = transaction.sender }
        salt &+= 0x9e37_79b9_7f4a_7c15
        let time = 1_700_000_000 + Int64(Double(number) * style.blockSeconds)
        if let parent, parent.timestamp == time { counts[.equalTimes] += 1 }
        let block = WorldBlock(
            number: number, parent: parent, salt: salt, timestamp: time, transactions: content, blooms: style.blooms)
        switch style.blooms {
        case .zero where !block.logs.isEmpty: counts[.zeroBloom] += 1
        case .foreign, .settled: counts[.foreignBloom] += 1
        default: break
        }
        numbers[block.hash] = blocks.count
        blocks.append(block)
        return blocks.count - 1
    }

    private mutating func transaction(using random: inout SeededGenerator) -> WorldTransaction {
        salt &+= 0x9e37_79b9_7f4a_7c15
        let count = [0, 1, 1, 1, 2, 3].randomElement(using: &random) ?? 1
        let types: [UInt8] = [0, 1, 2, 2, 3, 4]
        return WorldTransaction(
            hash: Keccak256.hash(SimulatedChain.word(salt).bytes),
            sender: Address(lowerBytesOf: SimulatedChain.word(UInt64.random(in: 1...40, using: &random))),
            type: types.randomElement(using: &random) ?? 2, logs: (0..<count).map { _ in written(using: &random) })
    }

    private mutating func written(using random: inout SeededGenerator) -> WorldTransaction.Written {
        let addresses = [Self.identity, Self.identity, Self.reputation, SimulatedChain.stranger]
        let address = addresses.randomElement(using: &random) ?? Self.identity
        func word() -> Hash { SimulatedChain.word(UInt64.random(in: 0..<50, using: &random)) }
        func log(_ topics: [Hash], _ data: [UInt8], _ event: String?) -> WorldTransaction.Written {
            WorldTransaction.Written(address: address, topics: topics, data: data, event: event)
        }
        switch Int.random(in: 0..<20, using: &random) {
        case 0:
            counts[.anonymousLog] += 1
            return log([], word().bytes, nil)
        case 1: return log([SimulatedChain.word(0xdead), word()], [], nil)
        case 2:
            counts[.shortLog] += 1
            return log([SimulatedChain.transfer, word(), word()], [], nil)
        case 3:
            // What most token contracts write under the same first topic: the third parameter is not indexed.
            counts[.foreignLayout] += 1
            return log([SimulatedChain.transfer, word(), word()], word().bytes, nil)
        case 4, 5: return log([Self.metadataUpdate], word().bytes, "MetadataUpdate")
        default: return log([SimulatedChain.transfer, word(), word(), word()], [], "Transfer")
        }
    }

    private static let metadataUpdate = Keccak256.hash(Array("MetadataUpdate(uint256)".utf8))
}
