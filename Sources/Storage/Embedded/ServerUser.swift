import Glibc

/// The account that the server runs as: our own, or `postgres` where we are root, as whom PostgreSQL refuses to run.
struct ServerUser {
    let identifier: uid_t
    let group: gid_t
    /// What goes before a command to run it as this user.
    let prefix: [String]

    /// The user for this process.
    ///
    /// - Throws: `StorageError.embedded(.noServerUser)` where we are root and cannot become `postgres`.
    static func current() throws(StorageError) -> ServerUser {
        guard geteuid() == 0 else { return ServerUser(identifier: geteuid(), group: getegid(), prefix: []) }
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 4096)
        guard getpwnam_r("postgres", &entry, &buffer, buffer.count, &found) == 0, found != nil else {
            throw .embedded(.noServerUser(reason: "there is no user postgres (apt-get install postgresql)"))
        }
        let tools = ["/usr/bin/setpriv", "/bin/setpriv", "/sbin/runuser", "/usr/sbin/runuser"]
        guard let tool = tools.first(where: { access($0, X_OK) == 0 }) else {
            throw .embedded(
                .noServerUser(reason: "neither setpriv nor runuser is installed (apt-get install util-linux)"))
        }
        let options =
            tool.hasSuffix("setpriv")
            ? ["--reuid=\(entry.pw_uid)", "--regid=\(entry.pw_gid)", "--init-groups", "--"] : ["-u", "postgres", "--"]
        return ServerUser(identifier: entry.pw_uid, group: entry.pw_gid, prefix: [tool] + options)
    }

    /// Whether this process must change user to run the server.
    var isOther: Bool { !prefix.isEmpty }
}
