import Conditions
import Domain

/// The triggers of one key.
struct PostingList: Sendable {
    private var plain: ContiguousArray<Posting> = []
    private var groups: ContiguousArray<RangeGroup> = []

    var count: Int { groups.reduce(plain.count) { $0 + $1.count } }

    /// The only one, where there is one.
    var single: Posting? {
        guard count == 1 else { return nil }
        var found = plain.first
        for group in groups { group.forEach(holding: -.infinity ... .infinity) { found = $0 } }
        return found
    }

    mutating func insert(_ posting: Posting, _ range: RangeKey?) {
        guard let range else { return plain.append(posting) }
        groups[group(for: range)].insert(posting, range)
    }

    mutating func remove(slot: UInt32, _ range: RangeKey?) {
        if let range {
            groups[group(for: range)].remove(slot: slot, range)
        } else if let place = plain.firstIndex(where: { $0.slot == slot }) {
            plain.swapAt(place, plain.count - 1)
            plain.removeLast()
        }
    }

    @inline(__always)
    func forEach(for event: Event, _ body: (Posting) -> Void) {
        for posting in plain { body(posting) }
        for group in groups {
            guard case .number(let number)? = event.value(of: group.field) else { continue }
            group.forEach(holding: number.approximation, body)
        }
    }

    /// The bytes on the heap.
    var byteCount: Int {
        (plain.capacity == 0 ? 0 : 32 + plain.capacity * MemoryLayout<Posting>.stride)
            + groups.reduce(0) { $0 + $1.byteCount }
    }

    private mutating func group(for range: RangeKey) -> Int {
        let side = RangeGroup.side(of: range)
        if let known = groups.firstIndex(where: { $0.field == range.field && $0.side == side }) { return known }
        groups.append(RangeGroup(field: range.field, side: side))
        return groups.count - 1
    }
}
