import Domain
import Ethereum
import TestSupport

extension NodeExchange {
    /// A log with the text that the node will write for it.
    private struct Found {
        var log: Log
        var text: String
        var time: Int64

        mutating func change(_ body: (inout Log) -> Void) {
            body(&log)
            text = WorldBlock.text(log, time: time)
        }
    }

    /// Answers `eth_getLogs`.
    mutating func logs(_ filter: RequestValue) -> NodeReply {
        if case .array(let list)? = filter["address"], list.isEmpty { return .result("[]") }
        let addresses = Self.list(filter["address"]).compactMap { try? Address(hex: $0) }
        let topics = (filter["topics"]?.elements ?? []).map { Self.list($0).compactMap { try? Hash(hex: $0) } }
        let blocks: [WorldBlock]
        let isRange: Bool
        if let hash = filter["blockHash"] {
            guard let block = known(hash) else { return .error(-32000, "unknown block") }
            blocks = [block]
            isRange = false
        } else {
            guard let from = filter["fromBlock"]?.quantity, let to = filter["toBlock"]?.quantity, from <= to else {
                return .error(-32602, "invalid block range params")
            }
            if let refusal = refusal(from, to) { return refusal }
            blocks = (from...max(from, min(to, node.view.count - 1))).compactMap { number in
                node.view.indices.contains(number) ? chain.blocks[node.view[number]] : nil
            }
            isRange = true
        }
        var found: [Found] = []
        for block in blocks {
            for (index, log) in block.logs.enumerated() {
                guard addresses.isEmpty || addresses.contains(log.address), Self.fits(log, topics) else { continue }
                found.append(Found(log: log, text: block.logTexts[index], time: block.timestamp))
            }
        }
        if found.count > node.resultsMax { return tooMany(found, blocks) }
        spoil(&found, blocks, isRange: isRange)
        return .result("[\(found.map(\.text).joined(separator: ","))]")
    }

    private static func list(_ value: RequestValue?) -> [String] {
        switch value {
        case .text(let text): [text]
        case .array(let elements): elements.compactMap(\.text)
        default: []
        }
    }

    private static func fits(_ log: Log, _ topics: [[Hash]]) -> Bool {
        for (position, wanted) in topics.enumerated() where !wanted.isEmpty {
            guard position < log.topics.count, wanted.contains(log.topics[position]) else { return false }
        }
        return true
    }

    /// Why a search over heights is refused; nil where it is not.
    private mutating func refusal(_ from: Int, _ to: Int) -> NodeReply? {
        if to > node.view.count - 1, !node.answersPastHead {
            return .error(-32602, "block range extends beyond current head block")
        }
        if from < node.prunedBelow, shows(.prunedError) {
            note(.prunedError)
            return .error(4444, "pruned history unavailable")
        }
        let count = to - from + 1
        if count > 1, shows(.wrongHint) {
            note(.wrongHint)
            return .error(-32602, "block range too large, max range: \(count * 3)")
        }
        if count > 1, shows(.identicalHint) {
            note(.identicalHint)
            return .error(-32602, "query exceeds max results 20000, retry with the range \(from)-\(to)")
        }
        if count > 1, shows(.invertedHint) {
            note(.invertedHint)
            let (low, high) = (WorldBlock.quantity(from), WorldBlock.quantity(from + count / 2))
            return .error(
                -32602, "Log response size exceeded. this block range should work: [\(high), \(low)]")
        }
        if count > node.rangeMax {
            return .error(-32005, "eth_getLogs block range too large, range: \(count), max: \(node.rangeMax)")
        }
        return nil
    }

    private func tooMany(_ found: [Found], _ blocks: [WorldBlock]) -> NodeReply {
        if blocks.count == 1 { note(.blockOverCap) }
        return .error(-32005, "query returned more than \(node.resultsMax) results")
    }

    /// What the node's faults make of right logs.
    private mutating func spoil(_ found: inout [Found], _ blocks: [WorldBlock], isRange: Bool) {
        if isRange, let low = blocks.first?.number, low < node.prunedBelow {
            if !found.isEmpty, shows(.prunedEmpty) {
                note(.prunedEmpty)
                found = []
            }
            let kept = found.filter { $0.log.blockNumber.rawValue >= Int64(node.prunedBelow) }
            if kept.count < found.count, shows(.prunedPartial) {
                note(.prunedPartial)
                found = kept
            }
        }
        if !found.isEmpty, isRange, shows(.emptyLogs) {
            note(.emptyLogs)
            found = []
        }
        if !found.isEmpty, shows(.droppedLogs) {
            note(.droppedLogs)
            for _ in 0..<Int.random(in: 1...2, using: &random) where !found.isEmpty {
                found.remove(at: Int.random(in: 0..<found.count, using: &random))
            }
        }
        if shows(.logsWithoutTime), !found.isEmpty {
            note(.logsWithoutTime)
            for index in found.indices { found[index].text = WorldBlock.text(found[index].log, time: nil) }
        }
        guard !found.isEmpty else { return }
        let place = Int.random(in: 0..<found.count, using: &random)
        if shows(.removedFlag) {
            note(.removedFlag)
            found[place].text = WorldBlock.text(found[place].log, time: found[place].time, isRemoved: true)
        }
        if shows(.disagreeingIndex) {
            note(.disagreeingIndex)
            found[place].change { $0.transactionIndex += 1 }
        }
        if shows(.changedLog) {
            note(.changedLog)
            found[place].change { $0.data = [UInt8](repeating: 0xee, count: 32) }
        }
        if shows(.duplicateLogIndex) {
            note(.duplicateLogIndex)
            var copy = found[place]
            copy.change { $0.data = [1] }
            found.append(copy)
        }
        if shows(.logsOfAnotherBlock) {
            note(.logsOfAnotherBlock)
            found[place].change { $0.blockHash = SimulatedChain.word(0xb10c) }
        }
        if shows(.inventedLog) {
            note(.inventedLog)
            var copy = found[place]
            let last = found.map(\.log.logIndex).max() ?? 0
            // Half of them repeat the topics of a real one, so that no bloom refutes them.
            let isPlausible = random.chance(50)
            copy.change { log in
                log.logIndex = last + 1
                if !isPlausible {
                    log.topics =
                        Topics([SimulatedChain.transfer] + (1...3).map { SimulatedChain.word(9000 + $0) }) ?? log.topics
                }
            }
            found.append(copy)
        }
    }
}
