import Domain
import Foundation
import HTTPClient
import TestSupport
import Testing

@testable import EthereumRPC

/// The pool over libcurl and real sockets.
@Suite struct RealTransportTests {
    /// Answers as `script` does, over HTTP.
    private func server(_ script: @escaping ScriptedNode.Script) throws -> TestServer {
        let node = ScriptedNode(script)
        return try TestServer { request, writer in
            writer.answer(
                200, node.answer(to: request.body, host: "real"), headers: [("Content-Type", "application/json")])
            return .keep
        }
    }

    private func pool(_ urls: [String]) throws -> ProviderPool {
        ProviderPool(
            chainID: try #require(ChainID(rawValue: 1337)), urls: urls,
            transport: CurlTransport())
    }

    @Test("asks a real server, on one connection")
    func asks() async throws {
        let server = try server(ChainText.node(logs: [7, 9]))
        defer { server.stop() }
        let pool = try pool([server.url("/v2/secretkey")])
        #expect(try await pool.marks().finalized?.number == 80)
        for _ in 0..<5 {
            let found = try await pool.blockWithLogs(range: 5...10, addresses: [ChainText.contract])
            #expect(found.logs.map(\.blockNumber) == [7, 9])
        }
        #expect(server.connections == 1)
        #expect(server.requests.count == 7)
        #expect(
            server.requests.allSatisfy {
                $0.headers["content-type"] == "application/json" && $0.target == "/v2/secretkey"
            })
    }

    @Test("goes to the next server when one is gone, and comes back to it")
    func comesBack() async throws {
        let first = try server(ChainText.node(head: 10))
        let second = try server(ChainText.node(head: 20))
        defer { second.stop() }
        let pool = try pool([first.url(), second.url()])
        _ = try await pool.head()
        first.stop()
        for _ in 0..<3 { #expect(try await pool.header(.number(15))?.number == 15) }
        #expect(pool.status()[1].isAvailable)
    }

    @Test("reads an answer of many megabytes, in pieces of unknown length")
    func longAnswer() async throws {
        let count = 20_000
        let logs = (0..<count).map { ChainText.log(50, index: UInt64($0)) }.joined(separator: ",")
        let node = ScriptedNode { host, method, parameters in
            method == "eth_getLogs" ? .result("[\(logs)]") : ChainText.node()(host, method, parameters)
        }
        let server = try TestServer { request, writer in
            let body = node.answer(to: request.body, host: "real")
            writer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            var rest = body[...]
            while !rest.isEmpty {
                let piece = rest.prefix(100_000)
                writer.send(Array("\(String(piece.count, radix: 16))\r\n".utf8) + piece + Array("\r\n".utf8))
                rest = rest.dropFirst(piece.count)
            }
            writer.send("0\r\n\r\n")
            return .keep
        }
        defer { server.stop() }
        let found = try await pool([server.url()]).blockWithLogs(range: 50...50, addresses: [ChainText.contract])
        #expect(found.logs.count == count)
        #expect(found.logs.map(\.logIndex) == (0..<UInt32(count)).map { $0 })
    }

    @Test("a range whose answer is longer than the cap is too large, whatever the node says")
    func capped() async throws {
        let server = try server { host, method, parameters in
            method == "eth_getLogs"
                ? .result("[\([String](repeating: ChainText.log(50), count: 6000).joined(separator: ","))]")
                : ChainText.node()(host, method, parameters)
        }
        defer { server.stop() }
        let pool = ProviderPool(
            chainID: try #require(ChainID(rawValue: 1337)), urls: [server.url()], transport: CurlTransport(),
            configuration: .init(maximumSearchBytes: 1 << 20))
        await #expect(throws: RPCError.rangeTooLarge(RangeHint(.results))) {
            try await pool.blockWithLogs(range: 40...60, addresses: [ChainText.contract])
        }
        #expect(pool.status()[0].isAvailable)
    }
}
