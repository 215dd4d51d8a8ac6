import Foundation

/// A directory that goes with the test.
final class TemporaryDirectory: Sendable {
    let path: String

    /// Makes a directory in `parent` whose name ends with `suffix`.
    init(in parent: String = "/tmp", suffix: String = "") throws {
        path = "\(parent)/tocsin-test-\(UInt32.random(in: 0 ... .max))\(suffix)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
