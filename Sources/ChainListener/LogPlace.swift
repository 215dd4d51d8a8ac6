import Domain
import Ethereum

/// What two nodes must agree about in a log; the transaction's index is not among it.
struct LogPlace: Hashable {
    let blockHash: Hash
    let logIndex: UInt32
    let address: Address
    let transactionHash: Hash
    let topics: Topics
    let data: [UInt8]

    init(_ log: Log) {
        blockHash = log.blockHash
        logIndex = log.logIndex
        address = log.address
        transactionHash = log.transactionHash
        topics = log.topics
        data = log.data
    }
}

extension [Log] {
    /// Whether both hold the same logs in any order.
    func agrees(with other: [Log]) -> Bool {
        count == other.count && Set(map(LogPlace.init)) == Set(other.map(LogPlace.init))
    }

    /// The one of both that holds all logs of the other; nil where each has logs that the other lacks.
    ///
    /// Leaving logs out is the common failure of nodes, making them up is not.
    func fuller(than other: [Log]) -> [Log]? {
        let (more, fewer) = count >= other.count ? (self, other) : (other, self)
        return Set(more.map(LogPlace.init)).isSuperset(of: fewer.map(LogPlace.init)) ? more : nil
    }
}
