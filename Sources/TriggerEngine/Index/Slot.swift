import Conditions
import Domain
import Foundation

/// A trigger as the index stores it: a million of them must stay small.
struct Slot: Sendable {
    /// Nearly every trigger has one action, which then needs nothing on the heap.
    enum Actions: Sendable {
        case one(TriggerAction)
        case several([TriggerAction])
    }

    let id: UUID
    let conditions: ConditionSet
    let actions: Actions
    let enabledAt: Int64
    let organization: UInt32
    let chain: UInt32
    let registry: Registry?
    let finality: Finality
    let mode: TriggerMode
    /// Whether keys of several fields lead to it, so that one event can find it twice.
    let hasSeveralFields: Bool

    static let empty = Slot()

    private init() {
        id = UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
        conditions = .empty
        actions = .several([])
        enabledAt = 0
        organization = 0
        chain = 0
        registry = nil
        finality = .latest
        mode = .live
        hasSeveralFields = false
    }

    init(_ trigger: CompiledTrigger, _ keys: [IndexKey], organization: UInt32, chain: UInt32) {
        id = trigger.id
        conditions = trigger.conditions
        if trigger.actions.count == 1 {
            actions = .one(trigger.actions[0])
        } else {
            actions = .several(trigger.actions)
        }
        enabledAt = trigger.enabledAt
        self.organization = organization
        self.chain = chain
        registry = trigger.registry
        finality = trigger.finality
        mode = trigger.mode
        hasSeveralFields = keys.contains { $0.field != keys[0].field }
    }

    func posting(_ number: UInt32) -> Posting {
        Posting(slot: number, types: conditions.eventTypes.rawValue, chain: chain)
    }
}

/// Numbers for values that many triggers share, from 1 on.
struct Interner<Value: Hashable & Sendable>: Sendable {
    private var numbers: [Value: UInt32] = [:]
    private var values: [Value] = []

    mutating func number(of value: Value) -> UInt32 {
        if let number = numbers[value] { return number }
        values.append(value)
        // Fewer than 2^31 triggers name fewer values.
        let number = UInt32(values.count)
        numbers[value] = number
        return number
    }

    func existingNumber(of value: Value) -> UInt32? { numbers[value] }

    subscript(number: UInt32) -> Value { values[Int(number) - 1] }
}
