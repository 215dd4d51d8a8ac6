import Domain
import Ethereum
import EthereumRPC
import HTTPClient
import Logging

/// A node that answers every question but the one for the chain with the same bytes.
private struct Parrot: Transport {
    let body: [UInt8]

    func send(_ request: OutboundRequest) async throws(TransportError) -> OutboundResponse {
        let isChain = String(decoding: request.body, as: UTF8.self).contains("eth_chainId")
        return OutboundResponse(
            status: 200, body: isChain ? Array(#"{"jsonrpc":"2.0","id":0,"result":"0x1"}"#.utf8) : body)
    }

    func stream(_ request: OutboundRequest) async throws(TransportError) -> StreamedResponse { throw .closed }
}

/// Ids count from 0, so that inputs can hold them.
private struct Zeros: RandomNumberGenerator, Sendable {
    func next() -> UInt64 { 0 }
}

/// The first byte says which question the others answer.
func readAnswer(_ bytes: [UInt8]) async {
    var input = Input(bytes)
    let choice = input.byte()
    let body = input.remainder()
    guard choice % 8 != 0, let chain = ChainID(rawValue: 1) else { return readLogs(body) }
    let pool = ProviderPool(
        chainID: chain, urls: ["http://127.0.0.1/"], transport: Parrot(body: body), random: Zeros(),
        logger: Logger(label: "fuzz") { _ in SwiftLogNoOpLogHandler() })
    do throws(RPCError) {
        switch choice % 8 {
        case 1: _ = try await pool.head()
        case 2: _ = try await pool.marks()
        case 3: _ = try await pool.receipts(Hash(words: (0, 0, 0, 1)))
        case 4:
            let found = try await pool.blockWithLogs(range: 1...2, addresses: [])
            promise(found.headers.map(\.number) == [1, 2], "headers are those that were asked for")
            promise(found.logs.allSatisfy { found.range.contains($0.blockNumber) }, "logs lie in the range")
        case 5: _ = try await pool.transactionsFrom(hashes: [Hash(words: (0, 0, 0, 1))])
        case 6: _ = try await pool.call(to: .zero, data: [])
        default: _ = try await pool.logs(blockHash: Hash(words: (0, 0, 0, 1)), addresses: [.zero])
        }
    } catch { _ = error.errorClass }
}

/// A blank keeps logs from being read ahead of the parser; with it and without, they are the same.
private func readLogs(_ body: [UInt8]) {
    let plain = outcome(body)
    let opening = Array("\"result\":[{".utf8)
    guard let place = body.indices.first(where: { body[$0...].starts(with: opening) }) else { return }
    var spaced = body
    spaced.insert(UInt8(ascii: " "), at: place + opening.count - 2)
    promise(plain == outcome(spaced), "both ways of reading logs agree")
}

private struct Outcome: Equatable {
    var logs: [Log] = []
    var malformed: [Malformed] = []
    var error: String?

    struct Malformed: Equatable {
        let position: Int
        let reason: String
    }
}

private func outcome(_ body: [UInt8]) -> Outcome {
    do throws(RPCError) {
        let answer = try LogAnswer(body: body)
        return Outcome(
            logs: answer.logs, malformed: answer.malformed.map { .init(position: $0.position, reason: $0.reason) })
    } catch { return Outcome(error: error.errorClass) }
}
