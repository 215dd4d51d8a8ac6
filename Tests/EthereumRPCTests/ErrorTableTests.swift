import Domain
import Testing

@testable import EthereumRPC

/// Every error string that `rpc.md` documents, and what it must mean.
@Suite struct ErrorTableTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let code: Int?
        let message: String
        let expected: RPCError
        var data = ""
        var method = "eth_getLogs"
        var testDescription: String { "\(code.map(String.init) ?? "–") \(message) \(data)" }

        init(_ code: Int?, _ message: String, _ expected: RPCError, data: String = "", method: String = "eth_getLogs") {
            self.code = code
            self.message = message
            self.expected = expected
            self.data = data
            self.method = method
        }
    }

    static func blocks(_ count: Int) -> RPCError { .rangeTooLarge(RangeHint(.blocks, maximumBlocks: count)) }
    static func results(_ count: Int) -> RPCError { .rangeTooLarge(RangeHint(.results, maximumResults: count)) }
    static let tooManyBlocks = RPCError.rangeTooLarge(RangeHint(.blocks))
    static let tooManyResults = RPCError.rangeTooLarge(RangeHint(.results))
    static let tooLargeFilter = RPCError.rangeTooLarge(RangeHint(.filter))
    static let tooLarge = RPCError.rangeTooLarge(RangeHint())

    @Test("range and size", arguments: Self.ranges)
    func range(row: Row) { check(row) }

    @Test("rate, health and billing", arguments: Self.rates)
    func rate(row: Row) { check(row) }

    @Test("not there yet, and gone for good", arguments: Self.absences)
    func absence(row: Row) { check(row) }

    @Test("everything else", arguments: Self.others)
    func other(row: Row) { check(row) }

    private func check(_ row: Row) {
        let error = NodeError(code: row.code, message: row.message, data: row.data)
        #expect(ErrorTable.classify(error, method: row.method) == row.expected)
        // Providers change the case of their texts more often than the words.
        let shouted = NodeError(code: row.code, message: row.message.uppercased(), data: row.data.uppercased())
        guard case .unknown = row.expected else {
            #expect(ErrorTable.classify(shouted, method: row.method) == row.expected)
            return
        }
    }

    static let ranges: [Row] = [
        // Alchemy; its suggestion can be inverted.
        Row(
            -32602,
            "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range and no limit on the response size, or you can request any block range with a cap of 10K logs in the response. Based on your parameters and the response size limit, this block range should work: [0x10, 0x20]",
            .rangeTooLarge(RangeHint(.results, maximumBlocks: 2000, range: 16...32))),
        Row(
            -32602, "Log response size exceeded. this block range should work: [0x20, 0x10]",
            .rangeTooLarge(RangeHint(.results, range: 16...32))),
        Row(
            -32600,
            "Under the Free tier plan, you can make eth_getLogs requests with up to a 10 block range. Based on your parameters, this block range should work: [0x1, 0xa].",
            .rangeTooLarge(RangeHint(.blocks, maximumBlocks: 10, range: 1...10))),
        Row(-32600, "eth_getLogs requests with up to a 500 block range", blocks(500)),
        // Infura, MetaMask.
        Row(
            -32005, "query returned more than 10000 results. Try with this block range [0x64, 0xC8].",
            .rangeTooLarge(RangeHint(.results, maximumResults: 10000, range: 100...200))),
        Row(-32602, "range 20000 exceeds limit of 10000", blocks(10000)),
        Row(-32005, "query timeout exceeded", tooManyResults),
        Row(-32602, "This query contains 6000 filters. The current limit is 5000.", tooLargeFilter),
        // QuickNode.
        Row(-32614, "eth_getLogs is limited to a 10,000 range", blocks(10000)),
        Row(-32614, "eth_getLogs is limited to a 5 range", blocks(5)),
        // Ankr.
        Row(-32600, "block range is too wide", tooManyBlocks),
        Row(nil, "query exceeds max results", tooManyResults),
        Row(nil, "maximum [from, to] blocks distance: 10000", blocks(10000)),
        // Chainstack, Cloudflare, PublicNode, dRPC, BlockPI.
        Row(-32602, "Block range limit exceeded. See more details at https://docs.example/limits", tooManyBlocks),
        Row(-32047, "Invalid eth_getLogs request. 'fromBlock'-'toBlock' range too large. Max range: 800", blocks(800)),
        Row(-32701, "exceed maximum block range: 50000", blocks(50000)),
        Row(35, "ranges over 10000 blocks are not supported on freetier", blocks(10000)),
        Row(-32602, "eth_getLogs is limited to 1024 block range. Please check the parameter", blocks(1024)),
        // Merkle, 1RPC, Blast, thirdweb, Coinbase.
        Row(-32603, "range is too large, max is 1k blocks", blocks(1000)),
        Row(-32603, "range is too large, max is 10k blocks", blocks(10000)),
        Row(-32000, "eth_getLogs is limited to a 1000 blocks range", blocks(1000)),
        Row(-32000, "eth_getLogs is limited to 0 - 50 blocks range", blocks(50)),
        Row(nil, "response size should not greater than 10000000 bytes", tooManyResults),
        Row(nil, "eth_getLogs is limited to a 10,000 range", blocks(10000)),
        Row(nil, "block range exceeds the range allowed for your plan (5000 > 3000)", blocks(3000)),
        Row(-32005, "Maximum allowed number of requested blocks is 1000", blocks(1000)),
        Row(-32005, "please limit the query to at most 1000 blocks", blocks(1000)),
        // Tenderly says it in the data only.
        Row(-32602, "invalid params", blocks(2000), data: "range 5000 is bigger than range limit 2000"),
        // Nodies and public nodes.
        Row(-32001, "Block range too large: maximum allowed is 20000 blocks", blocks(20000)),
        Row(-32005, "eth_getLogs block range too large, range: 855077, max: 3500", blocks(3500)),
        Row(-32600, "block range too high", tooManyBlocks),
        Row(nil, "maximin block range 5000", blocks(5000)),
        Row(nil, "block range too large", tooManyBlocks),
        Row(-32062, "Block range is too large", tooManyBlocks),
        Row(-32062, "backend response too large", tooManyResults),
        Row(-32000, "logs matched by query exceeds limit of 10000", results(10000)),
        Row(-32000, "requested too many blocks from 1 to 9999, maximum is set to 2048", blocks(2048)),
        Row(-32005, "up to a 2000 block range", blocks(2000)),
        Row(-32005, "more than 10000 results", results(10000)),
        Row(-32000, "query must be smaller than size 1024", blocks(1024)),
        Row(-32603, "block range is too wide (maximum 1024)", blocks(1024)),
        Row(-32602, "query exceeds max block range 50", blocks(50)),
        Row(nil, "block range exceeds 1000", blocks(1000)),
        Row(nil, "block range greater than 1000 max", blocks(1000)),
        Row(nil, "exceed max block range: 5000", blocks(5000)),
        Row(
            nil, "block range is larger than max block range, block range = 5120, max block range = 5000", blocks(5000)
        ),
        Row(-32000, "block range is bigger than maxBlockRange", tooManyBlocks),
        Row(nil, "block range too large (2000), maximum allowed is 1000 blocks", blocks(1000)),
        Row(-32600, "Query exceeds max block range of 10000", blocks(10000)),
        Row(nil, "allowed block range threshold exceeded", tooManyBlocks),
        Row(-32602, "query exceeds max results 20000", results(20000)),
        Row(
            -32602, "query exceeds max results 20000, retry with the range 100-200",
            .rangeTooLarge(RangeHint(.results, maximumResults: 20000, range: 100...200))),
        Row(nil, "More than 50000 logs returned", results(50000)),
        Row(nil, "query returned more than 10000 results", results(10000)),
        Row(-32602, "logs are limited to a 10000 block range", blocks(10000)),
        Row(
            nil, "Try with this block range [0x1, 0x2]", .rangeTooLarge(RangeHint(.results, range: 1...2))),
        Row(-32005, "block range too large, max range: 100", blocks(100)),
        // Clients.
        Row(-32000, "exceed max addresses or topics per search position", tooLargeFilter),
        Row(nil, "exceed maximum block range: 1000", blocks(1000)),
        Row(nil, "query block range exceeds server limit, narrow your filter: 1000", blocks(1000)),
        Row(nil, "query returns too many logs, narrow your filter: 20000", results(20000)),
        Row(-32602, "query exceeds max block range 100000", blocks(100000)),
        Row(-32003, "Response is too big", tooManyResults, data: "Exceeded max limit of 167772160"),
        // A suggestion alone.
        Row(nil, "this block range should work: [0x1, 0x2]", .rangeTooLarge(RangeHint(.results, range: 1...2))),
        // A bare code.
        Row(-32047, "", tooManyBlocks),
        Row(-32062, "", tooLarge),
        Row(-32614, "", tooManyBlocks),
        Row(-32005, "limit exceeded", tooLarge),
    ]

    static let rates: [Row] = [
        Row(
            429,
            "Your app has exceeded its compute units per second capacity. If you have retries enabled, you can safely ignore this message.",
            .rateLimited(retryAfter: nil)),
        Row(429, "", .rateLimited(retryAfter: nil)),
        Row(429, "Monthly capacity limit exceeded. Visit https://dashboard.example/settings/billing", .unauthorized),
        Row(
            -32007, "50/second request limit reached - reduce calls per second",
            .rateLimited(retryAfter: nil, perSecond: 50)),
        Row(-32007, "", .rateLimited(retryAfter: nil)),
        Row(-32009, "", .rateLimited(retryAfter: nil)),
        Row(-32612, "", .methodMissing),
        Row(-32613, "", .methodMissing),
        Row(-32005, "daily request count exceeded, request rate limited", .rateLimited(retryAfter: nil)),
        Row(-32005, "project ID request rate exceeded", .rateLimited(retryAfter: nil)),
        Row(-32005, "Rate limit exceeded", .rateLimited(retryAfter: nil)),
        Row(-32005, "limit exceeded", .rateLimited(retryAfter: nil), method: "eth_blockNumber"),
        Row(-32011, "no backend is currently healthy to serve traffic", .server(status: nil)),
        Row(-32000, "sender is over rate limit", .rateLimited(retryAfter: nil)),
        Row(-32001, "Unable to complete request at this time.", .server(status: nil)),
    ]

    static let absences: [Row] = [
        Row(-32000, "header not found", .notYet),
        Row(-32000, "unknown block", .notYet),
        Row(3, "Unknown block", .notYet),
        Row(3, "Unknown block", .notYet, method: "eth_call"),
        Row(-32000, "cannot query unfinalized data", .notYet),
        Row(-32000, "height is not available", .notYet),
        Row(-32000, "height 123 is not available", .notYet),
        Row(-32000, "No state available for block 0x10", .notYet),
        Row(-32000, "missing trie node 0123 (path )", .notYet),
        Row(-32602, "block range extends beyond current head block", .notYet),
        Row(-32603, "block range extends beyond current head block", .notYet),
        Row(nil, "invalid block range", .notYet),
        Row(-32000, "failed to get logs for block #100 (0xabcdef..01)", .notYet),
        Row(4444, "pruned history unavailable", .pruned),
        Row(4444, "", .pruned),
        // PublicNode answers recent blocks without a token.
        Row(-32602, "Archive requests require a personal token", .pruned),
        Row(-32701, "history has been pruned for this block", .pruned),
        Row(-32000, "state data before txNum=12345 is not available", .pruned),
        Row(-32000, "Receipt not available for From block 100.", .pruned),
        Row(4444, "Receipt not available for From block 100.", .pruned),
    ]

    static let others: [Row] = [
        Row(-32601, "the method eth_getBlockReceipts does not exist/is not available", .methodMissing),
        Row(-32601, "", .methodMissing),
        Row(-32004, "", .methodMissing),
        Row(-32602, "invalid block range params", .unknown(code: -32602, message: "invalid block range params")),
        Row(
            -32602, "invalid argument 0: hex string", .unknown(code: -32602, message: "invalid argument 0: hex string")),
        Row(-32000, "something new", .unknown(code: -32000, message: "something new")),
        Row(nil, "", .unknown(code: nil, message: "")),
    ]

    @Test("reads Infura's wait, and leaves the floor to the pool")
    func backoff() {
        func wait(_ seconds: Double?) -> RPCError {
            ErrorTable.classify(
                NodeError(code: -32005, message: "project ID request rate exceeded", backoffSeconds: seconds),
                method: "eth_call")
        }
        #expect(wait(30) == .rateLimited(retryAfter: .seconds(30)))
        #expect(wait(0) == .rateLimited(retryAfter: nil))
        #expect(wait(-5) == .rateLimited(retryAfter: nil))
        #expect(wait(.infinity) == .rateLimited(retryAfter: nil))
        #expect(wait(.nan) == .rateLimited(retryAfter: nil))
    }

    @Test("reads Infura's range from the data")
    func infuraRange() {
        let error = NodeError(code: -32005, message: "query returned more than 10000 results", from: 7, to: 9)
        #expect(
            ErrorTable.classify(error, method: "eth_getLogs")
                == .rangeTooLarge(RangeHint(.results, maximumResults: 10000, range: 7...9)))
    }

    @Test("keeps what a contract reverted with, wherever the node puts it")
    func reverts() {
        let data: [UInt8] = [8, 195, 121, 160]
        func classify(_ error: NodeError) -> RPCError { ErrorTable.classify(error, method: "eth_call") }
        #expect(classify(NodeError(code: 3, message: "execution reverted: no", bytes: data)) == .reverted(data))
        #expect(classify(NodeError(code: 3, message: "", bytes: data)) == .reverted(data))
        #expect(classify(NodeError(code: -32000, message: "execution reverted")) == .reverted([]))
        #expect(classify(NodeError(code: -32015, message: "VM execution error.", bytes: data)) == .reverted(data))
        #expect(
            ErrorTable.classify(NodeError(code: 3, message: "execution reverted"), method: "eth_getLogs")
                == .unknown(code: 3, message: "execution reverted"))
    }

    @Test("an HTTP status speaks where the body says nothing")
    func statuses() {
        #expect(ErrorTable.byStatus(200) == nil)
        #expect(ErrorTable.byStatus(401) == .unauthorized)
        #expect(ErrorTable.byStatus(402) == .unauthorized)
        #expect(ErrorTable.byStatus(403) == .unauthorized)
        #expect(ErrorTable.byStatus(408) == .server(status: 408))
        #expect(ErrorTable.byStatus(413) == .rangeTooLarge(RangeHint()))
        #expect(ErrorTable.byStatus(429, retryAfter: .seconds(3)) == .rateLimited(retryAfter: .seconds(3)))
        #expect(ErrorTable.byStatus(503) == .server(status: 503))
        #expect(ErrorTable.byStatus(504) == .server(status: 504))
    }

    @Test("shows no URL, no key and no control characters of a node's text")
    func cleaning() {
        let text = "project \u{1b}[31m0123456789abcdef0123456789abcdef at https://node.example/v3/0123abc is\nover"
        let cleaned = ErrorTable.cleaned(text)
        #expect(!cleaned.contains("0123"))
        #expect(!cleaned.contains("://"))
        #expect(!cleaned.unicodeScalars.contains { $0.value < 0x20 })
        #expect(cleaned.hasPrefix("project "))
        #expect(ErrorTable.cleaned(String(repeating: "a ", count: 1000)).unicodeScalars.count == 200)
    }
}
