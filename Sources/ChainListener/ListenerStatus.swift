public import Domain
import Synchronization

/// How the listener of one chain does.
public struct ListenerStatus: Sendable, Hashable {
    /// What a listener is at.
    public enum State: Sendable, Hashable {
        /// Not started, or starting.
        case starting
        /// Another process listens to the chain.
        case standingBy
        /// Everything that the nodes show is stored.
        case following
        /// Blocks that the nodes have are still to be stored.
        case catchingUp
        /// Everything is stored, and for longer than that the nodes showed no new block, though they should.
        case resting(longerThan: Duration)
        /// It fails and goes on trying; the text says at what, without URLs and keys.
        case failing(String)
        /// An operator must act; the text says how.
        case halted(String)

        /// Whether everything that the nodes show is stored.
        var isAtTip: Bool {
            switch self {
            case .following, .resting: true
            case .starting, .standingBy, .catchingUp, .failing, .halted: false
            }
        }

        /// What is wrong, without URLs and keys; nil while nothing is.
        public var complaint: String? {
            switch self {
            case .starting, .standingBy, .following, .catchingUp: nil
            case .resting(let limit): "the nodes show no new block for more than \(limit)"
            case .failing(let text), .halted(let text): text
            }
        }
    }

    /// The chain.
    public let chainID: ChainID
    /// What its listener is at.
    public var state: State = .starting
    /// The newest block that a node showed.
    public var head: BlockNumber?
    /// The last block whose events are all stored.
    public var checkpoint: BlockNumber?
    /// The newest stored block that is safe.
    public var safe: BlockNumber?
    /// The newest stored block that is final.
    public var finalized: BlockNumber?
    /// Whether a number of blocks stands in for the tags that no node answers.
    public var fallsBackToDepth = false
    /// Whether the headers' blooms are used as evidence.
    public var trustsBloom = true

    /// The status before the start.
    public init(chainID: ChainID) { self.chainID = chainID }
}

/// The present status of every listener, written by listeners and read by whoever asks.
final class StatusBoard: Sendable {
    private let statuses: Mutex<[ChainID: ListenerStatus]>

    init(_ chains: [ChainID]) {
        statuses = Mutex(
            Dictionary(chains.map { ($0, ListenerStatus(chainID: $0)) }, uniquingKeysWith: { first, _ in first }))
    }

    /// All of them, by chain id.
    var all: [ListenerStatus] { statuses.withLock { $0.values.sorted { $0.chainID < $1.chainID } } }

    /// The status of one.
    func status(of chainID: ChainID) -> ListenerStatus {
        statuses.withLock { $0[chainID] ?? ListenerStatus(chainID: chainID) }
    }

    /// Changes one and answers what it was.
    func update(_ chainID: ChainID, _ change: (inout ListenerStatus) -> Void) -> ListenerStatus {
        statuses.withLock { statuses in
            let before = statuses[chainID] ?? ListenerStatus(chainID: chainID)
            var after = before
            change(&after)
            statuses[chainID] = after
            return before
        }
    }
}
