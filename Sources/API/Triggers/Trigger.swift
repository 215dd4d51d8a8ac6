import Domain
import Foundation
import Storage

/// Which registries a trigger watches; the raw value is the word in JSON and SQL.
enum RegistryChoice: String, CaseIterable {
    case identity, reputation, validation, any

    /// The one registry; nil for any.
    var registry: Registry? { Registry(rawValue: rawValue) }
}

/// What a client decides about a trigger, apart from its conditions and actions.
struct TriggerSettings: Equatable {
    var name: String
    var description: String?
    /// Nil for every chain.
    var chainID: ChainID?
    var registry: RegistryChoice
    var isEnabled: Bool
    var isStateful: Bool
    var finality: Finality
    var mode: TriggerMode
    var notifiesRetractions: Bool

    /// As bound values, in the order of the properties.
    var arguments: [SQLValue] {
        [
            .text(name), .optional(description), .optional(chainID?.rawValue), .text(registry.rawValue),
            .boolean(isEnabled), .boolean(isStateful), .text(finality.rawValue), .text(mode.rawValue),
            .boolean(notifiesRetractions),
        ]
    }
}

/// A trigger as it is stored, without its conditions and actions.
struct Trigger {
    let id: TriggerID
    let organization: OrganizationID
    let user: UserID
    let settings: TriggerSettings
    let version: Int64
    let createdAt: Date
    let updatedAt: Date

    /// The columns that `init` reads, of the table or alias `trigger`.
    static let columns = """
        trigger.id, trigger.organization_id, trigger.user_id, trigger.name, trigger.description, trigger.chain_id, \
        trigger.registry, trigger.enabled, trigger.is_stateful, trigger.finality, trigger.mode, \
        trigger.notify_retractions, trigger.version, trigger.created_at, trigger.updated_at
        """
    static let columnCount = 15

    /// Reads the columns from `first` on.
    init(_ row: borrowing RowReader, from first: Int = 0) throws(StorageError) {
        id = TriggerID(rawValue: try row.uuid(first))
        organization = OrganizationID(rawValue: try row.uuid(first + 1))
        user = UserID(rawValue: try row.uuid(first + 2))
        guard let registry = RegistryChoice(rawValue: try row.text(first + 6)) else {
            throw row.failure(first + 6, "registry")
        }
        guard let finality = Finality(rawValue: try row.text(first + 9)) else {
            throw row.failure(first + 9, "finality")
        }
        guard let mode = TriggerMode(rawValue: try row.text(first + 10)) else {
            throw row.failure(first + 10, "mode")
        }
        settings = TriggerSettings(
            name: try row.text(first + 3), description: try row.optionalText(first + 4),
            chainID: try row.optionalInteger(first + 5).flatMap(ChainID.init(rawValue:)), registry: registry,
            isEnabled: try row.boolean(first + 7), isStateful: try row.boolean(first + 8), finality: finality,
            mode: mode, notifiesRetractions: try row.boolean(first + 11))
        version = try row.integer(first + 12)
        createdAt = try row.date(first + 13)
        updatedAt = try row.date(first + 14)
    }

    /// Document 003's members, then those that Tocsin adds.
    func write(to writer: inout JSONWriter) {
        writer.member("id", id)
        writer.member("user_id", user)
        writer.member("organization_id", organization)
        writer.member("name", settings.name)
        writer.member("description", settings.description)
        writer.member("chain_id", settings.chainID?.rawValue)
        writer.member("registry", settings.registry.rawValue)
        writer.member("enabled", settings.isEnabled)
        writer.member("is_stateful", settings.isStateful)
        writer.member("created_at", Timestamp(createdAt))
        writer.member("updated_at", Timestamp(updatedAt))
        writer.member("finality", settings.finality.rawValue)
        writer.member("mode", settings.mode.rawValue)
        writer.member("notify_retractions", settings.notifiesRetractions)
    }
}
