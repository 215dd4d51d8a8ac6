import Domain
import Foundation
import Storage

/// Changes triggers one change at a time, and tells the engines.
struct TriggerEditor: Sendable {
    /// The channel on which engines hear that a trigger changed.
    static let channel = "tocsin_triggers"
    /// How often a destination that others are just making is looked for.
    private static let destinationAttempts = 5

    let database: Database

    /// The trigger `id` with what belongs to it.
    ///
    /// - Throws: `APIError.notFound` for one that is not the caller's.
    func find(_ id: TriggerID, _ account: Account) async throws -> TriggerDetails {
        guard let details = try await database.first(FindTrigger(account: account.id, trigger: id)) else {
            throw APIError.notFound("This trigger")
        }
        return details
    }

    /// Runs `change` in a transaction that holds the trigger's lock, so that what it decides on stays as it is.
    ///
    /// - Throws: `APIError.notFound` for a trigger that is not the caller's, `.roleRequired` for a viewer.
    func edit<Result: Sendable>(
        _ id: TriggerID, _ account: Account,
        _ change: nonisolated(nonsending) (Connection, TriggerDetails) async throws -> Result
    ) async throws -> Result {
        let result = try await database.transaction { connection in
            guard let role = try await connection.first(LockTrigger(account: account.id, trigger: id)) else {
                throw APIError.notFound("This trigger")
            }
            try role.requireWrite()
            guard let details = try await connection.first(FindTrigger(account: account.id, trigger: id)) else {
                throw APIError.notFound("This trigger")
            }
            return try await change(connection, details)
        }
        announce()
        return result
    }

    /// Tells the engines, after a commit, that there is something to look at.
    func announce() { database.notify(Self.channel) }

    /// The rows of `destinations`, made where they are missing, each at its place.
    ///
    /// They are kept even if what needs them fails: a destination without actions harms nobody.
    func destinations(
        _ destinations: [(channel: Channel, target: String)], in scope: OrganizationScope
    ) async throws -> [Int64] {
        let statement = EnsureDestinations(scope: scope, destinations: destinations)
        return try await resolve(statement) { try await database.query($0) }
    }

    /// The row of the destination of `draft`, an action of `trigger`, found or made in the transaction of `connection`.
    func destination(
        of draft: ActionDraft, _ trigger: Trigger, _ account: Account, in connection: Connection
    ) async throws -> Int64 {
        let scope = OrganizationScope(account: account.id, organization: trigger.organization)
        let statement = EnsureDestinations(scope: scope, destinations: [draft.destination])
        let ids = try await resolve(statement) { try await connection.query($0) }
        guard let id = ids.first else { throw APIError.internalError }
        return id
    }

    private func resolve(
        _ statement: EnsureDestinations,
        _ query: nonisolated(nonsending) (EnsureDestinations) async throws -> [EnsureDestinations.Row]
    ) async throws -> [Int64] {
        for _ in 0..<Self.destinationAttempts {
            let rows = try await query(statement)
            guard let role = rows.first?.role else { throw APIError.notFound("This organization") }
            try role.requireWrite()
            let ids = rows.compactMap(\.id)
            if ids.count == statement.destinations.count { return ids }
        }
        throw APIError.unavailable("Others are changing the same destinations; try again.")
    }
}

extension ActionDraft {
    /// Where the action points.
    var destination: (channel: Channel, target: String) { (channel, target) }
}
