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
        switch EventDecoder.decode(log) {
        case .event(let layout, let values):
            type = layout.type
            agentID = Self.agentID(layout, values)
            defect = nil
        case .unknown(let topic0):
            type = nil
            agentID = nil
            defect = .unknown(topic0: topic0)
        case .malformed(let reason):
            type = nil
            agentID = nil
            defect = .malformed("\(reason)")
        }
    }

    /// Why the log could not be decoded; nil for events and for unknown topics.
    var decodingError: String? {
        guard case .malformed(let reason) = defect else { return nil }
        return reason
    }

    private static func agentID(_ layout: EventLayout, _ values: [FieldValue]) -> UInt256? {
        for (parameter, value) in zip(layout.parameters, values) where parameter.field == .agentID {
            guard case .number(let number) = value, !number.isNegative, number.scale == 0 else { return nil }
            return number.magnitude
        }
        return nil
    }
}
