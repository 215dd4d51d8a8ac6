public import Domain
public import HTTPClient

/// What a node hinted at when it refused a range.
///
/// A hint may be wrong, inverted or the same range again: use one only if it lies strictly inside what was asked.
public struct RangeHint: Sendable, Hashable {
    /// What there was too much of.
    public enum Cause: Sendable, Hashable {
        /// Blocks: the node searches no more at once, wherever they are.
        case blocks
        /// Logs or bytes in the answer, or time: elsewhere the same number of blocks may be fine.
        case results
        /// Contracts or topics in the filter.
        case filter
        /// The node did not say.
        case unknown
    }

    /// What there was too much of.
    public var cause: Cause
    /// The most blocks that one call may cover.
    public var maximumBlocks: Int?
    /// The most logs that one answer may hold.
    public var maximumResults: Int?
    /// A range that the node says would work.
    public var range: ClosedRange<BlockNumber>?

    /// A hint; nil for what was not said.
    public init(
        _ cause: Cause = .unknown, maximumBlocks: Int? = nil, maximumResults: Int? = nil,
        range: ClosedRange<BlockNumber>? = nil
    ) {
        self.cause = cause
        self.maximumBlocks = maximumBlocks
        self.maximumResults = maximumResults
        self.range = range
    }
}

/// Why a chain gave no answer.
///
/// No case holds a URL, and texts from nodes are cleaned of what may be a key.
public enum RPCError: Error, Equatable, Sendable {
    /// The range, the result or the time it takes is more than the node allows: ask for less.
    case rangeTooLarge(RangeHint)
    /// Too many requests; nil where the node does not say how long to wait, or how many a second it allows.
    case rateLimited(retryAfter: Duration?, perSecond: Double? = nil)
    /// The node has not got that block yet, or lost it in a reorganisation.
    case notYet
    /// The node has thrown that part of history away.
    case pruned
    /// The key is wrong, its plan does not include this, or the bill is open.
    case unauthorized
    /// The node does not know the method.
    case methodMissing
    /// The answer is not what JSON-RPC and the method's definition say; the text says which part.
    case malformed(String)
    /// The answer is well formed and contradicts the question or itself; the text says how.
    case inconsistent(String)
    /// The endpoint serves another chain.
    case wrongChain(expected: ChainID, found: String)
    /// The contract reverted; empty where it gave no data.
    case reverted([UInt8])
    /// The call gave nothing, as calls to an address without code do.
    case noContract
    /// The node or what stands before it failed; nil for failures told in JSON.
    case server(status: Int?)
    /// No response came.
    case transport(TransportError)
    /// No endpoint may be asked before this long.
    case unavailable(retryAfter: Duration)
    /// An error that no row of the table knows.
    case unknown(code: Int?, message: String)

    /// Whether the same call can succeed later or elsewhere.
    public var isTransient: Bool {
        switch self {
        case .rateLimited, .notYet, .malformed, .inconsistent, .server, .unavailable, .unknown: true
        case .transport(let error): error.isTransient
        case .rangeTooLarge, .pruned, .unauthorized, .methodMissing, .wrongChain, .reverted, .noContract: false
        }
    }

    /// The word for it in metrics and logs, one of a small closed set.
    public var errorClass: String {
        switch self {
        case .rangeTooLarge: "range_too_large"
        case .rateLimited: "rate_limited"
        case .notYet: "not_yet"
        case .pruned: "pruned"
        case .unauthorized: "unauthorized"
        case .methodMissing: "method_missing"
        case .malformed: "malformed"
        case .inconsistent: "inconsistent"
        case .wrongChain: "wrong_chain"
        case .reverted: "reverted"
        case .noContract: "no_contract"
        case .server: "server"
        case .transport(let error): error.errorClass
        case .unavailable: "unavailable"
        case .unknown: "unknown"
        }
    }
}
