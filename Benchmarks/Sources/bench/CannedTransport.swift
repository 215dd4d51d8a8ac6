import Domain
import Foundation
import HTTPClient
import Samples

/// A node that gives the same answer to every search, without a network.
struct CannedTransport: Transport {
    let answer: Answer

    func send(_ request: OutboundRequest) async throws(TransportError) -> OutboundResponse {
        let text = String(decoding: request.body, as: UTF8.self)
        let ids = text.split(separator: "\"id\":").dropFirst().map { $0.prefix { $0.isNumber } }
        guard text.hasPrefix("[") else {
            let chain = "0x" + String(World.chain(0).rawValue, radix: 16)
            return OutboundResponse(status: 200, body: Self.reply(ids[0], Array("\"\(chain)\"".utf8)))
        }
        // The first and the last header, then the logs: the calls of a range that is too long for all its headers.
        let results = answer.headers.map { Array($0.utf8) } + [answer.logs]
        guard ids.count == results.count else { return OutboundResponse(status: 500) }
        var body: [UInt8] = []
        body.reserveCapacity(answer.logs.count + 8192)
        for (id, result) in zip(ids, results) {
            body.append(UInt8(ascii: body.isEmpty ? "[" : ","))
            body += Self.reply(id, result)
        }
        body.append(UInt8(ascii: "]"))
        return OutboundResponse(status: 200, body: body)
    }

    private static func reply(_ id: Substring, _ result: [UInt8]) -> [UInt8] {
        Array("{\"jsonrpc\":\"2.0\",\"id\":\(id),\"result\":".utf8) + result + [UInt8(ascii: "}")]
    }
}
