import Foundation

/// An identifier that is a random UUID, so that nothing can be guessed or counted from it.
protocol RandomID: Hashable, Sendable {
    var rawValue: UUID { get }
    init(rawValue: UUID)
}

extension RandomID {
    /// The identifier that `text` spells in any case; nil for anything but a UUID.
    init?(text: String) {
        guard let id = UUID(uuidString: text) else { return nil }
        self.init(rawValue: id)
    }

    /// Lower-case digits with hyphens.
    var text: String { rawValue.uuidString.lowercased() }
}

struct UserID: RandomID { let rawValue: UUID }
struct OrganizationID: RandomID { let rawValue: UUID }
struct TriggerID: RandomID { let rawValue: UUID }

/// The row of a condition.
struct ConditionID: Hashable, Sendable { let rawValue: Int64 }
/// The row of an action.
struct ActionID: Hashable, Sendable { let rawValue: Int64 }
/// The row of a delivery.
struct DeliveryID: Hashable, Sendable { let rawValue: Int64 }

extension JSONWriter {
    mutating func member(_ name: StaticString, _ id: some RandomID) {
        self.name(name)
        uuid(id.rawValue)
    }
}
