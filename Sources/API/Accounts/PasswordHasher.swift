import CArgon2
import Foundation
import Synchronization

/// Hashes and verifies passwords with Argon2id, on a few threads of its own.
///
/// Each hash takes 19 MiB and tens of milliseconds, so at most `width` run at once and at most `capacity` wait: beyond
/// that a flood of logins is refused instead of starving everything else.
///
/// - SeeAlso: RFC 9106; OWASP Password Storage Cheat Sheet for the cost.
final class PasswordHasher: Sendable {
    enum Failure: Error, Equatable {
        /// As many passwords wait as may.
        case busy
        /// libargon2 refused, for want of memory as a rule.
        case failed(code: Int32)
    }

    private static let kibibytes: UInt32 = 19 * 1024
    private static let passes: UInt32 = 2
    private static let lanes: UInt32 = 1
    private static let saltLength = 16
    private static let hashLength = 32

    private let capacity: Int
    private let inHand = Mutex(0)
    private let queue = OperationQueue()
    /// The hash of a password that nobody has, of the same cost as any other.
    let decoy: String

    /// A pool without work; makes one hash before it returns.
    init(width: Int = 2, capacity: Int = 128) throws(Failure) {
        self.capacity = capacity
        decoy = try Self.encoded(Self.random(count: 32)).get()
        queue.name = "tocsin.api.passwords"
        queue.maxConcurrentOperationCount = width
    }

    /// The hash of `password` with a fresh salt, as a PHC string that names its parameters.
    func hash(_ password: String) async throws(Failure) -> String {
        try await run { Self.encoded(Array(password.utf8)) }.get()
    }

    /// Whether `password` is the one that `hash` was made from.
    ///
    /// A nil `hash` takes the same time and answers false, so that a login does not tell which names exist.
    func verify(_ password: String, against hash: String?) async throws(Failure) -> Bool {
        let reference = hash ?? decoy
        return try await run {
            let bytes = Array(password.utf8)
            switch argon2id_verify(reference, bytes, bytes.count) {
            case ARGON2_OK.rawValue: return .success(hash != nil)
            case ARGON2_VERIFY_MISMATCH.rawValue: return .success(false)
            case let code: return .failure(.failed(code: code))
            }
        }.get()
    }

    private func run<Value: Sendable>(
        _ work: @escaping @Sendable () -> Result<Value, Failure>
    ) async -> Result<Value, Failure> {
        let isAdmitted = inHand.withLock { count in
            guard count < capacity else { return false }
            count += 1
            return true
        }
        guard isAdmitted else { return .failure(.busy) }
        defer { inHand.withLock { $0 -= 1 } }
        return await withCheckedContinuation { continuation in
            queue.addOperation { continuation.resume(returning: work()) }
        }
    }

    private static func encoded(_ password: [UInt8]) -> Result<String, Failure> {
        let salt = random(count: saltLength)
        let length = argon2_encodedlen(
            passes, kibibytes, lanes, UInt32(saltLength), UInt32(hashLength), Argon2_id)
        var text = [CChar](repeating: 0, count: length)
        let code = argon2id_hash_encoded(
            passes, kibibytes, lanes, password, password.count, salt, salt.count, hashLength, &text, length)
        guard code == ARGON2_OK.rawValue else { return .failure(.failed(code: code)) }
        return .success(String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self))
    }

    private static func random(count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }
}
