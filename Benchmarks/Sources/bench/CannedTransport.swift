import Domain
import Foundation
import HTTPClient
import Samples

/// A node that gives the same answer to every search, without a network.
struct CannedTransport: Transport {
    /// The room for an id, which is padded with the white space that JSON allows.
    private static let idWidth = 20

    /// The replies to a batch, with room for the ids.
    private let body: [UInt8]
    private let idOffsets: [Int]

    /// A node that answers `answer`: the first and the last header, then the logs, which are the calls of a range that is
    /// too long for all its headers.
    init(answer: Answer) {
        var body: [UInt8] = []
        var offsets: [Int] = []
        for result in answer.headers.map({ Array($0.utf8) }) + [answer.logs] {
            body += Array((body.isEmpty ? "[" : ",").utf8) + Array("{\"jsonrpc\":\"2.0\",\"id\":".utf8)
            offsets.append(body.count)
            body += [UInt8](repeating: UInt8(ascii: " "), count: Self.idWidth)
            body += Array(",\"result\":".utf8) + result + [UInt8(ascii: "}")]
        }
        self.body = body + [UInt8(ascii: "]")]
        idOffsets = offsets
    }

    func send(_ request: OutboundRequest) async throws(TransportError) -> OutboundResponse {
        let text = String(decoding: request.body, as: UTF8.self)
        let ids = text.split(separator: "\"id\":").dropFirst().map { $0.prefix { $0.isNumber } }
        guard text.hasPrefix("[") else {
            let chain = "0x" + String(World.chain(0).rawValue, radix: 16)
            let reply = "{\"jsonrpc\":\"2.0\",\"id\":\(ids.first ?? "0"),\"result\":\"\(chain)\"}"
            return OutboundResponse(status: 200, body: Array(reply.utf8))
        }
        guard ids.count == idOffsets.count else { return OutboundResponse(status: 500) }
        // One copy of the answer, as a network would make.
        var body = body
        for (id, offset) in zip(ids, idOffsets) {
            for (place, digit) in id.utf8.prefix(Self.idWidth).enumerated() { body[offset + place] = digit }
        }
        return OutboundResponse(status: 200, body: body)
    }
}
