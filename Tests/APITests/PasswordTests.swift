import TestSupport
import Testing

@testable import API

@Suite("Passwords")
struct PasswordTests {
    @Test("verify against their own hash alone")
    func verification() async throws {
        let hasher = try PasswordHasher()
        let hash = try await hasher.hash("correct horse")
        #expect(try await hasher.verify("correct horse", against: hash))
        #expect(try await !hasher.verify("Correct horse", against: hash))
        #expect(try await !hasher.verify("", against: hash))
        #expect(try await !hasher.verify("correct horse", against: nil))
        #expect(try await hasher.hash("correct horse") != hash)
        await #expect(throws: PasswordHasher.Failure.self) { try await hasher.verify("x", against: "$argon2id$broken") }
    }

    @Test("keep to the pool's capacity: what is beyond it is refused at once")
    func capacity() async throws {
        let hasher = try PasswordHasher(width: 1, capacity: 3)
        let results = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<40 {
                group.addTask { (try? await hasher.hash("some password")) != nil }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(results.count { $0 } >= 3)
        #expect(results.contains(false))
        // The places are free again.
        #expect(try await hasher.verify("a", against: hasher.hash("a")))
    }

    @Test("cost the same for a name that nobody has")
    func decoy() async throws {
        let hasher = try PasswordHasher()
        let hash = try await hasher.hash("correct horse")
        // Same algorithm, memory, passes, lanes and lengths are the same work, whatever the machine does besides.
        func cost(_ hash: String) -> [String] { hash.split(separator: "$").prefix(3).map(String.init) }
        #expect(cost(hasher.decoy) == cost(hash))
        #expect(cost(hash) == ["argon2id", "v=19", "m=19456,t=2,p=1"])
        #expect(hasher.decoy.utf8.count == hash.utf8.count)
    }
}
