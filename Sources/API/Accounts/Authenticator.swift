import Foundation
import Storage
import Synchronization

/// Says who sent a request.
///
/// The one place that does: keys and wallets, once they authenticate too, are told apart here.
final class Authenticator: Sendable {
    /// How long an account that was found active counts as such; a disabled one is shut out everywhere after it.
    private static let memory: Duration = .seconds(1)
    /// The most tokens remembered, some 400 bytes each.
    private static let capacity = 10_000

    /// A token that was verified, whose account was active not long ago.
    private struct Known {
        let verified: Tokens.Verified
        let activeUntil: ContinuousClock.Instant
    }

    private let tokens: Tokens
    private let database: Database
    private let now: @Sendable () -> Date
    /// What a token says never changes, so only its end and its account are looked at again.
    private let known = Mutex<[String: Known]>([:])

    init(tokens: Tokens, database: Database, now: @escaping @Sendable () -> Date) {
        self.tokens = tokens
        self.database = database
        self.now = now
    }

    /// The account that the `Authorization` header names.
    ///
    /// - Throws: `APIError.unauthorized`, or `.accountDisabled`.
    func account(of header: String?) async throws -> Account {
        guard let header, !header.isEmpty else { throw APIError.unauthorized(.missing) }
        let parts = header.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { throw APIError.unauthorized(.missing) }
        let token = String(parts[1])
        let remembered = known.withLock { $0[token] }
        if let remembered, remembered.activeUntil > .now, now() < remembered.verified.end {
            return remembered.verified.account
        }
        let verified: Tokens.Verified
        do {
            verified = try await tokens.verify(token, at: now())
        } catch {
            throw APIError.unauthorized(error)
        }
        guard let isActive = try await database.first(FindAccountState(user: verified.account.id)) else {
            throw APIError.unauthorized(.unknownAccount)
        }
        guard isActive else { throw APIError.accountDisabled }
        known.withLock { known in
            if known.count >= Self.capacity { known.removeAll(keepingCapacity: true) }
            known[token] = Known(verified: verified, activeUntil: .now + Self.memory)
        }
        return verified.account
    }
}
