import ChainListener
import Domain
import Ethereum
import EthereumRPC
import Synchronization
import TestSupport

/// Something that ends the listener's process, as the simulation has it.
struct SimulatedCrash: Error {}

/// How one simulated node answers wrongly.
struct NodeFaults: Sendable {
    /// In a hundred: no answer at all.
    var silent = 0
    /// In a hundred: the block asked for is not there yet.
    var missing = 0
    /// In a hundred: logs are left out, all or some of them.
    var forgetful = 0
    /// In a hundred: logs of another block, contract or place are among them.
    var inventive = 0
    /// In a hundred: another block than the one asked for.
    var confused = 0
    /// The most blocks in one range.
    var rangeMax = Int.max
    /// Whether `safe` and `finalized` are answered.
    var knowsTags = true
    /// Whether receipts are answered.
    var hasReceipts = true
}

/// A few nodes of one simulated chain, each with its own view and its own faults.
final class SimulatedNodes: ChainSource {
    struct Node: Sendable {
        var faults = NodeFaults()
        /// The canonical hashes as the node sees them.
        var view: [Hash] = []
    }

    struct State {
        var chain: SimulatedChain
        var nodes: [Node]
        var random: SeededGenerator
        /// How far behind the head the finalized block is.
        var finalityDepth = 12
        /// In a thousand calls: the process ends instead.
        var crashes = 0
        var isDown = false
    }

    let state: Mutex<State>
    /// Fires at each look at the head.
    let looks = Signal()

    init(chain: SimulatedChain, nodes: [NodeFaults], seed: UInt64) {
        let views = nodes.map { Node(faults: $0, view: chain.canonical) }
        state = Mutex(State(chain: chain, nodes: views, random: SeededGenerator(seed: seed)))
    }

    func with<Result>(_ body: (inout State) -> Result) -> Result {
        state.withLock { body(&$0) }
    }

    /// Changes the chain and shows the change to every node.
    func change(_ body: (inout SimulatedChain, inout SeededGenerator) -> Void) {
        with { state in
            body(&state.chain, &state.random)
            for index in state.nodes.indices { state.nodes[index].view = state.chain.canonical }
        }
    }

    // MARK: Answering

    /// A node that answers a call, after the faults that every call may have.
    private func pick(_ state: inout State, notBy excluded: Int? = nil) throws -> Int? {
        if Int.random(in: 0..<1000, using: &state.random) < state.crashes { throw SimulatedCrash() }
        if state.isDown { throw ChainSourceError.unreachable("server") }
        let candidates = state.nodes.indices.filter { $0 != excluded }
        guard let index = candidates.randomElement(using: &state.random) else { return nil }
        if state.random.chance(state.nodes[index].faults.silent) { throw ChainSourceError.unreachable("timeout") }
        if state.random.chance(state.nodes[index].faults.missing) { throw ChainSourceError.notYet }
        return index
    }

    private func header(_ state: inout State, _ node: Int, at number: BlockNumber) throws -> Header {
        var number = Int(number.rawValue)
        if state.random.chance(state.nodes[node].faults.confused) { number = max(0, number - 1) }
        guard state.nodes[node].view.indices.contains(number),
            let block = state.chain.blocks[state.nodes[node].view[number]]
        else { throw ChainSourceError.notYet }
        return block.header
    }

    private func logs(_ state: inout State, _ node: Int, of hashes: [Hash], _ contracts: [Address]) -> [Log] {
        var logs = hashes.flatMap { state.chain.blocks[$0]?.logs ?? [] }.filter { contracts.contains($0.address) }
        let faults = state.nodes[node].faults
        if state.random.chance(faults.forgetful) {
            logs = state.random.chance(50) ? [] : logs.filter { _ in state.random.chance(50) }
        }
        if var log = logs.randomElement(using: &state.random), state.random.chance(faults.inventive) {
            switch Int.random(in: 0..<4, using: &state.random) {
            case 0: log.address = SimulatedChain.stranger
            case 1: log.blockHash = SimulatedChain.word(7)
            case 2: log.logIndex += 0
            default: log.blockNumber = log.blockNumber.advanced(by: 100_000)
            }
            logs.append(log)
        }
        return logs.shuffled(using: &state.random)
    }

    private func answer(
        _ state: inout State, _ node: Int, _ range: ClosedRange<BlockNumber>, _ contracts: [Address], whole: Bool
    ) throws -> BlockLogs {
        // A node that does not have the last block refuses, or answers with what it has if it lies.
        let numbers = whole ? Array(range) : [range.lowerBound, range.upperBound]
        var headers: [Header] = []
        for number in numbers { headers.append(try header(&state, node, at: number)) }
        if range.count == 1 { headers = [headers[0]] }
        let view = state.nodes[node].view
        let hashes = range.compactMap { view.indices.contains(Int($0.rawValue)) ? view[Int($0.rawValue)] : nil }
        return BlockLogs(
            range: range, headers: headers, logs: logs(&state, node, of: hashes, contracts), node: node)
    }

    // MARK: ChainSource

    func tip(tags: Bool) async throws -> BlockMarks {
        defer { looks.fire() }
        return try state.withLock { state in
            guard let node = try pick(&state) else { throw ChainSourceError.notYet }
            return try marks(state, node, tags: tags)
        }
    }

    private func marks(_ state: State, _ node: Int, tags: Bool) throws -> BlockMarks {
        let view = state.nodes[node].view
        func mark(_ depth: Int) -> Header? {
            guard tags, state.nodes[node].faults.knowsTags, view.count > depth else { return nil }
            return state.chain.blocks[view[view.count - 1 - depth]]?.header
        }
        guard let last = view.last, let latest = state.chain.blocks[last]?.header else {
            throw ChainSourceError.notYet
        }
        return BlockMarks(
            latest: latest, safe: mark(state.finalityDepth / 2), finalized: mark(state.finalityDepth), node: node)
    }

    var nodeCount: Int { with { $0.nodes.count } }

    func tip(
        tags: Bool, notBy node: Int, at numbers: [BlockNumber]
    ) async throws -> (marks: BlockMarks?, blocks: [Header])? {
        try state.withLock { state in
            guard let node = try pick(&state, notBy: node) else { return nil }
            let view = state.nodes[node].view
            let blocks = numbers.compactMap { number in
                view.indices.contains(Int(number.rawValue))
                    ? state.chain.blocks[view[Int(number.rawValue)]]?.header : nil
            }
            return (try marks(state, node, tags: tags), blocks)
        }
    }

    func segment(_ range: ClosedRange<BlockNumber>, contracts: [Address]) async throws -> BlockLogs {
        try state.withLock { state in
            guard let node = try pick(&state) else { throw ChainSourceError.notYet }
            return try answer(&state, node, range, contracts, whole: true)
        }
    }

    var spanLength: Int { with { $0.nodes.map(\.faults.rangeMax).max() ?? 1 } }

    /// As much of the beginning of `range` as `node` answers at once.
    private func beginning(
        _ range: ClosedRange<BlockNumber>, _ state: State, _ node: Int
    ) -> ClosedRange<BlockNumber> {
        let count = min(range.count, state.nodes[node].faults.rangeMax)
        return range.lowerBound...range.lowerBound.advanced(by: count - 1)
    }

    func span(_ range: ClosedRange<BlockNumber>, contracts: [Address]) async throws -> BlockLogs {
        try state.withLock { state in
            guard let node = try pick(&state) else { throw ChainSourceError.notYet }
            return try answer(&state, node, beginning(range, state, node), contracts, whole: false)
        }
    }

    func span(_ range: ClosedRange<BlockNumber>, contracts: [Address], notBy node: Int) async throws -> BlockLogs? {
        try state.withLock { state in
            guard let node = try pick(&state, notBy: node) else { return nil }
            return try answer(&state, node, beginning(range, state, node), contracts, whole: false)
        }
    }

    func block(_ hash: Hash, contracts: [Address]) async throws -> BlockLogs {
        try state.withLock { state in
            guard let node = try pick(&state) else { throw ChainSourceError.notYet }
            return try block(&state, node, hash, contracts)
        }
    }

    func block(_ hash: Hash, contracts: [Address], notBy node: Int) async throws -> BlockLogs? {
        try state.withLock { state in
            guard let node = try pick(&state, notBy: node) else { return nil }
            return try block(&state, node, hash, contracts)
        }
    }

    private func block(_ state: inout State, _ node: Int, _ hash: Hash, _ contracts: [Address]) throws -> BlockLogs {
        var hash = hash
        if state.random.chance(state.nodes[node].faults.confused), let other = state.nodes[node].view.first {
            hash = other
        }
        guard let block = state.chain.blocks[hash] else { throw ChainSourceError.notYet }
        let number = block.header.number
        return BlockLogs(
            range: number...number, headers: [block.header], logs: logs(&state, node, of: [hash], contracts), node: node
        )
    }

    func headers(_ hashes: [Hash]) async throws -> [Header] {
        try state.withLock { state in
            guard try pick(&state) != nil else { throw ChainSourceError.notYet }
            return try hashes.map { hash in
                guard let block = state.chain.blocks[hash] else { throw ChainSourceError.notYet }
                return block.header
            }
        }
    }

    func header(at number: BlockNumber, notBy node: Int) async throws -> Header? {
        try state.withLock { state in
            guard let node = try pick(&state, notBy: node) else { return nil }
            return try header(&state, node, at: number)
        }
    }

    func receipts(of hash: Hash) async throws -> [Receipt]? {
        try state.withLock { state in
            guard let node = try pick(&state), state.nodes[node].faults.hasReceipts else { return nil }
            guard var receipts = state.chain.blocks[hash]?.receipts else { throw ChainSourceError.notYet }
            if state.random.chance(state.nodes[node].faults.forgetful), !receipts.isEmpty { receipts.removeLast() }
            return receipts
        }
    }

    func senders(of transactions: [Hash]) async throws -> [Hash: Address] {
        try state.withLock { state in
            _ = try pick(&state)
            return Dictionary(
                transactions.map { ($0, SimulatedChain.stranger) }, uniquingKeysWith: { first, _ in first })
        }
    }

    func distrust(_ node: Int, because reason: String) {}
}
