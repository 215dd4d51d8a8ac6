import CPostgres
import Dispatch
import Glibc
import Synchronization

/// A program that this process started.
///
/// Children get no file descriptors but those named, default signal handling, the directory `/` and an environment of
/// their own, so that neither our sockets nor `PG…` variables leak into them.
final class ChildProcess: Sendable {
    let identifier: pid_t
    private let exit = Mutex(Exit())

    private struct Exit {
        var status: Int32?
        var waiters: [Int: CheckedContinuation<Int32?, Never>] = [:]
        var nextWaiter = 0
    }

    private init(identifier: pid_t) { self.identifier = identifier }

    /// How a finished program ended and what it wrote to both outputs.
    struct Answer {
        let status: Int32
        let output: String
    }

    /// More output than this is cut off.
    private static let maximumOutput = 65_536

    /// Starts `arguments`, whose first is the program's path, in a process group of its own.
    ///
    /// - Parameter descriptors: what the child's descriptors 0… are; the rest is closed there.
    static func start(_ arguments: [String], descriptors: [Int32]) throws(StorageError) -> ChildProcess {
        let child = ChildProcess(identifier: try spawn(arguments, descriptors: descriptors))
        // waitpid blocks for the child's whole life, so it gets a queue of its own.
        DispatchQueue(label: "tocsin.storage.child").async { child.reap() }
        return child
    }

    /// Runs `arguments` to their end; blocks.
    static func run(_ arguments: [String]) throws(StorageError) -> Answer {
        var ends: [Int32] = [-1, -1]
        let null = open("/dev/null", O_RDONLY | O_CLOEXEC)
        guard null >= 0, socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            close(null)
            throw .embedded(.failed(program: arguments[0], output: "no file descriptors left"))
        }
        defer { close(ends[0]) }
        let started = Result { () throws(StorageError) in
            try spawn(arguments, descriptors: [null, ends[1], ends[1]])
        }
        close(null)
        close(ends[1])
        let identifier = try started.get()
        var output: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(ends[0], &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            if output.count < maximumOutput { output.append(contentsOf: buffer[..<count]) }
        }
        return Answer(status: wait(for: identifier), output: String(decoding: output, as: UTF8.self))
    }

    /// Sends `signal`, unless the child has ended.
    func send(_ signal: Int32) {
        exit.withLock { exit in
            if exit.status == nil { kill(identifier, signal) }
        }
    }

    /// Whether the child still runs.
    var isRunning: Bool { exit.withLock { $0.status == nil } }

    /// Waits for the child's end: its exit status, or 128 and the signal that killed it; nil after `limit`.
    ///
    /// Cancelling the task does not end the wait: who stops a server wants to know that it stopped.
    func waitUntilExit(upTo limit: Duration? = nil) async -> Int32? {
        await withCheckedContinuation { continuation in
            let (status, waiter) = exit.withLock { exit in
                exit.nextWaiter += 1
                if exit.status == nil { exit.waiters[exit.nextWaiter] = continuation }
                return (exit.status, exit.nextWaiter)
            }
            if let status {
                continuation.resume(returning: status)
            } else if let limit {
                DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(Int(limit.wholeMilliseconds))) {
                    self.exit.withLock { $0.waiters.removeValue(forKey: waiter) }?.resume(returning: nil)
                }
            }
        }
    }

    private func reap() {
        let status = Self.wait(for: identifier)
        let waiters = exit.withLock { exit in
            exit.status = status
            defer { exit.waiters = [:] }
            return exit.waiters.values
        }
        for waiter in waiters { waiter.resume(returning: status) }
    }

    private static func wait(for identifier: pid_t) -> Int32 {
        var status: Int32 = 0
        while waitpid(identifier, &status, 0) < 0, errno == EINTR {}
        let signal = status & 0x7f
        return signal == 0 ? (status >> 8) & 0xff : 128 + signal
    }

    private static func spawn(_ arguments: [String], descriptors: [Int32]) throws(StorageError) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (target, source) in descriptors.enumerated() {
            posix_spawn_file_actions_adddup2(&actions, source, Int32(target))
        }
        posix_spawn_file_actions_addclosefrom_np(&actions, Int32(descriptors.count))
        posix_spawn_file_actions_addchdir_np(&actions, "/")

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // A signal that we ignore would stay ignored in the child, and Ctrl-C in our terminal is not meant for it.
        var all = sigset_t()
        var none = sigset_t()
        sigfillset(&all)
        sigemptyset(&none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setpgroup(&attributes, 0)
        let flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP
        posix_spawnattr_setflags(&attributes, Int16(flags))

        let environmentOfChildren = ["PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"]
        var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        var environment: [UnsafeMutablePointer<CChar>?] =
            environmentOfChildren.map { strdup($0) } + [nil]
        defer { for word in words + environment { free(word) } }
        var identifier: pid_t = 0
        let code = posix_spawn(&identifier, arguments[0], &actions, &attributes, &words, &environment)
        guard code == 0 else {
            throw .embedded(.failed(program: arguments[0], output: String(cString: strerror(code))))
        }
        return identifier
    }
}
