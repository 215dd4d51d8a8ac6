import Domain
import Ethereum
import EthereumRPC
import HTTPClient
import Synchronization
import TestSupport

/// A node of a chain that grows when a test says so, behind JSON-RPC.
final class GrowingNode: Transport {
    private let state: Mutex<RecordedNode>
    /// The methods of each request, once they are recorded.
    private let calls = Mutex<[[String]]?>(nil)
    /// Fires at each request.
    let asked = Signal()

    init(chainID: Int64, head: Int64) {
        state = Mutex(RecordedNode(chainID: chainID, logs: [:], head: head, finalized: max(0, head - 20)))
    }

    var head: Int64 { state.withLock { $0.head } }

    /// Adds a block on top, which holds `logs`.
    func grow(_ logs: (_ number: BlockNumber, _ hash: Hash) -> [Log] = { _, _ in [] }) {
        state.withLock { node in
            let number = node.head + 1
            var all = node.logs
            let new = logs(BlockNumber(rawValue: number) ?? 0, RecordedNode.hash(node.chainID, number))
            if !new.isEmpty { all[number] = new }
            node = RecordedNode(chainID: node.chainID, logs: all, head: number, finalized: max(0, number - 20))
        }
    }

    /// Keeps the methods of each request from now on.
    func record() { calls.withLock { $0 = [] } }
    var recorded: [[String]] { calls.withLock { $0 } ?? [] }

    func send(_ request: OutboundRequest) async throws(TransportError) -> OutboundResponse {
        defer { asked.fire() }
        if let json = try? JSON(parsing: request.body) {
            let all: [JSON] = if case .array(let calls) = json { calls } else { [json] }
            calls.withLock { $0?.append(all.compactMap { $0["method"]?.string }) }
        }
        return try await state.withLock { $0 }.send(request)
    }

    /// A log of `contract` with `topics`.
    static func log(
        _ contract: Address, _ topics: [Hash], data: [UInt8] = [], at number: BlockNumber, _ hash: Hash,
        index: UInt32 = 0
    ) -> Log {
        Log(
            address: contract, topics: Topics(topics) ?? Topics(), data: data, blockNumber: number, blockHash: hash,
            transactionHash: Keccak256.hash(hash.bytes + [UInt8(index)]), transactionIndex: index, logIndex: index)
    }
}

/// A socket that says what a test says, once somebody listens.
final class ScriptedSocket: SocketTransport {
    private let (messages, continuation) = AsyncStream.makeStream(of: String.self)
    private let chainID: Int64
    let opened = Signal()

    init(chainID: Int64) { self.chainID = chainID }

    func announce(_ number: Int64) {
        continuation.yield(
            #"{"method":"eth_subscription","params":{"result":{"number":"0x\#(String(number, radix: 16))"}}}"#)
    }

    func listen(_ request: SocketRequest, _ receive: @escaping @Sendable ([UInt8]) async throws -> Void) async throws {
        try await receive(Array(#"{"id":1,"result":"0x\#(String(chainID, radix: 16))"}"#.utf8))
        try await receive(Array(#"{"id":2,"result":"0x1"}"#.utf8))
        opened.fire()
        for await message in messages { try await receive(Array(message.utf8)) }
        throw TransportError.receive
    }
}
