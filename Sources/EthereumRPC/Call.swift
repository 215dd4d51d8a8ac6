import Domain
import Ethereum

/// A method with its parameters written as JSON.
struct Call: Sendable {
    let method: String
    let parameters: String

    /// Stands for a search whose parameters no longer matter.
    static let anyLogs = Call(method: "eth_getLogs", parameters: "[]")

    static let chainID = Call(method: "eth_chainId", parameters: "[]")

    static func block(_ selector: BlockSelector) -> Call {
        if case .hash(let hash) = selector {
            return Call(method: "eth_getBlockByHash", parameters: #"["\#(hash)",false]"#)
        }
        return Call(method: "eth_getBlockByNumber", parameters: #"["\#(tag(selector))",false]"#)
    }

    static func logs(_ filter: LogFilter) -> Call {
        var members: [String] = []
        switch filter.blocks {
        case .range(let range):
            members.append(#""fromBlock":"\#(range.lowerBound.quantity)","toBlock":"\#(range.upperBound.quantity)""#)
        case .hash(let hash): members.append(#""blockHash":"\#(hash)""#)
        }
        // Clients disagree about what an empty list means, so none is ever sent.
        if !filter.addresses.isEmpty {
            members.append(#""address":\#(list(filter.addresses.map { Hex.encode($0.bytes) }))"#)
        }
        if !filter.topics.isEmpty {
            let positions = filter.topics.map { $0.isEmpty ? "null" : list($0.map(\.description)) }
            members.append(#""topics":[\#(positions.joined(separator: ","))]"#)
        }
        return Call(method: "eth_getLogs", parameters: "[{\(members.joined(separator: ","))}]")
    }

    static func transaction(_ hash: Hash) -> Call {
        Call(method: "eth_getTransactionByHash", parameters: #"["\#(hash)"]"#)
    }

    static func receipt(_ transaction: Hash) -> Call {
        Call(method: "eth_getTransactionReceipt", parameters: #"["\#(transaction)"]"#)
    }

    static func receipts(_ selector: BlockSelector) -> Call {
        let block = if case .hash(let hash) = selector { hash.description } else { tag(selector) }
        return Call(method: "eth_getBlockReceipts", parameters: #"["\#(block)"]"#)
    }

    static func contract(_ address: Address, data: [UInt8], at selector: BlockSelector) -> Call {
        let block =
            if case .hash(let hash) = selector { #"{"blockHash":"\#(hash)"}"# } else { #""\#(tag(selector))""# }
        return Call(
            method: "eth_call",
            parameters: #"[{"to":"\#(Hex.encode(address.bytes))","data":"\#(Hex.encode(data))"},\#(block)]"#)
    }

    /// The request as JSON-RPC writes it.
    func request(id: UInt64) -> String {
        #"{"jsonrpc":"2.0","id":\#(id),"method":"\#(method)","params":\#(parameters)}"#
    }

    private static func tag(_ selector: BlockSelector) -> String {
        switch selector {
        case .number(let number): number.quantity
        case .hash(let hash): hash.description
        case .latest: "latest"
        case .safe: "safe"
        case .finalized: "finalized"
        }
    }

    /// A JSON array of texts that hold nothing to escape.
    private static func list(_ texts: [String]) -> String { "[\(texts.map { "\"\($0)\"" }.joined(separator: ","))]" }
}

extension BlockNumber {
    /// The height as JSON-RPC writes it, `0x1b4`.
    var quantity: String { "0x" + String(rawValue, radix: 16) }
}
