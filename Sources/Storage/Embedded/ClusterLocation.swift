import Foundation
import Glibc
import Logging

/// Where the private cluster lies: beneath the data directory, or where the server's user can reach it.
struct ClusterLocation {
    /// Holds `data`, `run` and `server.log`; belongs to the server's user alone.
    let root: String

    var data: String { "\(root)/data" }
    var log: String { "\(root)/server.log" }

    /// Where clusters go whose data directory the server's user cannot enter.
    static let fallbackBase = "/var/lib/tocsin"
    private static let pointerName = "postgres.location"

    /// Finds the cluster of `dataDirectory`, or chooses its place and makes that.
    ///
    /// A place outside the data directory is recorded there, in `postgres.location`.
    static func find(
        dataDirectory: String, user: ServerUser, fallbackBase: String = fallbackBase, logger: Logger
    ) throws(StorageError) -> ClusterLocation {
        let pointer = "\(dataDirectory)/\(pointerName)"
        if let text = try? String(contentsOfFile: pointer, encoding: .utf8) {
            let path = text.trimmingCharacters(in: .whitespacesAndNewlines)
            guard path.hasPrefix("/"), FileManager.default.fileExists(atPath: path) else {
                throw .embedded(.clusterGone(path: path, pointer: pointer))
            }
            return ClusterLocation(root: path)
        }
        let inside = ClusterLocation(root: "\(dataDirectory)/postgres")
        try makePrivate(inside.root, user)
        if canEnter(inside.root, user) { return inside }
        rmdir(inside.root)

        try makeDirectory(fallbackBase, mode: 0o755)
        let number = UInt64.random(in: .min ... .max)
        let outside = ClusterLocation(root: "\(fallbackBase)/\(String(number, radix: 36))")
        try makePrivate(outside.root, user)
        guard canEnter(outside.root, user) else {
            throw .embedded(.inaccessible(path: outside.root, reason: "the user postgres cannot enter it"))
        }
        do {
            try Data("\(outside.root)\n".utf8).write(to: URL(fileURLWithPath: pointer), options: .atomic)
        } catch {
            throw .embedded(.inaccessible(path: pointer, reason: "it cannot be written"))
        }
        logger.notice(
            "the user postgres cannot enter the data directory; the cluster is kept elsewhere",
            metadata: ["directory": "\(dataDirectory)", "cluster": "\(outside.root)"])
        return outside
    }

    /// Makes `path`, for the server's user alone.
    static func makePrivate(_ path: String, _ user: ServerUser) throws(StorageError) {
        try makeDirectory(path, mode: 0o700)
        guard !user.isOther || chown(path, user.identifier, user.group) == 0, chmod(path, 0o700) == 0 else {
            throw .embedded(.inaccessible(path: path, reason: String(cString: strerror(errno))))
        }
    }

    /// Makes `path` and the directories above it; leaves an existing one as it is.
    static func makeDirectory(_ path: String, mode: Int) throws(StorageError) {
        var isDirectory: ObjCBool = false
        if FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), isDirectory.boolValue { return }
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: mode])
        } catch {
            throw .embedded(.inaccessible(path: path, reason: "it cannot be made"))
        }
    }

    private static func canEnter(_ path: String, _ user: ServerUser) -> Bool {
        guard user.isOther else { return true }
        let command = user.prefix + ["/bin/sh", "-c", "cd \"$1\" && test -w .", "sh", path]
        return (try? ChildProcess.run(command))?.status == 0
    }

    // MARK: The socket

    /// A socket's path holds at most 107 bytes and a zero.
    private static let longestSocketPath = 107

    /// The directory for the server's socket, made anew: in the cluster, or under `/tmp` where that path is too long.
    func makeSocketDirectory(_ user: ServerUser) throws(StorageError) -> String {
        let inside = "\(root)/run"
        let record = "\(root)/socket.location"
        if let old = try? String(contentsOfFile: record, encoding: .utf8), old.hasPrefix("/tmp/tocsin-") {
            try? FileManager.default.removeItem(atPath: old)
        }
        unlink(record)
        if "\(inside)/.s.PGSQL.5432".utf8.count <= Self.longestSocketPath {
            try Self.makePrivate(inside, user)
            return inside
        }
        var template = Array("/tmp/tocsin-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else {
            throw .embedded(.inaccessible(path: "/tmp", reason: String(cString: strerror(errno))))
        }
        let path = String(cString: made)
        try Self.makePrivate(path, user)
        try? Data(path.utf8).write(to: URL(fileURLWithPath: record))
        return path
    }
}
