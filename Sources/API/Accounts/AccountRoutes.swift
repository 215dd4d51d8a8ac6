import Foundation
import Hummingbird
import Storage

/// Registering, logging in, and who one is.
struct AccountRoutes: Sendable {
    let database: Database
    let hasher: PasswordHasher
    let tokens: Tokens
    let now: @Sendable () -> Date

    var endpoints: [Endpoint] {
        [
            .open(.post, "/api/v1/auth/register", register),
            .open(.post, "/api/v1/auth/login", login),
            .account(.get, "/api/v1/users/me", me),
            .account(.get, "/api/v1/auth/me", me),
        ]
    }

    private func register(_ call: Call) async throws -> Response {
        let registration = try Registration(call)
        let hash = try await busyIsUnavailable { () throws(PasswordHasher.Failure) in
            try await hasher.hash(registration.password)
        }
        let user = try await create(registration, hash)
        return try await session(.created, user)
    }

    /// Writes the user; who came first is decided by the unique indexes alone.
    private func create(_ registration: Registration, _ hash: String) async throws -> User {
        // The name decides first, so that of many who want one name every loser learns the same.
        for _ in 0..<3 {
            let suffix = "-" + UUID().uuidString.lowercased().prefix(8)
            do {
                let created = try await database.first(
                    CreateUser(
                        username: registration.username, email: registration.email, passwordHash: hash,
                        slug: registration.slug, slugSuffix: suffix))
                guard let created else { throw APIError.internalError }
                return created
            } catch StorageError.uniqueViolation("users_username") {
                throw APIError.taken(field: "username")
            } catch StorageError.uniqueViolation("users_email") {
                throw APIError.taken(field: "email")
            } catch StorageError.uniqueViolation("organizations_slug") {
                continue
            }
        }
        throw APIError.unavailable("The personal organization could not be named; try again.")
    }

    private func login(_ call: Call) async throws -> Response {
        let fields = FieldReader(call.body)
        let name = fields.required("username_or_email", else: "", Read.text(1...255))
        let password = fields.required("password", else: "", Read.text(1...100))
        try fields.finish()
        let found = try await database.first(FindLogin(name: name.precomposedStringWithCanonicalMapping))
        // Always one verification, also for names that nobody has, so that the time tells nothing.
        let isRight = try await busyIsUnavailable { () throws(PasswordHasher.Failure) in
            try await hasher.verify(password, against: found?.passwordHash)
        }
        guard let found, isRight else { throw APIError.invalidCredentials }
        guard let user = try await database.first(RecordLogin(user: found.user.id)) else {
            throw APIError.accountDisabled
        }
        return try await session(.ok, user)
    }

    private func me(_ call: Call, _ account: Account) async throws -> Response {
        guard let user = try await database.first(FindUser(user: account.id)) else {
            throw APIError.unauthorized(.unknownAccount)
        }
        return .data { user.write(to: &$0) }
    }

    /// Document 003's answer to both: a token and the user, without an envelope.
    private func session(_ status: HTTPResponse.Status, _ user: User) async throws -> Response {
        let token = try await tokens.issue(to: user.account, at: now())
        return .json(status) { writer in
            writer.member("token", token)
            writer.member("user", object: { user.write(to: &$0) })
        }
    }

    private func busyIsUnavailable<Value>(
        _ work: () async throws(PasswordHasher.Failure) -> Value
    ) async throws -> Value {
        do {
            return try await work()
        } catch PasswordHasher.Failure.busy {
            throw APIError.unavailable("Too many are logging in just now.")
        }
    }
}
