import Foundation
import Synchronization

/// A program that a test started; it ends with the test, whatever happens.
final class ChildProcess: Sendable {
    private let process: Mutex<Process>
    private let output: URL
    private let errors: URL
    let identifier: Int32

    /// Starts `arguments[0]`, found through `PATH` unless it holds a slash.
    ///
    /// - Parameter environment: Added to this process's own.
    /// - Parameter input: What the program reads from standard input.
    init(
        _ arguments: [String], environment: [String: String] = [:], directory: URL? = nil, input: Data = Data()
    ) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { _, new in new }
        if let directory { process.currentDirectoryURL = directory }
        let folder = FileManager.default.temporaryDirectory
        output = folder.appendingPathComponent("tocsin-\(UUID().uuidString).out")
        errors = folder.appendingPathComponent("tocsin-\(UUID().uuidString).err")
        // Files, not pipes: nobody has to read along, and what a program said survives it.
        try Data().write(to: output)
        try Data().write(to: errors)
        process.standardOutput = try FileHandle(forWritingTo: output)
        process.standardError = try FileHandle(forWritingTo: errors)
        let given = folder.appendingPathComponent("tocsin-\(UUID().uuidString).in")
        try input.write(to: given)
        process.standardInput = try FileHandle(forReadingFrom: given)
        // Open already; nobody needs the name any more.
        try FileManager.default.removeItem(at: given)
        try process.run()
        identifier = process.processIdentifier
        self.process = Mutex(process)
    }

    deinit {
        kill(identifier, SIGKILL)
        try? FileManager.default.removeItem(at: output)
        try? FileManager.default.removeItem(at: errors)
    }

    /// What the program wrote to standard output so far.
    var outputText: String { (try? String(contentsOf: output, encoding: .utf8)) ?? "" }

    /// What the program wrote to standard error so far.
    var errorText: String { (try? String(contentsOf: errors, encoding: .utf8)) ?? "" }

    /// The first line of standard output, which says that the program is ready.
    ///
    /// - Throws: ``ChildProcessError/ended(_:)`` if the program ends first, with what it wrote to standard error.
    func readyLine(within limit: Duration = .seconds(60)) async throws -> String {
        try await poll(within: limit, "a line on standard output") {
            let text = self.outputText
            if let end = text.firstIndex(of: "\n") { return String(text[..<end]) }
            guard self.isRunning else { throw ChildProcessError.ended(self.errorText) }
            return nil
        }
    }

    var isRunning: Bool { process.withLock { $0.isRunning } }

    /// Sends `signal`.
    func send(_ signal: Int32) { kill(identifier, signal) }

    /// Waits for the end; the exit code, or minus the signal.
    func exitCode(within limit: Duration = .seconds(30)) async throws -> Int32 {
        try await poll(within: limit, "the end of the program") {
            self.process.withLock { process in
                guard !process.isRunning else { return nil }
                return process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
            }
        }
    }
}

enum ChildProcessError: Error {
    case ended(String)
    case timedOut(waitingFor: String)
}

/// Asks `question` until it has an answer, at most for `limit`.
///
/// A program that another process runs has no signal to wait for, so it is asked every few milliseconds.
func poll<Answer>(
    within limit: Duration, _ what: String, _ question: () async throws -> Answer?
) async throws -> Answer {
    let deadline = ContinuousClock.now + limit
    while ContinuousClock.now < deadline {
        if let answer = try await question() { return answer }
        try await ContinuousClock().sleep(for: .milliseconds(10))
    }
    throw ChildProcessError.timedOut(waitingFor: what)
}
