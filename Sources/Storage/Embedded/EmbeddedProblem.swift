/// Why the private cluster cannot run, and what to do about it.
public enum EmbeddedProblem: Equatable, Sendable {
    /// No server binaries on this machine.
    case binariesMissing
    /// The newest server binaries are older than version 15.
    case tooOld(version: Int)
    /// The cluster was made by another major version, whose binaries are missing.
    case versionMissing(Int)
    /// Another process uses the directory.
    case inUse(directory: String, process: Int32?)
    /// A directory or file cannot be made, read or entered.
    case inaccessible(path: String, reason: String)
    /// The cluster that the data directory points to is gone.
    case clusterGone(path: String, pointer: String)
    /// The servers's user does not exist or cannot be changed to.
    case noServerUser(reason: String)
    /// A server program failed; the last lines of its output.
    case failed(program: String, output: String)
}
