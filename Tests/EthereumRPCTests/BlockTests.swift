import Domain
import Ethereum
import HTTPClient
import Testing

@testable import EthereumRPC

@Suite struct BlockTests {
    @Test("reads a header with all its members")
    func header() async throws {
        let node = ScriptedNode { host, method, parameters in
            guard method != "eth_chainId" else { return .result(#""0x539""#) }
            return .result(ChainText.header(16, changes: #","settledHeight":"0xb""#))
        }
        let header = try await pool(node).head()
        #expect(
            header
                == Header(
                    number: 16, hash: hash(16), parentHash: hash(15), timestamp: 1_700_000_016, logsBloom: Bloom(),
                    transactionsRoot: hash(7), receiptsRoot: hash(8), transactionCount: 1, settledHeight: 11))
    }

    @Test("lives with headers that lack what is not needed, and with none other")
    func headerMembers() async throws {
        func read(_ text: String) async throws -> Header {
            let node = ScriptedNode { _, method, _ in method == "eth_chainId" ? .result(#""0x539""#) : .result(text) }
            return try await pool(node).head()
        }
        let bare =
            #"{"number":"0x1","hash":"\#(hash(1))","parentHash":"\#(hash(0))","timestamp":"0x2","logsBloom":"0x"}"#
        let header = try await read(bare)
        #expect(header == Header(number: 1, hash: hash(1), parentHash: hash(0), timestamp: 2))
        let broken = [
            bare.replacing(#""number":"0x1""#, with: #""number":null"#),
            bare.replacing(#""number":"0x1""#, with: #""number":1"#),
            bare.replacing(#""number":"0x1""#, with: #""number":"0xffffffffffffffff""#),
            bare.replacing(#""number":"0x1""#, with: #""number":"0x1","number":"0x1""#),
            bare.replacing(#""timestamp":"0x2""#, with: #""timestamp":"0xffffffffffffffff""#),
            bare.replacing(#""timestamp":"0x2""#, with: #""timestamp":"2""#),
            bare.replacing("\(hash(1))", with: "0x12"), bare.replacing("\(hash(0))", with: "null"),
            bare.replacing("parentHash", with: "parent"),
        ]
        for text in broken {
            await #expect(throws: RPCError.self, "\(text)") { try await read(text) }
        }
    }

    @Test("fetches the three heads in one batch")
    func marks() async throws {
        let node = ScriptedNode(ChainText.node())
        let pool = try pool(node)
        let marks = try await pool.marks()
        #expect([marks.latest.number, marks.safe?.number, marks.finalized?.number] == [100, 90, 80])
        #expect(node.asked.map(\.methods) == [[String](repeating: "eth_getBlockByNumber", count: 3)])
        let latest = try await pool.marks(tags: false)
        #expect(latest.latest.number == 100 && latest.safe == nil && latest.finalized == nil)
        #expect(pool.status()[0].head == 100)
    }

    @Test(
        "takes an unknown tag for none",
        arguments: [
            .result("null"), .error(-32602, "invalid argument 0: invalid block tag"),
            .error(-32000, "safe block not found"),
            .error(-39001, "Unknown block"), .error(-32601, "unsupported"),
        ] as [ScriptedNode.Answer])
    func unknownTag(answer: ScriptedNode.Answer) async throws {
        let node = ScriptedNode { host, method, parameters in
            parameters.contains("safe") ? answer : ChainText.node()(host, method, parameters)
        }
        let marks = try await pool(node).marks()
        #expect(marks.safe == nil)
        #expect(marks.finalized?.number == 80)
    }

    @Test("does not take a failure for an unknown tag")
    func failedTag() async throws {
        let node = ScriptedNode { host, method, parameters in
            parameters.contains("safe") ? .error(429, "slow down") : ChainText.node()(host, method, parameters)
        }
        await #expect(throws: RPCError.rateLimited(retryAfter: nil)) { try await pool(node).marks() }
        let behind = ScriptedNode { host, method, parameters in
            parameters.contains("latest") ? .result("null") : ChainText.node()(host, method, parameters)
        }
        await #expect(throws: RPCError.notYet) { try await pool(behind).marks() }
    }

    // MARK: Headers and logs together

    @Test("fetches headers and logs of a short range in one batch")
    func shortRange() async throws {
        let node = ScriptedNode(ChainText.node(logs: [8, 10]))
        let found = try await pool(node).blockWithLogs(range: 8...10, addresses: [ChainText.contract])
        #expect(found.headers.map(\.number) == [8, 9, 10])
        #expect(found.logs.map(\.blockNumber) == [8, 10])
        #expect(found.range == 8...10)
        #expect(node.asked.count == 1 && node.asked[0].isBatch)
        let body = String(decoding: try #require(node.requests.last).body, as: UTF8.self)
        #expect(
            body.contains(
                #""fromBlock":"0x8","toBlock":"0xa","address":["0x8004a169fb4a3325136eb29fa0ceb6d2e539a432"]"#))
    }

    @Test("fetches the first and the last header of a long range")
    func longRange() async throws {
        let node = ScriptedNode(ChainText.node(head: 5000, logs: [100, 4000]))
        let found = try await pool(node).blockWithLogs(
            range: 1...5000, addresses: [ChainText.contract], topics: [[Hash(words: (0, 0, 0, 7)), try wanted()]])
        #expect(found.headers.map(\.number) == [1, 5000])
        #expect(found.logs.count == 2)
        #expect(node.asked.map(\.methods.count) == [3])
    }

    private func wanted() throws -> Hash { try Hash(hex: "0x" + String(repeating: "ab", count: 32)) }

    @Test("an empty answer of a node that has not got the last block is no answer")
    func behind() async throws {
        let node = ScriptedNode(ChainText.node(head: 99))
        await #expect(throws: RPCError.notYet) {
            try await pool(node).blockWithLogs(range: 98...100, addresses: [ChainText.contract])
        }
    }

    @Test("refuses logs that are no answer to the question", arguments: Self.lies)
    func refusesLies(log: String, reason: String) async throws {
        let node = ScriptedNode { host, method, parameters in
            method == "eth_getLogs"
                ? .result("[\(ChainText.log(8)),\(log)]") : ChainText.node()(host, method, parameters)
        }
        await #expect(throws: RPCError.inconsistent(reason)) {
            try await pool(node).blockWithLogs(
                range: 8...9, addresses: [ChainText.contract], topics: [[try wanted()]])
        }
    }

    static let lies: [(String, String)] = [
        (ChainText.log(7), "a log outside the range"), (ChainText.log(10), "a log outside the range"),
        (ChainText.log(9, block: hash(77)), "a log of another block than the header"),
        (ChainText.log(9, address: "0x" + String(repeating: "11", count: 20)), "a log of another contract"),
        (
            logText(["blockNumber": #""0x9""#, "blockHash": "\"\(hash(9))\"", "topics": "[]"]),
            "a log with another topic"
        ),
        (
            logText(["blockNumber": #""0x9""#, "blockHash": "\"\(hash(9))\"", "topics": "[\"\(hash(5))\"]"]),
            "a log with another topic"
        ),
        (
            logText(["blockNumber": #""0x9""#, "blockHash": "\"\(hash(9))\"", "removed": "true"]),
            "a removed log in a search"
        ),
    ]

    @Test("refuses two blocks at one height where no header decides")
    func twoBlocks() async throws {
        let node = ScriptedNode { host, method, parameters in
            method == "eth_getLogs"
                ? .result("[\(ChainText.log(500)),\(ChainText.log(500, index: 1, block: hash(77)))]")
                : ChainText.node(head: 5000)(host, method, parameters)
        }
        await #expect(throws: RPCError.inconsistent("two blocks at one height")) {
            try await pool(node).blockWithLogs(range: 1...5000, addresses: [ChainText.contract])
        }
    }

    @Test("refuses headers of another height, or torn by a reorganisation")
    func headersThatDoNotFit() async throws {
        let other = ScriptedNode { host, method, parameters in
            method == "eth_getBlockByNumber" ? .result(ChainText.header(5)) : ChainText.node()(host, method, parameters)
        }
        await #expect(throws: RPCError.inconsistent("another height than asked for")) {
            try await pool(other).blockWithLogs(range: 8...8, addresses: [])
        }
        let torn = ScriptedNode { host, method, parameters in
            parameters.contains("0x9")
                ? .result(ChainText.header(9, parent: hash(77))) : ChainText.node()(host, method, parameters)
        }
        await #expect(throws: RPCError.inconsistent("headers that are not parent and child")) {
            try await pool(torn).blockWithLogs(range: 8...10, addresses: [])
        }
        await #expect(throws: RPCError.inconsistent("another block than asked for")) {
            try await pool(
                ScriptedNode { host, method, parameters in
                    method == "eth_getBlockByHash"
                        ? .result(ChainText.header(5)) : ChainText.node()(host, method, parameters)
                }
            ).header(.hash(hash(6)))
        }
    }

    @Test("hands malformed logs out beside the good ones")
    func malformed() async throws {
        let node = ScriptedNode { host, method, parameters in
            method == "eth_getLogs"
                ? .result(#"[\#(ChainText.log(8)),{"data":"0x1"}]"#) : ChainText.node()(host, method, parameters)
        }
        let found = try await pool(node).blockWithLogs(range: 8...8, addresses: [ChainText.contract])
        #expect(found.logs.count == 1)
        #expect(found.malformed.map(\.text) == [#"{"data":"0x1"}"#])
    }

    @Test("fetches the logs of one block by its hash, with its header")
    func byHash() async throws {
        let node = ScriptedNode { host, method, parameters in
            switch method {
            case "eth_getBlockByHash": .result(ChainText.header(8))
            case "eth_getLogs":
                parameters.contains("blockHash") && !parameters.contains("fromBlock")
                    ? .result("[\(ChainText.log(8))]") : .error(-32602, "no blockHash")
            default: ChainText.node()(host, method, parameters)
            }
        }
        let found = try await pool(node).logs(blockHash: hash(8), addresses: [ChainText.contract])
        #expect(found.logs.count == 1 && found.headers.map(\.hash) == [hash(8)] && found.range == 8...8)
        let unknown = ScriptedNode { host, method, parameters in
            switch method {
            case "eth_getBlockByHash": .result("null")
            case "eth_getLogs": .result("[]")
            default: ChainText.node()(host, method, parameters)
            }
        }
        await #expect(throws: RPCError.notYet) { try await pool(unknown).logs(blockHash: hash(8), addresses: []) }
    }

    @Test("fetches many headers in batches, in order")
    func manyHeaders() async throws {
        let node = ScriptedNode(ChainText.node(head: 1000))
        let numbers = (1...250).map { BlockSelector.number(BlockNumber(UInt64($0)) ?? 0) }
        let headers = try await pool(node).headers(numbers)
        #expect(headers.map { $0.number.rawValue } == Array(1...250))
        #expect(node.asked.map(\.methods.count) == [100, 100, 50])
        await #expect(throws: RPCError.notYet) { try await pool(node).headers([.number(1), .number(1001)]) }
        #expect(try await pool(node).headers([]) == [])
    }

    // MARK: Transactions, receipts, calls

    @Test("finds senders, and takes nothing for a sender that is none")
    func senders() async throws {
        func script(_ text: @escaping @Sendable (String) -> String) -> ScriptedNode {
            ScriptedNode { host, method, parameters in
                method == "eth_getTransactionByHash"
                    ? .result(text(parameters)) : ChainText.node()(host, method, parameters)
            }
        }
        let sender = "0x" + String(repeating: "22", count: 20)
        let good = script { #"{"hash":\#($0.dropFirst().dropLast()),"from":"\#(sender)"}"# }
        let hashes = (0..<150).map { hash(UInt64($0)) }
        let found = try await pool(good).transactionsFrom(hashes: hashes)
        #expect(found.count == 150)
        #expect(Set(found.values.map { Hex.encode($0.bytes) }) == [sender])
        #expect(good.asked.map(\.methods.count) == [100, 50])
        await #expect(throws: RPCError.notYet) {
            try await pool(script { _ in "null" }).transactionsFrom(hashes: [hash(1)])
        }
        await #expect(throws: RPCError.inconsistent("another transaction than asked for")) {
            try await pool(script { _ in #"{"hash":"\#(hash(2))","from":"\#(sender)"}"# }).transactionsFrom(hashes: [
                hash(1)
            ])
        }
        await #expect(throws: RPCError.malformed("a transaction without from")) {
            try await pool(script { _ in #"{"hash":"\#(hash(1))","from":null}"# }).transactionsFrom(hashes: [hash(1)])
        }
    }

    @Test("reads receipts of both kinds, with their logs")
    func receipts() async throws {
        func receipt(_ index: Int, _ outcome: String, logs: String = "") -> String {
            #"{"transactionHash":"\#(hash(UInt64(index)))","transactionIndex":"0x\#(index)","blockHash":"\#(hash(8))","blockNumber":"0x8","from":"0x\#(String(repeating: "22", count: 20))","type":"0x2","cumulativeGasUsed":"0x5208","logsBloom":"0x\#(String(repeating: "00", count: 256))","logs":[\#(logs)],\#(outcome)}"#
        }
        func node(_ text: String) -> ScriptedNode {
            ScriptedNode { host, method, parameters in
                method == "eth_getBlockReceipts" ? .result(text) : ChainText.node()(host, method, parameters)
            }
        }
        let log = ChainText.log(8, index: 3)
        let texts = [
            receipt(0, #""status":"0x1""#, logs: log),
            receipt(1, #""status":"0x0","depositNonce":"0x9","depositReceiptVersion":"0x1""#),
            receipt(2, #""root":"\#(hash(5))""#),
        ]
        let receipts = try await pool(node("[\(texts.joined(separator: ","))]")).receipts(hash(8))
        #expect(receipts.map(\.outcome) == [.status(true), .status(false), .root(hash(5))])
        #expect(receipts[0].logs.map(\.logIndex) == [3])
        #expect(receipts[0].logs[0].data == [0, 0xff, 0x10])
        #expect(receipts[1].depositNonce == 9 && receipts[1].depositReceiptVersion == 1)
        #expect(receipts[0].cumulativeGasUsed == 21000 && receipts[0].type == 2)
        #expect(try await pool(node("[]")).receipts(hash(8)) == [])
        await #expect(throws: RPCError.notYet) { try await pool(node("null")).receipts(hash(8)) }
        await #expect(throws: RPCError.inconsistent("a receipt of another block")) {
            try await pool(node("[\(texts[0])]")).receipts(hash(9))
        }
        await #expect(throws: RPCError.methodMissing) {
            try await pool(ScriptedNode(ChainText.node())).receipts(hash(8))
        }
        for broken in [
            "7", "[7]", "[{}]", "[\(receipt(0, #""status":"0x2""#))]", "[\(receipt(0, #""x":1"#))]",
            "[\(receipt(0, #""status":"0x1""#, logs: "{}"))]", "[\(texts[0].replacing("0x5208", with: "0x"))]",
        ] {
            await #expect(throws: RPCError.self, "\(broken)") { try await pool(node(broken)).receipts(hash(8)) }
        }
    }

    @Test("calls contracts, and tells answers, reverts and missing code apart")
    func calls() async throws {
        func node(_ answer: ScriptedNode.Answer) -> ScriptedNode {
            ScriptedNode { host, method, parameters in
                method == "eth_call" ? answer : ChainText.node()(host, method, parameters)
            }
        }
        func call(_ answer: ScriptedNode.Answer) async throws -> [UInt8] {
            try await pool(node(answer)).call(to: ChainText.contract, data: [1, 2], at: .latest)
        }
        #expect(try await call(.result(#""0x0102""#)) == [1, 2])
        await #expect(throws: RPCError.noContract) { try await call(.result(#""0x""#)) }
        await #expect(throws: RPCError.notYet) { try await call(.result("null")) }
        await #expect(throws: RPCError.malformed("eth_call: no bytes")) { try await call(.result(#""0x1""#)) }
        let revert = #"{"code":3,"message":"execution reverted: no","data":"0x08c379a0"}"#
        await #expect(throws: RPCError.reverted([8, 195, 121, 160])) { try await call(.rawError(revert)) }
        let nested = #"{"code":-32603,"message":"VM Exception: revert","data":{"message":"x","data":"0x08c379a0"}}"#
        await #expect(throws: RPCError.reverted([8, 195, 121, 160])) { try await call(.rawError(nested)) }
        let parity = #"{"code":-32015,"message":"VM execution error.","data":"Reverted 0x08c379a0"}"#
        await #expect(throws: RPCError.reverted([8, 195, 121, 160])) { try await call(.rawError(parity)) }
        let asked = node(.result(#""0x01""#))
        _ = try await pool(asked).call(to: ChainText.contract, data: [], at: .hash(hash(3)))
        let body = String(decoding: try #require(asked.requests.last).body, as: UTF8.self)
        #expect(
            body.hasSuffix(
                #""method":"eth_call","params":[{"to":"0x8004a169fb4a3325136eb29fa0ceb6d2e539a432","data":"0x"},{"blockHash":"\#(hash(3))"}]}"#
            ))
    }
}
