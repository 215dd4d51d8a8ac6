import Domain
import Ethereum

/// Checks that logs answer the question that was asked.
struct LogCheck {
    private let range: ClosedRange<BlockNumber>?
    private let addresses: Set<Address>
    private let topics: [[Hash]]
    private let hashes: [BlockNumber: Hash]

    /// A check against `filter` and what is known of its blocks.
    init(filter: LogFilter, headers: [Header]) {
        var hashes = Dictionary(headers.map { ($0.number, $0.hash) }, uniquingKeysWith: { first, _ in first })
        switch filter.blocks {
        case .range(let range): self.range = range
        case .hash(let hash):
            range = headers.first.map { $0.number...$0.number }
            if let number = headers.first?.number { hashes[number] = hash }
        }
        self.hashes = hashes
        addresses = Set(filter.addresses)
        topics = filter.topics
    }

    /// Throws `inconsistent` for the first log that is not what was asked for.
    func check(_ logs: [Log]) throws(RPCError) {
        var last: Log?
        for log in logs {
            if let range, !range.contains(log.blockNumber) { throw .inconsistent("a log outside the range") }
            if !addresses.isEmpty, !addresses.contains(log.address) {
                throw .inconsistent("a log of another contract")
            }
            if let hash = hashes[log.blockNumber], hash != log.blockHash {
                throw .inconsistent("a log of another block than the header")
            }
            if let last, last.blockNumber == log.blockNumber, last.blockHash != log.blockHash {
                throw .inconsistent("two blocks at one height")
            }
            if !topics.isEmpty { try checkTopics(log) }
            last = log
        }
    }

    private func checkTopics(_ log: Log) throws(RPCError) {
        for (position, wanted) in topics.enumerated() where !wanted.isEmpty {
            guard position < log.topics.count, wanted.contains(log.topics[position]) else {
                throw .inconsistent("a log with another topic")
            }
        }
    }
}
