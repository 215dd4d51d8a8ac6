import Glibc

/// The claim of one process on a data directory; ends with the process, however it ends.
struct OwnerLock: ~Copyable {
    private let descriptor: Int32

    /// Claims `directory`.
    ///
    /// - Throws: `StorageError.embedded(.inUse)` with the owner's process id where another process holds the claim.
    init(directory: String) throws(StorageError) {
        let path = "\(directory)/lock"
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw .embedded(.inaccessible(path: path, reason: String(cString: strerror(errno))))
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            var text = [UInt8](repeating: 0, count: 32)
            let count = max(0, read(descriptor, &text, text.count))
            close(descriptor)
            let owner = Int32(String(decoding: text[..<count].prefix { $0 != 10 }, as: UTF8.self))
            throw .embedded(.inUse(directory: directory, process: owner))
        }
        ftruncate(descriptor, 0)
        let line = "\(getpid())\n"
        _ = line.withCString { write(descriptor, $0, strlen($0)) }
    }

    deinit {
        // Not by closing alone: a child between fork and exec may hold a copy of the descriptor.
        flock(descriptor, LOCK_UN)
        close(descriptor)
    }
}
