import Domain
import HTTPClient
import Samples

/// A node that gives the same answer to every search, without a network and without a copy.
///
/// It knows the ids beforehand, since the pool that asks it numbers from ``FirstIDZero``.
struct CannedTransport: Transport {
    /// What a pool that asks this node takes its first id from: always 0.
    struct FirstIDZero: RandomNumberGenerator, Sendable {
        func next() -> UInt64 { 0 }
    }

    /// The replies to a batch, with the room behind them that a body from the network has, too.
    private let body: [UInt8]

    /// A node that answers `answer`: the first and the last header, then the logs, which are the calls of a range that is
    /// too long for all its headers.
    init(answer: Answer) {
        var body: [UInt8] = []
        body.reserveCapacity(answer.logs.count + 64 << 10)
        for (id, result) in (answer.headers.map { Array($0.utf8) } + [answer.logs]).enumerated() {
            body += Array("\(body.isEmpty ? "[" : ","){\"jsonrpc\":\"2.0\",\"id\":\(id),\"result\":".utf8)
            body += result
            body.append(UInt8(ascii: "}"))
        }
        body.append(UInt8(ascii: "]"))
        self.body = body
    }

    func send(_ request: OutboundRequest) async throws(TransportError) -> OutboundResponse {
        guard request.body.first == UInt8(ascii: "[") else {
            let chain = "0x" + String(World.chain(0).rawValue, radix: 16)
            return OutboundResponse(status: 200, body: Array(#"{"jsonrpc":"2.0","id":0,"result":"\#(chain)"}"#.utf8))
        }
        return OutboundResponse(status: 200, body: body)
    }
}
