import Domain
import Foundation
import Hummingbird
import Storage

/// What was sent, and how it went.
struct DeliveryRoutes: Sendable {
    let database: Database

    private static let what = "This delivery"

    var endpoints: [Endpoint] {
        [
            .account(.get, "/api/v1/deliveries", list),
            .account(.get, "/api/v1/deliveries/{child_id}", get),
            .account(.get, "/api/v1/deliveries/{child_id}/attempts", attempts),
        ]
    }

    private func list(_ call: Call, _ account: Account) async throws -> Response {
        let query = QueryReader(call.request)
        let stretch = Stretch(query)
        let filter = DeliveryFilter(query)
        let scope = OrganizationScope(call, account, query: query)
        try query.finish()
        guard let (organization, _) = try await database.first(ResolveScope(scope: scope)) else {
            throw APIError.notFound("This organization")
        }
        let rows = try await read(stretch, filter, organization)
        let shown = stretch.shown(rows)
        return .json { writer in
            writer.member("data", array: shown) { writer, delivery in
                writer.object { delivery.write(to: &$0) }
            }
            writer.cursor(stretch, ids: shown.map(\.id), read: rows.count)
        }
    }

    /// One row more than asked for, to see whether there are more.
    private func read(
        _ stretch: Stretch, _ filter: DeliveryFilter, _ organization: OrganizationID
    ) async throws -> [Delivery] {
        let limit = stretch.limit + 1
        let row: Int64
        switch stretch.cursor {
        case .after(let newer):
            return try await database.query(
                ListDeliveriesAfter(limit: limit, organization: organization, filter: filter, row: newer))
        case .before(let older): row = older
        case nil: row = .max
        }
        return try await database.query(
            ListDeliveriesBefore(limit: limit, organization: organization, filter: filter, row: row))
    }

    private func get(_ call: Call, _ account: Account) async throws -> Response {
        let (delivery, _) = try await find(call, account)
        return .data { delivery.write(to: &$0) }
    }

    private func attempts(_ call: Call, _ account: Account) async throws -> Response {
        let query = QueryReader(call.request)
        let page = query.page()
        try query.finish()
        let (delivery, role) = try await find(call, account)
        let id = DeliveryID(rawValue: delivery.id)
        let rows = try await database.query(ListAttempts(delivery: id, page: page))
        var total = rows.first?.total
        if total == nil { total = try await database.first(CountAttempts(delivery: id)) }
        let known = total ?? 0
        return .json { writer in
            writer.member("data", array: rows) { writer, row in
                writer.object { row.attempt.write(to: &$0, isPrivileged: role.canWrite) }
            }
            writer.pagination(page, total: known, count: rows.count)
        }
    }

    private func find(_ call: Call, _ account: Account) async throws -> (Delivery, Role) {
        let id = DeliveryID(rawValue: try call.rowID(of: Self.what))
        guard let found = try await database.first(FindDelivery(account: account.id, id: id)) else {
            throw APIError.notFound(Self.what)
        }
        return found
    }
}
