import Foundation
import Glibc
import Logging

/// Server processes that a killed owner left behind.
///
/// Called by the holder of the `OwnerLock` only, so whatever still works in the cluster belongs to nobody.
struct Orphans {
    let dataDirectory: String

    /// Stops them and removes their process file where another program has got the recorded id since; blocks.
    func stop(logger: Logger) throws(StorageError) {
        guard let resolved = realpath(dataDirectory, nil) else { return }
        let directory = String(cString: resolved)
        free(resolved)
        let found = processes(in: directory)
        if !found.isEmpty {
            logger.notice("stopping a server that was left behind", metadata: ["processes": "\(found.count)"])
        }
        for (signal, patience) in [(SIGINT, 30.0), (SIGQUIT, 10.0), (SIGKILL, 10.0)] {
            let deadline = Date(timeIntervalSinceNow: patience)
            let targets =
                signal == SIGINT ? [postmaster].compactMap { $0 }.filter(found.contains) : processes(in: directory)
            for process in targets { kill(process, signal) }
            while !processes(in: directory).isEmpty, Date() < deadline { usleep(20_000) }
            if processes(in: directory).isEmpty { break }
        }
        guard processes(in: directory).isEmpty else {
            throw .embedded(.failed(program: "postgres", output: "a server left behind does not stop"))
        }
        // Of the recorded id only a living process matters to PostgreSQL, and that is no server of ours.
        if let postmaster, kill(postmaster, 0) == 0 || errno == EPERM { unlink("\(dataDirectory)/postmaster.pid") }
    }

    /// The process that the cluster's process file names.
    private var postmaster: pid_t? {
        (try? String(contentsOfFile: "\(dataDirectory)/postmaster.pid", encoding: .utf8))
            .flatMap { $0.split(separator: "\n").first }.flatMap { pid_t($0) }.flatMap { $0 > 1 ? $0 : nil }
    }

    /// The processes whose working directory is `directory`, where every PostgreSQL process stays.
    private func processes(in directory: String) -> [pid_t] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { pid_t($0) }.filter { process in
            let link = "/proc/\(process)/cwd"
            return (try? FileManager.default.destinationOfSymbolicLink(atPath: link)) == directory
        }
    }
}
