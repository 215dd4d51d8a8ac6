/// What every listener of a process has in common.
public struct ListenerSettings: Sendable {
    /// How many headers of the tip are kept, and so how deep a reorganisation may be.
    public var windowDepth = 128
    /// The most blocks of history that are asked for at once; 1 or more.
    public var rangeMax = 1_000_000
    /// The most blocks near the tip that are fetched with all their headers at once; 1 or more.
    public var segmentMax = 32
    /// The most calls to the nodes that one chain has under way at once.
    public var callsMax = 8
    /// How long a second look at a block may take before the block is stored without it.
    public var secondLookLimit: Duration = .seconds(2)
    /// The most blocks that two nodes are asked for at once when what is stored is verified; 1 or more.
    public var auditRangeMax = 2_000
    /// The wait between two steps of verifying what is stored, which leaves the nodes to the tip.
    public var auditPause: Duration = .milliseconds(500)
    /// The wait before history of a contract that was added later is looked for again.
    public var fillPause: Duration = .seconds(2)
    /// The wait where everything is verified.
    public var auditIdle: Duration = .seconds(10)
    /// The wait where the nodes offered no further proof.
    public var auditRetry: Duration = .seconds(600)
    /// How long a lease holds without being kept; a holder whose process ended is replaced at once.
    public var leaseDuration: Duration = .seconds(15)
    /// How long a listener waits that found its chain's lease taken, or its chain halted.
    public var leasePause: Duration = .seconds(1)
    /// How many empty blocks one commit removes at most.
    public var pruneMax = 512
    /// The first wait after a failure; further ones double.
    public var retryFirst: Duration = .milliseconds(250)
    /// The longest wait after a failure.
    public var retryCeiling: Duration = .seconds(30)
    /// Whether ranges of history are asked of a second node too, where there is one, and the answers compared.
    public var comparesHistory = true
    /// Whether the senders of transactions are fetched, for conditions on `transaction_from`.
    public var fetchesSenders = true

    /// The settings as they are documented.
    public init() {}
}
