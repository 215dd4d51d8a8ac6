import Domain
import Ethereum

/// Checks that logs answer the question that was asked.
struct LogCheck {
    private let range: ClosedRange<BlockNumber>?
    /// Few, so that comparing with each costs less than hashing; mostly the first ones match.
    private let addresses: [Address]
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
        addresses = filter.addresses
        topics = filter.topics
    }

    /// Throws `inconsistent` for the first log that is not what was asked for.
    func check(_ logs: [Log]) throws(RPCError) {
        var place: (number: BlockNumber, hash: Hash)?
        // Read where they stand; a log is too large to be copied for each look at it.
        let logs = logs.span
        for index in logs.indices {
            let number = logs[index].blockNumber
            let hash = logs[index].blockHash
            if !addresses.isEmpty, !addresses.contains(logs[index].address) {
                throw .inconsistent("a log of another contract")
            }
            if !topics.isEmpty { try checkTopics(logs[index].topics) }
            if let place, place.number == number, place.hash == hash { continue }
            if let range, !range.contains(number) { throw .inconsistent("a log outside the range") }
            if let known = hashes[number], known != hash {
                throw .inconsistent("a log of another block than the header")
            }
            if place?.number == number { throw .inconsistent("two blocks at one height") }
            place = (number, hash)
        }
    }

    private func checkTopics(_ topics: Topics) throws(RPCError) {
        for (position, wanted) in self.topics.enumerated() where !wanted.isEmpty {
            guard position < topics.count, wanted.contains(topics[position]) else {
                throw .inconsistent("a log with another topic")
            }
        }
    }
}
