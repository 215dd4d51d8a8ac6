import Domain
import Foundation
import HTTPClient
import Testing

@testable import Dispatchers

@Suite struct MCPVerdictTests {
    static func json(_ text: String) throws -> JSON { try JSON(parsing: Array(text.utf8)) }

    @Test(
        "what a tool's result means",
        arguments: [
            (#"{"content":[]}"#, nil, nil), (#"{"content":[],"isError":false,"resultType":"complete"}"#, nil, nil),
            (#"{"content":[{"type":"text","text":"boom"}],"isError":true}"#, .toolError, .limited(5)),
            (#"{"content":[{"type":"text","text":"Unknown tool: x"}],"isError":true}"#, .toolContract, .onSchedule),
            (#"{"resultType":"input_required","inputRequests":{}}"#, .toolInput, .never),
            (#"{"resultType":"new"}"#, .violation, .limited(3)), (#"{}"#, nil, nil),
        ] as [(String, ErrorClass?, Failure.Retry?)])
    func results(text: String, error: ErrorClass?, retry: Failure.Retry?) throws {
        let failure = MCPVerdict.failure(ofResult: try Self.json(text))
        #expect(failure?.errorClass == error)
        #expect(failure?.retry == retry)
    }

    @Test(
        "what JSON-RPC errors mean",
        arguments: [
            (-32601, "", .toolContract, .onSchedule), (-32602, "", .toolContract, .onSchedule),
            (-32603, "", .serverError, .onSchedule), (-32000, "", .serverError, .onSchedule),
            (-32019, "", .serverError, .onSchedule), (-32603, "Unknown tool: x", .toolContract, .onSchedule),
            (-32020, "HeaderMismatch", .toolVersion, .never), (-32021, "", .toolVersion, .never),
            (-32022, "UnsupportedProtocolVersion", .toolVersion, .never),
            (-32600, "Bad Request: Missing session ID", .violation, .onSchedule), (0, "", .serverError, .onSchedule),
        ] as [(Int64, String, ErrorClass, Failure.Retry)])
    func codes(code: Int64, message: String, error: ErrorClass, retry: Failure.Retry) {
        let failure = MCPVerdict.failure(ofCode: code, message: message)
        #expect(failure.errorClass == error)
        #expect(failure.retry == retry)
    }

    @Test(
        "what statuses of MCP servers mean",
        arguments: [
            (200, "", nil, nil), (202, "", nil, nil), (301, "", .redirect, nil), (400, "", .clientError, nil),
            (401, "", .toolAuthorization, nil), (402, "", .paymentRequired, nil), (403, "", .toolAuthorization, nil),
            (404, "", .clientError, nil), (405, "", .clientError, nil), (406, "", .toolConfiguration, nil),
            (413, "", .toolConfiguration, nil), (415, "", .toolConfiguration, nil), (421, "", .toolConfiguration, nil),
            (410, "", .gone, nil), (429, "", .rateLimited, 60), (500, "", .serverError, nil),
            (503, "", .serverError, nil),
            (
                400,
                #"{"jsonrpc":"2.0","id":null,"error":{"code":-32022,"message":"x","data":{"supported":["2026-07-28"]}}}"#,
                .toolVersion, nil
            ),
            (400, #"{"jsonrpc":"2.0","id":"server-error","error":{"code":-32020,"message":"x"}}"#, .toolVersion, nil),
            (404, #"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"x"}}"#, .toolContract, nil),
            (999, "", .violation, nil),
        ] as [(Int, String, ErrorClass?, Int?)])
    func statuses(status: Int, body: String, error: ErrorClass?, pause: Int?) {
        let failure = MCPVerdict.failure(status: status, headers: [:], body: Array(body.utf8), now: 0)
        #expect(failure?.errorClass == error)
        #expect(failure?.pause == pause.map { .seconds($0) })
    }

    @Test("only the answer to our own request is taken")
    func incoming() {
        func read(_ text: String) -> MCPMessage.Incoming? { MCPMessage.read(Array(text.utf8), expecting: 3) }
        #expect(read(#"{"jsonrpc":"2.0","id":"tocsin-3","result":{}}"#) == .result(.object([:])))
        #expect(read(#"{"jsonrpc":"2.0","id":"tocsin-4","result":{}}"#) == .other)
        #expect(read(#"{"jsonrpc":"2.0","id":3,"result":{}}"#) == .other)
        #expect(
            read(#"{"jsonrpc":"2.0","id":"tocsin-3","error":{"code":-32602,"message":"no"}}"#)
                == .error(code: -32602, message: "no"))
        #expect(read(#"{"jsonrpc":"2.0","method":"notifications/message","params":{}}"#) == .other)
        #expect(read(#"{"jsonrpc":"2.0","id":9,"method":"ping"}"#) == .request(id: .number(9), method: "ping"))
        #expect(read("[]") == nil && read("nonsense") == nil && read(#"{"id":"tocsin-3"}"#) == nil)
        #expect(read(String(repeating: "[", count: 100_000)) == nil)
    }
}
