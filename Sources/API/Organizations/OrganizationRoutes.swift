import Foundation
import Hummingbird
import Storage

/// The organizations that the caller belongs to.
struct OrganizationRoutes: Sendable {
    let database: Database

    var endpoints: [Endpoint] {
        [
            .account(.get, "/api/v1/organizations", list),
            .account(.get, "/api/v1/organizations/{id}", get),
        ]
    }

    private func list(_ call: Call, _ account: Account) async throws -> Response {
        let query = QueryReader(call.request)
        let page = query.page()
        try query.finish()
        let rows = try await database.query(ListOrganizations(account: account.id, page: page))
        let memberships = rows.compactMap(\.membership)
        return .json { writer in
            writer.member("data", array: memberships) { writer, membership in
                writer.object { membership.write(to: &$0) }
            }
            writer.pagination(page, total: rows.first?.total ?? 0, count: memberships.count)
        }
    }

    private func get(_ call: Call, _ account: Account) async throws -> Response {
        let id = try call.id(of: "This organization", OrganizationID.init(text:))
        guard let membership = try await database.first(FindMembership(account: account.id, organization: id)) else {
            throw APIError.notFound("This organization")
        }
        return .data { membership.write(to: &$0) }
    }
}

/// An organization and the caller's part in it.
struct Membership {
    let id: OrganizationID
    let name: String
    let slug: String
    let description: String?
    let isPersonal: Bool
    let createdAt: Date
    let updatedAt: Date
    let role: String

    static let columns = """
        o.id, o.name, o.slug, o.description, o.is_personal, o.created_at, o.updated_at, member.role
        """

    init(_ row: borrowing RowReader) throws(StorageError) {
        id = OrganizationID(rawValue: try row.uuid(0))
        name = try row.text(1)
        slug = try row.text(2)
        description = try row.optionalText(3)
        isPersonal = try row.boolean(4)
        createdAt = try row.date(5)
        updatedAt = try row.date(6)
        role = try row.text(7)
    }

    func write(to writer: inout JSONWriter) {
        writer.member(
            "organization",
            object: { writer in
                writer.member("id", id)
                writer.member("name", name)
                writer.member("slug", slug)
                writer.member("description", description)
                writer.member("is_personal", isPersonal)
                writer.member("created_at", Timestamp(createdAt))
                writer.member("updated_at", Timestamp(updatedAt))
            })
        writer.member("my_role", role)
    }
}

/// A page of the caller's organizations, oldest first, each with the number of all; one row without an organization
/// where the page is empty.
struct ListOrganizations: Statement {
    static let sql = """
        SELECT page.*, total FROM (SELECT count(*) AS total FROM organization_members WHERE user_id = $1) AS counted
        LEFT JOIN LATERAL (
            SELECT \(Membership.columns) FROM organization_members AS member
            JOIN organizations AS o ON o.id = member.organization_id
            WHERE member.user_id = $1 ORDER BY o.created_at, o.id LIMIT $2 OFFSET $3
        ) AS page ON true
        """
    let account: UserID
    let page: Page
    var arguments: [SQLValue] { [.uuid(account.rawValue), .integer(page.limit), .integer(page.offset)] }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> (membership: Membership?, total: Int64) {
        (row.isNull(0) ? nil : try Membership(row), try row.integer(8))
    }
}

/// One of the caller's organizations.
struct FindMembership: Statement {
    static let sql = """
        SELECT \(Membership.columns) FROM organization_members AS member
        JOIN organizations AS o ON o.id = member.organization_id
        WHERE member.user_id = $1 AND o.id = $2
        """
    let account: UserID
    let organization: OrganizationID
    var arguments: [SQLValue] { [.uuid(account.rawValue), .uuid(organization.rawValue)] }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> Membership { try Membership(row) }
}
