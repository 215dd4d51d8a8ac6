import Domain
import Ethereum
import EthereumRPC

/// A small chain as text: block n has the hash `hash(n)` and the parent `hash(n - 1)`.
enum ChainText {
    static let contract = Address(words: (0x8004_a169_fb4a_3325, 0x136e_b29f_a0ce_b6d2, 0xe539_a432))

    /// A contract of its own for each `index`.
    static func address(_ index: Int) -> Address {
        Address(words: (0x8004_a169_fb4a_3325, 0x136e_b29f_a0ce_b6d2, UInt32(1000 + index)))
    }

    static func header(
        _ number: UInt64, hash own: Hash? = nil, parent: Hash? = nil, transactions: [Hash] = [hash(9)],
        changes: String = ""
    ) -> String {
        #"""
        {"number":"0x\#(String(number, radix: 16))","hash":"\#(own ?? hash(number))",
        "parentHash":"\#(parent ?? hash(number &- 1))","timestamp":"0x\#(String(1_700_000_000 + number, radix: 16))",
        "logsBloom":"0x\#(String(repeating: "00", count: 256))","transactionsRoot":"\#(hash(7))",
        "receiptsRoot":"\#(hash(8))","transactions":[\#(transactions.map { "\"\($0)\"" }.joined(separator: ","))],"uncles":[],"extraData":"0x"\#(changes)}
        """#
    }

    /// A log in block `number`.
    static func log(_ number: UInt64, index: UInt64 = 0, block: Hash? = nil, address: String? = nil) -> String {
        var changes: [String: String?] = [
            "blockNumber": "\"0x\(String(number, radix: 16))\"", "blockHash": "\"\(block ?? hash(number))\"",
            "logIndex": "\"0x\(String(index, radix: 16))\"",
        ]
        if let address { changes["address"] = "\"\(address)\"" }
        return logText(changes)
    }

    /// The receipt of a transaction in block `number`, mostly its only one.
    static func receipt(_ number: UInt64, logs: [String], transaction: Hash? = nil) -> String {
        #"""
        {"transactionHash":"\#(transaction ?? hash(9))","transactionIndex":"0x0","blockHash":"\#(hash(number))",
        "blockNumber":"0x\#(String(number, radix: 16))","type":"0x2","status":"0x1","cumulativeGasUsed":"0x5208",
        "logsBloom":"0x\#(String(repeating: "00", count: 256))","logs":[\#(logs.joined(separator: ","))]}
        """#
    }

    /// The height of the hash in `["0x…",false]`.
    static func height(_ parameters: String) -> UInt64? {
        parameters.split(separator: "\"").compactMap { try? Hash(hex: $0) }.first
            .flatMap { hash in (0...10_000).first { EthereumRPCTests.hash($0) == hash } }
    }

    /// The height in `["0x10",false]`.
    static func number(_ parameters: String) -> UInt64? {
        guard let start = parameters.firstRange(of: "0x") else { return nil }
        return UInt64(parameters[start.upperBound...].prefix { $0.isHexDigit }, radix: 16)
    }

    /// A well-behaved node of chain 1337 with blocks up to `head` and a log in each block that `logs` names.
    static func node(head: UInt64 = 100, logs: Set<UInt64> = []) -> ScriptedNode.Script {
        { _, method, parameters in
            switch method {
            case "eth_chainId": return .result(#""0x539""#)
            case "eth_getBlockByNumber":
                if parameters.contains("latest") { return .result(header(head)) }
                if parameters.contains("safe") { return .result(header(head - 10)) }
                if parameters.contains("finalized") { return .result(header(head - 20)) }
                guard let number = number(parameters), number <= head else { return .result("null") }
                return .result(header(number))
            case "eth_getBlockByHash":
                guard let number = height(parameters), number <= head else { return .result("null") }
                return .result(header(number))
            case "eth_getLogs" where parameters.contains("blockHash"):
                guard let number = height(parameters), number <= head else { return .error(-32000, "unknown block") }
                return .result(logs.contains(number) ? "[\(log(number))]" : "[]")
            case "eth_getLogs":
                guard let range = range(parameters) else { return .error(-32602, "no range") }
                return .result(
                    "[\(logs.filter { range.contains($0) }.sorted().map { log($0) }.joined(separator: ","))]")
            default: return .error(-32601, "the method \(method) does not exist/is not available")
            }
        }
    }

    /// The same where searches of more than `cap` blocks are refused with `message`.
    static func capped(
        at cap: UInt64, _ message: String, code: Int = -32602, head: UInt64 = 1 << 40, logs: Set<UInt64> = []
    ) -> ScriptedNode.Script {
        let node = node(head: head, logs: logs)
        return { host, method, parameters in
            if method == "eth_getLogs", let range = range(parameters), UInt64(range.count) > cap {
                return .error(code, message)
            }
            return node(host, method, parameters)
        }
    }

    /// The heights in `{"fromBlock":"0x1","toBlock":"0x2"}`; nil for a search by hash.
    static func range(_ parameters: String) -> ClosedRange<UInt64>? {
        guard !parameters.contains("blockHash") else { return nil }
        let heights = parameters.split(separator: "\"").filter { $0.hasPrefix("0x") && $0.count < 20 }
            .compactMap { UInt64($0.dropFirst(2), radix: 16) }
        guard let low = heights.min(), let high = heights.max() else { return nil }
        return low...high
    }
}

/// A pool over `urls` with a clock that stands still.
func pool(
    _ node: ScriptedNode, _ urls: [String] = ["https://one.example/v2/secretkey"], clock: StoppedClock = StoppedClock()
) throws -> ProviderPool {
    ProviderPool(
        chainID: ChainID(rawValue: 1337) ?? { preconditionFailure("1337 is a chain id") }(), urls: urls,
        transport: node,
        clock: clock, random: SplitMix(seed: 7))
}
