import Foundation
import Storage

/// A user as the API shows one.
struct User {
    let id: UserID
    let username: String
    let email: String
    let createdAt: Date
    let lastLoginAt: Date?
    let isActive: Bool

    static let columns = "id, username, email, created_at, last_login_at, is_active"

    init(_ row: borrowing RowReader) throws(StorageError) {
        id = UserID(rawValue: try row.uuid(0))
        username = try row.text(1)
        email = try row.text(2)
        createdAt = try row.date(3)
        lastLoginAt = try row.optionalDate(4)
        isActive = try row.boolean(5)
    }

    var account: Account { Account(id: id, username: username) }

    func write(to writer: inout JSONWriter) {
        writer.member("id", id)
        writer.member("username", username)
        writer.member("email", email)
        writer.member("created_at", Timestamp(createdAt))
        writer.member("last_login_at", Timestamp(lastLoginAt))
        writer.member("is_active", isActive)
    }
}

/// Creates a user with the personal organization that everybody owns, in one transaction.
///
/// The slug gets a suffix where it is taken; losing the race for it is `uniqueViolation("organizations_slug")`.
struct CreateUser: Statement {
    static let sql = """
        WITH account AS (
            INSERT INTO users (username, email, password_hash) VALUES ($1, $2, $3) RETURNING \(User.columns)
        ), organization AS (
            INSERT INTO organizations (name, slug, owner_id, is_personal)
            SELECT $1, CASE WHEN EXISTS (SELECT FROM organizations WHERE slug = $4) THEN $4 || $5 ELSE $4 END, id, true
            FROM account RETURNING id
        ), membership AS (
            INSERT INTO organization_members (organization_id, user_id, role)
            SELECT organization.id, account.id, 'owner' FROM organization, account
        )
        SELECT \(User.columns) FROM account
        """
    let username: String
    let email: String
    let passwordHash: String
    let slug: String
    let slugSuffix: String
    var arguments: [SQLValue] {
        [.text(username), .text(email), .text(passwordHash), .text(slug), .text(slugSuffix)]
    }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> User { try User(row) }
}

/// Finds what a login needs, by name or e-mail address in any case; a user name holds no `@`, so at most one row fits.
struct FindLogin: Statement {
    static let sql = """
        SELECT \(User.columns), password_hash FROM users
        WHERE lower(username) = lower($1) OR lower(email) = lower($1)
        """
    let name: String
    var arguments: [SQLValue] { [.text(name)] }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> (user: User, passwordHash: String) {
        (try User(row), try row.text(6))
    }
}

/// Notes a login; no row for an account that is disabled or gone by now.
struct RecordLogin: Statement {
    static let sql = """
        UPDATE users SET last_login_at = now() WHERE id = $1 AND is_active RETURNING \(User.columns)
        """
    let user: UserID
    var arguments: [SQLValue] { [.uuid(user.rawValue)] }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> User { try User(row) }
}

/// Says whether an account is active; no row for one that does not exist.
struct FindAccountState: Statement {
    static let sql = "SELECT is_active FROM users WHERE id = $1"
    let user: UserID
    var arguments: [SQLValue] { [.uuid(user.rawValue)] }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> Bool { try row.boolean(0) }
}

/// Reads one user.
struct FindUser: Statement {
    static let sql = "SELECT \(User.columns) FROM users WHERE id = $1"
    let user: UserID
    var arguments: [SQLValue] { [.uuid(user.rawValue)] }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> User { try User(row) }
}
