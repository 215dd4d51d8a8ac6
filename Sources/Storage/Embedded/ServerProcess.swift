import Foundation
import Glibc

/// A running server and the guard that stops it when this process is gone.
final class ServerProcess: Sendable {
    let child: ChildProcess
    /// Our end of the guard's pipe: the guard acts when it closes.
    private let leash: Int32
    private let temporaryDirectory: String?

    // The child becomes the server. Before that it leaves a guard behind, nobody's child, which waits for a line on its
    // input: the word `done`, or the end when we died. PR_SET_PDEATHSIG would be simpler, but it fires when the thread
    // that forked ends.
    private static let script = """
        umask 077
        server=$$
        remove=$1
        shift
        (
            (
                read -r word || word=gone
                [ "$word" = done ] && exit 0
                if [ -n "$remove" ]; then kill -QUIT $server; else kill -INT $server; fi
                if [ -n "$remove" ]; then
                    while [ -e /proc/$server/exe ]; do sleep 0.1; done  # also ends for a zombie
                    rm -rf -- "$remove"
                fi
            ) <&3 >/dev/null 2>&1 3<&- &
        )
        exec "$@" 3<&-
        """

    private init(child: ChildProcess, leash: Int32, temporaryDirectory: String?) {
        self.child = child
        self.leash = leash
        self.temporaryDirectory = temporaryDirectory
    }

    deinit { close(leash) }

    /// Starts `command` behind `prefix`; its output goes to `log`.
    static func start(
        _ command: [String], prefix: [String], log: Int32, temporaryDirectory: String?
    ) throws(StorageError) -> ServerProcess {
        var ends: [Int32] = [-1, -1]
        let null = open("/dev/null", O_RDONLY | O_CLOEXEC)
        defer { close(null) }
        guard null >= 0, socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw .embedded(.failed(program: "postgres", output: "no file descriptors left"))
        }
        defer { close(ends[1]) }
        do throws(StorageError) {
            let shell = ["/bin/sh", "-c", script, "sh", temporaryDirectory ?? ""]
            let child = try ChildProcess.start(shell + prefix + command, descriptors: [null, log, log, ends[1]])
            return ServerProcess(child: child, leash: ends[0], temporaryDirectory: temporaryDirectory)
        } catch {
            close(ends[0])
            throw error
        }
    }

    /// Returns when the server takes connections; after a crash it replays its log first, which takes as long as it takes.
    func waitUntilReady(_ configuration: DatabaseConfiguration, log: String) throws(StorageError) {
        while true {
            do throws(StorageError) {
                _ = try Link.connect(configuration)
                return
            } catch .unavailable {
                guard child.isRunning else {
                    let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
                    throw .embedded(.failed(program: "postgres", output: text.lastLines))
                }
                usleep(10_000)
            }
        }
    }

    /// Stops the server: in good order, at once after 30 s, by force after 10 more.
    func stop() async {
        for (signal, patience) in [(SIGINT, 30), (SIGQUIT, 10), (SIGKILL, 10)] {
            child.send(temporaryDirectory == nil ? signal : SIGQUIT)
            if await child.waitUntilExit(upTo: .seconds(patience)) != nil { break }
        }
        var word = Array("done\n".utf8)
        _ = send(leash, &word, word.count, Int32(MSG_NOSIGNAL))
        if let temporaryDirectory { try? FileManager.default.removeItem(atPath: temporaryDirectory) }
    }

    /// Leaves the server to its guard.
    func abandon() { child.send(SIGQUIT) }
}
