/// How the engine paces itself.
public struct EngineSettings: Sendable {
    /// How many feed rows are read at once, 1...10000.
    public var batchRows = 1000
    /// How often it looks for work without being notified.
    public var pollInterval: Duration = .seconds(1)
    /// How long a chain stays another engine's after that one was last heard of, unless its process is known to be gone.
    public var leaseDuration: Duration = .seconds(15)
    /// The pause after a first failure; each further one doubles it.
    public var retryFirst: Duration = .milliseconds(100)
    /// The longest pause after failures.
    public var retryCeiling: Duration = .seconds(5)

    /// The defaults.
    public init() {}
}
