import Foundation
import FuzzTargets
import Testing

/// The inputs that fuzzing has collected, read again without the fuzzer; see `Fuzz/`.
@Suite("The fuzzers' corpus")
struct CorpusTests {
    @Test("is read as promised", arguments: FuzzTarget.allCases)
    func corpus(_ target: FuzzTarget) async throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let folder = root.appending(path: "Fuzz/Corpus/\(target.rawValue)")
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        #expect(files.count >= 5, "the corpus of \(target.rawValue) is there")
        for file in files { await target.run([UInt8](try Data(contentsOf: file))) }
    }
}
