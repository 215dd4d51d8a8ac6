import Domain
import Ethereum
import Foundation
import Storage

/// Stores a challenge, and forgets those that ran out more than a day ago.
struct IssueChallenge: Statement {
    static let sql = """
        WITH forgotten AS (DELETE FROM challenges WHERE expires_at < $7::timestamptz - interval '1 day')
        INSERT INTO challenges (
            nonce, purpose, wallet_address, organization_id, chain_id, registry, agent_id, message, expires_at)
        VALUES ($1, 'link', $2, $3, $4, $5, $6, $8, $7)
        """
    let challenge: Challenge
    var arguments: [SQLValue] {
        [
            .text(challenge.nonce), .bytes(challenge.target.wallet.bytes),
            .uuid(challenge.target.organization.rawValue), .integer(challenge.target.chain.rawValue),
            .bytes(challenge.target.registry.bytes), .numeric(challenge.target.agent.description),
            .timestamp(challenge.expiresAt), .text(challenge.message),
        ]
    }
}

/// Finds the challenge that was issued under a nonce.
struct FindChallenge: Statement {
    static let sql = """
        SELECT id, agent_id, chain_id, registry, organization_id, wallet_address, nonce, message, expires_at,
            consumed_at IS NOT NULL
        FROM challenges WHERE nonce = $1 AND purpose = 'link'
        """
    let nonce: String
    var arguments: [SQLValue] { [.text(nonce)] }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> IssuedChallenge {
        guard let chain = ChainID(rawValue: try row.integer(2)) else { throw row.failure(2, "chain") }
        let target = LinkTarget(
            agent: try row.uint256(1), chain: chain, registry: try row.address(3),
            organization: OrganizationID(rawValue: try row.uuid(4)), wallet: try row.address(5))
        let challenge = Challenge(
            target: target, nonce: try row.text(6), message: try row.text(7), expiresAt: try row.date(8))
        return IssuedChallenge(id: try row.uuid(0), challenge: challenge, isConsumed: try row.boolean(9))
    }
}

/// Consumes a challenge without a link, since the decision was no; counts 0 where another decision came first.
struct ConsumeChallenge: Statement {
    static let sql = "UPDATE challenges SET consumed_at = now() WHERE id = $1 AND consumed_at IS NULL"
    let challenge: UUID
    var arguments: [SQLValue] { [.uuid(challenge)] }
}

/// Consumes a challenge and links its agent, both or neither, if the caller may still speak for the organization.
///
/// Of concurrent runs one consumes. It consumes too where the agent is linked already, which leaves `link` nil.
struct LinkAgent: Statement {
    static let sql = """
        WITH consumed AS (
            UPDATE challenges SET consumed_at = now()
            WHERE id = $1 AND consumed_at IS NULL AND EXISTS (
                SELECT FROM organization_members AS member
                WHERE member.organization_id = challenges.organization_id AND member.user_id = $2
                    AND member.role IN ('owner', 'admin'))
            RETURNING *
        ), linked AS (
            INSERT INTO agent_links AS link (agent_id, chain_id, registry, organization_id, wallet_address)
            SELECT agent_id, chain_id, registry, organization_id, wallet_address FROM consumed
            ON CONFLICT DO NOTHING
            RETURNING \(AgentLink.columns)
        )
        SELECT linked.*, EXISTS (SELECT FROM consumed) FROM (SELECT 1) AS one LEFT JOIN linked ON true
        """
    let challenge: UUID
    let account: UserID
    var arguments: [SQLValue] { [.uuid(challenge), .uuid(account.rawValue)] }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> (link: AgentLink?, isConsumed: Bool) {
        (row.isNull(0) ? nil : try AgentLink(row), try row.boolean(AgentLink.columnCount))
    }
}

/// An agent that belongs to an organization.
struct AgentLink {
    let id: UUID
    let agent: UInt256
    let chain: Int64
    let organization: OrganizationID
    let wallet: Address
    let status: String
    let createdAt: Date

    /// The columns that `init` reads, of the table or alias `link`.
    static let columns = """
        link.id, link.agent_id, link.chain_id, link.organization_id, link.wallet_address, link.status, link.created_at
        """
    static let columnCount = 7

    init(_ row: borrowing RowReader) throws(StorageError) {
        id = try row.uuid(0)
        agent = try row.uint256(1)
        chain = try row.integer(2)
        organization = OrganizationID(rawValue: try row.uuid(3))
        wallet = try row.address(4)
        status = try row.text(5)
        createdAt = try row.date(6)
    }

    /// Document 003's shape.
    func write(to writer: inout JSONWriter) {
        writer.member("id", "link_" + id.uuidString.lowercased())
        writer.member("agent_id", agentID: agent)
        writer.member("chain_id", chain)
        writer.member("organization_id", organization)
        writer.member("wallet_address", wallet.hex)
        writer.member("status", status)
        writer.member("created_at", Timestamp(createdAt))
    }
}

extension JSONWriter {
    /// An agent's id as the linking endpoints show it: an integer below 2^53, which every client reads exactly, and a
    /// decimal string above.
    mutating func member(_ name: StaticString, agentID: UInt256) {
        if let small = agentID.uint64, small < 1 << 53 {
            member(name, small)
        } else {
            member(name, agentID.description)
        }
    }
}

/// Lists an organization's links, oldest first; one row without a link where there are none, no row where the scope is
/// not the caller's.
struct ListLinks: Statement {
    /// The most links that one answer holds.
    static let limit = 1000
    static let sql = """
        WITH scope AS (\(OrganizationScope.sql))
        SELECT link.* FROM scope LEFT JOIN LATERAL (
            SELECT \(AgentLink.columns) FROM agent_links AS link
            WHERE link.organization_id = scope.organization_id AND link.status <> 'unlinked'
            ORDER BY link.created_at, link.id LIMIT \(limit)
        ) AS link ON true
        """
    let scope: OrganizationScope
    var arguments: [SQLValue] { [.uuid(scope.account.rawValue), .optional(scope.organization?.rawValue)] }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> AgentLink? {
        row.isNull(0) ? nil : try AgentLink(row)
    }
}

/// Ends an organization's link to an agent, and says who has one.
///
/// No row where the scope is not the caller's. History stays: the row is marked, so the agent can be linked again.
struct UnlinkAgent: Statement {
    static let sql = """
        WITH scope AS (\(OrganizationScope.sql)), live AS (
            SELECT link.id, link.organization_id FROM agent_links AS link
            WHERE link.chain_id = $3 AND link.agent_id = $4 AND link.status <> 'unlinked'
        ), ended AS (
            UPDATE agent_links AS link SET status = 'unlinked', unlinked_at = now() FROM live, scope
            WHERE link.id = live.id AND link.status <> 'unlinked'
                AND live.organization_id = scope.organization_id AND scope.role IN ('owner', 'admin')
            RETURNING link.id
        )
        SELECT scope.role, EXISTS (SELECT FROM ended), EXISTS (SELECT FROM live) FROM scope
        """
    let scope: OrganizationScope
    let chain: ChainID
    let agent: UInt256
    var arguments: [SQLValue] {
        [
            .uuid(scope.account.rawValue), .optional(scope.organization?.rawValue), .integer(chain.rawValue),
            .numeric(agent.description),
        ]
    }
    func decode(_ row: borrowing RowReader) throws(StorageError) -> (role: Role, isEnded: Bool, isLinked: Bool) {
        (try row.role(0), try row.boolean(1), try row.boolean(2))
    }
}
