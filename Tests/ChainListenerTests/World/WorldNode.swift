import Domain
import Ethereum
import HTTPClient
import TestSupport

/// What a simulated node writes back for one call.
enum NodeReply {
    case result(String)
    case error(Int, String)
    case missing
}

/// One endpoint of a simulated world: it has its own view of the chain and its own faults.
///
/// Touched by the driver's thread alone.
final class WorldNode {
    let place: Int
    /// Who stands behind the URL at present.
    var server: Server
    /// The canonical blocks as this node sees them.
    var view: [Int] = []
    /// In a hundred: how often each fault shows.
    var moods = [Int](repeating: 0, count: Fault.allCases.count)
    /// The most blocks of one search.
    var rangeMax = Int.max
    /// The most logs of one search.
    var resultsMax = Int.max
    /// Below this height logs are gone where the mood says so.
    var prunedBelow = 0
    /// Whether a search past the head is answered with what is there, as older clients do, or refused.
    var answersPastHead = false
    var latency: Duration = .milliseconds(20)
    var counts = FaultCounts()
    /// When the first false answer was given.
    var firstLie: Duration?
    /// When the pool first held an answer against the node.
    var noticedAt: Duration?

    /// One server behind a URL, where others may follow.
    struct Server: Hashable {
        let place: Int
        var generation = 0
    }

    init(place: Int) {
        self.place = place
        server = Server(place: place)
    }

    subscript(fault: Fault) -> Int {
        get { moods[fault.rawValue] }
        set { moods[fault.rawValue] = newValue }
    }

    /// Whether `fault` shows this time; the caller counts it once it took effect.
    func shows(_ fault: Fault, _ random: inout SeededGenerator) -> Bool {
        let percent = moods[fault.rawValue]
        return percent > 0 && random.chance(percent)
    }
}

/// One HTTP request answered by one node.
struct NodeExchange {
    let node: WorldNode
    let chain: WorldChain
    let chainID: Int64
    let finalityDepth: Int
    let now: Duration
    var random: SeededGenerator

    private var head: Int { node.view.count - 1 }

    mutating func shows(_ fault: Fault) -> Bool { node.shows(fault, &random) }

    /// Notes that `fault` took effect.
    func note(_ fault: Fault) {
        node.counts[fault] += 1
        if node.firstLie == nil { node.firstLie = now }
    }

    // MARK: The response

    mutating func respond(to body: [UInt8]) -> Result<OutboundResponse, TransportError> {
        if shows(.reset) {
            note(.reset)
            return .failure(.receive)
        }
        if shows(.unavailable) {
            note(.unavailable)
            return .success(OutboundResponse(status: 503, body: Array("no backend is currently healthy".utf8)))
        }
        if shows(.tooMany) {
            note(.tooMany)
            return .success(OutboundResponse(status: 429, headers: ["Retry-After": "1"], body: Array("slow down".utf8)))
        }
        if shows(.page) {
            note(.page)
            return .success(OutboundResponse(status: 200, body: Array("<html><body>Bad gateway</body></html>".utf8)))
        }
        guard let request = RequestValue(body) else { return .success(OutboundResponse(status: 400)) }
        var text = answer(request)
        if shows(.truncated) {
            note(.truncated)
            text = String(text.prefix(text.utf8.count / 2))
        }
        return .success(OutboundResponse(status: 200, body: Array(text.utf8)))
    }

    private mutating func answer(_ request: RequestValue) -> String {
        guard let calls = request.elements else { return reply(request) ?? "" }
        if calls.count > 1, shows(.refusedBatch) {
            note(.refusedBatch)
            return #"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"batch requests are not supported"}}"#
        }
        let partial = calls.count > 1 && shows(.partialBatch) ? Int.random(in: 0..<calls.count, using: &random) : nil
        var replies: [String] = []
        for (index, call) in calls.enumerated() {
            if index == partial {
                note(.partialBatch)
                replies.append(
                    #"{"jsonrpc":"2.0","id":\#(id(call)),"error":{"code":429,"message":"exceeded its compute units per second capacity"}}"#
                )
            } else if let reply = reply(call) {
                replies.append(reply)
            }
        }
        if replies.count > 1, shows(.missingReply) {
            note(.missingReply)
            replies.remove(at: Int.random(in: 0..<replies.count, using: &random))
        }
        if replies.count > 1, shows(.reusedID) {
            note(.reusedID)
            replies[1] = replies[0]
        }
        if replies.count > 1, shows(.shuffledBatch) {
            note(.shuffledBatch)
            replies.shuffle(using: &random)
        }
        return "[\(replies.joined(separator: ","))]"
    }

    private func id(_ call: RequestValue) -> String {
        if case .number(let id)? = call["id"] { id } else { "null" }
    }

    private mutating func reply(_ call: RequestValue) -> String? {
        switch self.answer(to: call["method"]?.text ?? "", call["params"]?.elements ?? []) {
        case .result(let result): #"{"jsonrpc":"2.0","id":\#(id(call)),"result":\#(result)}"#
        case .error(let code, let message):
            #"{"jsonrpc":"2.0","id":\#(id(call)),"error":{"code":\#(code),"message":"\#(message)"}}"#
        case .missing: nil
        }
    }

    // MARK: The methods

    private mutating func answer(to method: String, _ parameters: [RequestValue]) -> NodeReply {
        if shows(.unknownError) {
            note(.unknownError)
            return .error(-32099, "the flux capacitor is empty")
        }
        if shows(.tooManyInside) {
            note(.tooManyInside)
            return .error(429, "Your app has exceeded its compute units per second capacity")
        }
        switch method {
        case "eth_chainId":
            guard node[.wrongChain] == 0 else {
                note(.wrongChain)
                return .result("\"0x539\"")
            }
            return .result("\"\(WorldBlock.quantity(Int(chainID)))\"")
        case "eth_blockNumber": return .result("\"\(WorldBlock.quantity(head))\"")
        case "eth_getBlockByNumber": return block(at: parameters.first?.text ?? "")
        case "eth_getBlockByHash":
            guard let block = known(parameters.first) else { return .result("null") }
            return .result(header(block))
        case "eth_getLogs": return logs(parameters.first ?? .null)
        case "eth_getBlockReceipts": return receipts(parameters.first ?? .null)
        case "eth_getTransactionByHash":
            guard let text = parameters.first?.text, let hash = try? Hash(hex: text),
                let sender = chain.transactions[hash]
            else { return .result("null") }
            return .result(#"{"hash":"\#(hash)","from":"\#(sender.hex)"}"#)
        default: return .error(-32601, "the method \(method) does not exist/is not available")
        }
    }

    /// The block that a hash names, where the node has heard of it.
    func known(_ value: RequestValue?) -> WorldBlock? {
        guard node[.wrongChain] == 0, let text = value?.text, let hash = try? Hash(hex: text),
            let block = chain.block(hash), block.number <= head
        else { return nil }
        return block
    }

    private mutating func block(at tag: String) -> NodeReply {
        switch tag {
        case "latest":
            if shows(.nullLatest) {
                note(.nullLatest)
                return .result("null")
            }
            if shows(.inventedHead) {
                note(.inventedHead)
                let number = head + Int.random(in: 1...50, using: &random)
                return .result(invented(number))
            }
            if head > 3, shows(.headBackwards) {
                note(.headBackwards)
                return seen(head - Int.random(in: 1...min(head - 1, 40), using: &random))
            }
            return seen(head)
        case "safe", "finalized":
            if shows(.lacksTags) {
                note(.lacksTags)
                return .error(-39001, "unknown block")
            }
            let depth = tag == "safe" ? finalityDepth / 2 : finalityDepth
            return head >= depth ? seen(head - depth) : .result("null")
        default:
            guard tag.hasPrefix("0x"), let number = Int(tag.dropFirst(2), radix: 16) else {
                return .error(-32602, "invalid argument 0: hex string without 0x prefix")
            }
            if number > 0, shows(.foreignBlock) {
                note(.foreignBlock)
                return seen(number - 1)
            }
            // The backend that takes this call lacks the newest blocks.
            if number > head - 2, shows(.emptyFromBehind) {
                note(.emptyFromBehind)
                return .result("null")
            }
            return seen(number)
        }
    }

    private mutating func seen(_ number: Int) -> NodeReply {
        guard node.view.indices.contains(number) else { return .result("null") }
        if node[.wrongChain] > 0 { return .result(invented(number)) }
        return .result(header(chain.blocks[node.view[number]]))
    }

    private func invented(_ number: Int) -> String {
        WorldBlock.header(
            number: number, hash: SimulatedChain.word(0xfa15e + UInt64(number)),
            parent: SimulatedChain.word(0xfa15e + UInt64(number) - 1), time: 1_700_000_000, bloom: Bloom(),
            receiptsRoot: TrieRoot.of([]), transactions: [])
    }

    private mutating func header(_ block: WorldBlock) -> String {
        if shows(.headWithoutTime) {
            note(.headWithoutTime)
            return changed(block, time: nil, bloom: block.headerBloom)
        }
        if !block.logs.isEmpty, shows(.nodeZeroBloom) {
            note(.nodeZeroBloom)
            return changed(block, time: block.timestamp, bloom: Bloom())
        }
        if shows(.nodeForeignBloom), let parent = chain.block(block.parentHash), parent.bloom != block.headerBloom {
            note(.nodeForeignBloom)
            return changed(block, time: block.timestamp, bloom: parent.bloom)
        }
        return block.headerText
    }

    private func changed(_ block: WorldBlock, time: Int64?, bloom: Bloom) -> String {
        WorldBlock.header(
            number: block.number, hash: block.hash, parent: block.parentHash, time: time, bloom: bloom,
            receiptsRoot: block.receiptsRoot, transactions: block.transactions.map(\.hash))
    }

    // MARK: Receipts

    private mutating func receipts(_ value: RequestValue) -> NodeReply {
        if node[.lacksReceipts] > 0 {
            note(.lacksReceipts)
            return .error(-32601, "the method eth_getBlockReceipts does not exist/is not available")
        }
        let block: WorldBlock?
        if let number = value.quantity, (value.text?.count ?? 0) < 60 {
            block = node.view.indices.contains(number) ? chain.blocks[node.view[number]] : nil
        } else {
            block = known(value["blockHash"] ?? value)
        }
        guard let block else { return .result("null") }
        var texts = block.receiptTexts
        if !texts.isEmpty, shows(.emptyReceipts) {
            note(.emptyReceipts)
            texts = []
        }
        if !texts.isEmpty, shows(.droppedReceipt) {
            note(.droppedReceipt)
            texts.remove(at: Int.random(in: 0..<texts.count, using: &random))
        }
        return .result("[\(texts.joined(separator: ","))]")
    }
}
