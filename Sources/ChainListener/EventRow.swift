import Domain
import Ethereum

/// A log as it is stored: raw, with the columns that queries need.
struct EventRow: Sendable, Equatable {
    /// Why a log of a watched contract is not an event.
    enum Defect: Equatable {
        /// No known event has its first topic.
        case unknown(topic0: Hash)
        /// It claims to be an event but is not built as one; the text says where.
        case malformed(String)
    }

    let log: Log
    let registry: Registry
    let timestamp: Int64
    let type: EventType?
    let agentID: UInt256?
    let defect: Defect?
    var transactionFrom: Address?

    /// The row of `log`, which a contract of `registry` wrote in the block of `timestamp`.
    init(log: Log, registry: Registry, timestamp: Int64) {
        self.log = log
        self.registry = registry
        self.timestamp = timestamp
        do throws(EventDecodingError) {
            let layout = try EventDecoder.layout(of: log)
            type = layout?.type
            agentID = layout.flatMap { Self.agentID($0, log) }
            // An event without topics is malformed, so an unknown one has a first topic.
            defect = layout == nil ? log.topics.first.map { .unknown(topic0: $0) } : nil
        } catch {
            type = nil
            agentID = nil
            defect = .malformed("\(error)")
        }
    }

    /// Why the log could not be decoded; nil for events and for unknown topics.
    var decodingError: String? {
        guard case .malformed(let reason) = defect else { return nil }
        return reason
    }

    private static func agentID(_ layout: EventLayout, _ log: Log) -> UInt256? {
        guard case .number(let number) = EventDecoder.value(of: .agentID, layout: layout, in: log),
            !number.isNegative, number.scale == 0
        else { return nil }
        return number.magnitude
    }
}
