import Foundation
import Hummingbird
import Storage

/// What a member may do; each includes what the later ones may.
enum Role: String, CaseIterable {
    case owner, admin, member, viewer

    /// Whether the member may change triggers and what belongs to them.
    var canWrite: Bool { self != .viewer }
    /// Whether the member may speak for the organization, as in linking agents.
    var canManage: Bool { self == .owner || self == .admin }

    /// - Throws: `APIError.roleRequired` for a viewer.
    func requireWrite() throws(APIError) {
        if !canWrite { throw .roleRequired("owner, admin or member") }
    }

    /// - Throws: `APIError.roleRequired` for anybody but owners and admins.
    func requireManage() throws(APIError) {
        if !canManage { throw .roleRequired("owner or admin") }
    }
}

/// Which organization a request is about, as seen by its sender: the one named, or the sender's personal one.
///
/// A statement resolves it together with the membership, in `sql`, so that nothing foreign is ever read. No row there
/// means that the organization does not exist or is none of the caller's business, which look the same from outside.
struct OrganizationScope: Sendable {
    /// Answers `organization_id` and `role`; the account is `$1` and the organization, or NULL, `$2`.
    static let sql = """
        SELECT member.organization_id, member.role FROM organization_members AS member
        WHERE member.user_id = $1 AND member.organization_id = coalesce(
            $2::uuid, (SELECT id FROM organizations WHERE owner_id = $1 AND is_personal))
        """

    let account: UserID
    let organization: OrganizationID?

    init(account: UserID, organization: OrganizationID?) {
        self.account = account
        self.organization = organization
    }

    /// The scope that the query's `organization_id` names, or else the header `X-Organization-ID`.
    init(_ call: Call, _ account: Account, query: QueryReader) {
        self.account = account.id
        let header = call.request.headers[.xOrganizationID]
        if let header, UUID(uuidString: header) == nil { query.problems.add("X-Organization-ID", "must be a UUID") }
        organization = (query.value("organization_id", Read.uuid) ?? header.flatMap(UUID.init(uuidString:)))
            .map(OrganizationID.init(rawValue:))
    }

    /// The scope that the body's `organization_id` names, or else the header `X-Organization-ID`.
    init(_ call: Call, _ account: Account, fields: FieldReader) {
        self.account = account.id
        let header = call.request.headers[.xOrganizationID]
        if let header, UUID(uuidString: header) == nil { fields.problems.add("X-Organization-ID", "must be a UUID") }
        let named = fields.given("organization_id", nullable: true, Read.uuid).value
        organization = (named ?? header.flatMap(UUID.init(uuidString:))).map(OrganizationID.init(rawValue:))
    }
}

/// The organization of a scope and the caller's role in it; no row where it is not the caller's.
struct ResolveScope: Statement {
    static let sql = OrganizationScope.sql
    let scope: OrganizationScope
    var arguments: [SQLValue] { [.uuid(scope.account.rawValue), .optional(scope.organization?.rawValue)] }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> (organization: OrganizationID, role: Role) {
        (OrganizationID(rawValue: try row.uuid(0)), try row.role(1))
    }
}
