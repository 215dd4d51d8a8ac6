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

    @Test("take about as long for a name that nobody has")
    func timing() async throws {
        let hasher = try PasswordHasher()
        let hash = try await hasher.hash("correct horse")
        var known: [Duration] = []
        var unknown: [Duration] = []
        let clock = ContinuousClock()
        for _ in 0..<15 {
            known.append(try await clock.measure { _ = try await hasher.verify("wrong", against: hash) })
            unknown.append(try await clock.measure { _ = try await hasher.verify("wrong", against: nil) })
        }
        // The fastest of each is what the machine's other work disturbed least.
        let ratio = try #require(known.min()) / (try #require(unknown.min()))
        #expect((0.5...2).contains(ratio), "\(ratio)")
    }
}
