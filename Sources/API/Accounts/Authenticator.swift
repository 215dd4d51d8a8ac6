import Foundation
import Storage
import Synchronization

/// Says who sent a request.
///
/// The one place that does: keys and wallets, once they authenticate too, are told apart here.
final class Authenticator: Sendable {
    /// How long an account that was found active counts as such; a disabled one is shut out everywhere after it.
    private static let memory: Duration = .seconds(1)
    /// The most accounts remembered, some 100 bytes each.
    private static let capacity = 10_000

    private let tokens: Tokens
    private let database: Database
    private let now: @Sendable () -> Date
    private let active = Mutex<[UserID: ContinuousClock.Instant]>([:])

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
        let account: Account
        do {
            account = try await tokens.account(of: String(parts[1]), at: now())
        } catch {
            throw APIError.unauthorized(error)
        }
        try await checkActive(account.id)
        return account
    }

    private func checkActive(_ id: UserID) async throws {
        let clock = ContinuousClock.now
        if let until = active.withLock({ $0[id] }), clock < until { return }
        guard let isActive = try await database.first(FindAccountState(user: id)) else {
            throw APIError.unauthorized(.unknownAccount)
        }
        guard isActive else { throw APIError.accountDisabled }
        active.withLock { known in
            if known.count >= Self.capacity { known.removeAll(keepingCapacity: true) }
            known[id] = clock + Self.memory
        }
    }
}
