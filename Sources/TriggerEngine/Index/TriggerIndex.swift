import Conditions
public import Domain
public import Foundation

/// All enabled triggers, found by what an event has.
///
/// Each trigger stands under its most selective equality, or under its event types where it needs no equality, and there
/// sorted by a numeric bound if it has one. Looking an event up costs a few table lookups and the triggers found, however
/// many are stored; those found are evaluated in full. Pure and synchronous; its owner locks it.
public struct TriggerIndex: Sendable {
    private var slots: ContiguousArray<Slot> = []
    private var freeSlots: [UInt32] = []
    private var slotsByID: [UUID: UInt32] = [:]
    private var organizations = Interner<UUID>()
    private var chains = Interner<ChainID>()
    private var tables = ContiguousArray(repeating: PostingTable(), count: Finality.allCases.count)

    /// An index without triggers.
    public init() {}

    /// How many triggers it holds.
    public var count: Int { slotsByID.count }

    /// Whether any trigger waits for blocks of `finality`.
    public func hasTriggers(_ finality: Finality) -> Bool { tables[finality.place].count > 0 }

    /// Puts `trigger` in, in place of the one of the same id.
    ///
    /// - Returns: false if the index is full, at 2^31 triggers.
    @discardableResult
    public mutating func insert(_ trigger: CompiledTrigger) -> Bool {
        remove(trigger.id)
        guard let number = freeSlots.popLast() ?? nextSlot() else { return false }
        let keys = trigger.conditions.indexKeys
        let slot = Slot(
            trigger, keys, organization: organizations.number(of: trigger.organizationID),
            chain: trigger.chainID.map { chains.number(of: $0) } ?? 0)
        slots[Int(number)] = slot
        slotsByID[trigger.id] = number
        let range = trigger.conditions.rangeKey
        let place = slot.finality.place
        Self.forEachKey(of: slot, keys) { key in
            tables[place].insert(slot.posting(number), range, at: key) { other in
                (slots[Int(other)].posting(other), slots[Int(other)].conditions.rangeKey)
            }
        }
        tables[place].count(keys, by: 1)
        tables[place].countTrigger(by: 1)
        return true
    }

    /// Takes the trigger `id` out; nothing happens if it is not in.
    public mutating func remove(_ id: UUID) {
        guard let number = slotsByID.removeValue(forKey: id) else { return }
        let slot = slots[Int(number)]
        let keys = slot.conditions.indexKeys
        let range = slot.conditions.rangeKey
        let place = slot.finality.place
        Self.forEachKey(of: slot, keys) { tables[place].remove(slot: number, range, at: $0) }
        tables[place].count(keys, by: -1)
        tables[place].countTrigger(by: -1)
        slots[Int(number)] = Slot.empty
        freeSlots.append(number)
    }

    /// Makes room for `count` triggers, so that loading them moves nothing.
    public mutating func reserveCapacity(_ count: Int) {
        slots.reserveCapacity(count)
        slotsByID.reserveCapacity(count)
    }

    /// Calls `body` with each trigger of `finality` whose conditions hold for `event`, once each.
    public func forEachMatch(_ event: Event, finality: Finality = .latest, _ body: (Match) -> Void) {
        let table = tables[finality.place]
        guard table.count > 0 else { return }
        let chain = chains.existingNumber(of: event.chainID) ?? 0
        let type = EventTypes(event.type).rawValue
        var repeated = Set<UInt32>()
        func visit(_ number: UInt32) {
            let slot = slots[Int(number)]
            guard slot.chain == 0 || slot.chain == chain, slot.registry == nil || slot.registry == event.registry,
                slot.conditions.matches(event)
            else { return }
            if slot.hasSeveralFields, !repeated.insert(number).inserted { return }
            body(Match(slot, organizationID: organizations[slot.organization]))
        }
        for field in table.fields {
            guard let value = event.value(of: field) else { continue }
            table.forEach(at: KeyHasher.key(field, value), for: event, types: type, chain: chain, visit)
        }
        table.forEach(at: KeyHasher.key(event.type, chain: 0), for: event, types: type, chain: chain, visit)
        if chain != 0 {
            table.forEach(at: KeyHasher.key(event.type, chain: chain), for: event, types: type, chain: chain, visit)
        }
    }

    /// The triggers of `finality` whose conditions hold for `event`.
    public func matches(_ event: Event, finality: Finality = .latest) -> [Match] {
        var matches: [Match] = []
        forEachMatch(event, finality: finality) { matches.append($0) }
        return matches
    }

    /// The bytes that the index's own tables take, conditions' heap objects not included.
    public var byteCount: Int {
        slots.capacity * MemoryLayout<Slot>.stride + slotsByID.capacity * (MemoryLayout<UUID>.stride + 5)
            + tables.reduce(0) { $0 + $1.byteCount }
    }

    private mutating func nextSlot() -> UInt32? {
        guard slots.count < PostingTable.maximumSlots else { return nil }
        slots.append(.empty)
        return UInt32(slots.count - 1)
    }

    /// Calls `body` with the keys under which a trigger stands: its equalities', else its event types'.
    private static func forEachKey(of slot: Slot, _ equalities: [IndexKey], _ body: (UInt64) -> Void) {
        if equalities.isEmpty {
            for type in slot.conditions.eventTypes.elements { body(KeyHasher.key(type, chain: slot.chain)) }
        } else {
            for equality in equalities { body(KeyHasher.key(equality.field, equality.value)) }
        }
    }
}

extension TriggerIndex {
    /// A trigger whose conditions hold for an event.
    public struct Match: Sendable {
        /// The trigger.
        public let triggerID: UUID
        /// Who owns it.
        public let organizationID: UUID
        /// Whether it sends what it finds.
        public let mode: TriggerMode
        /// When it was enabled, in seconds since 1970.
        public let enabledAt: Int64
        private let storedActions: Slot.Actions

        /// What it does, in the order of their priority.
        public var actions: [TriggerAction] {
            switch storedActions {
            case .one(let action): [action]
            case .several(let actions): actions
            }
        }

        fileprivate init(_ slot: Slot, organizationID: UUID) {
            triggerID = slot.id
            self.organizationID = organizationID
            mode = slot.mode
            enabledAt = slot.enabledAt
            storedActions = slot.actions
        }
    }
}

extension Finality {
    /// The place of its table.
    fileprivate var place: Int {
        switch self {
        case .latest: 0
        case .safe: 1
        case .finalized: 2
        }
    }
}
