import Conditions
import Domain

/// A trigger in a list, with what rules it out without looking at it.
struct Posting: Sendable {
    let slot: UInt32
    /// The event types outside of which it cannot match.
    let types: UInt32
    /// The number of its chain; 0 for every chain.
    let chain: UInt32
}

/// Lists of triggers by key.
///
/// Most keys belong to one trigger, whose slot then stands in the table itself; a list is made for the second one.
struct PostingTable: Sendable {
    /// Set in a number that names a list rather than a slot.
    private static let listBit: UInt32 = 1 << 31
    /// The most slots that numbers can name.
    static let maximumSlots = Int(listBit)

    private var table = KeyTable()
    private var lists: ContiguousArray<ContiguousArray<Posting>> = []
    private var freeLists: [UInt32] = []
    /// How many keys of each field there are: a field without keys is not looked up.
    private var uses: [Field: Int] = [:]
    /// The fields with keys, in the order of `Field`.
    private(set) var fields: [Field] = []
    private(set) var count = 0

    mutating func insert(_ posting: Posting, at key: UInt64, existing: (UInt32) -> Posting) {
        guard let number = table.find(key) else {
            table.set(key, to: posting.slot)
            return
        }
        if number & Self.listBit != 0 {
            lists[Int(number & ~Self.listBit)].append(posting)
            return
        }
        let list: ContiguousArray<Posting> = [existing(number), posting]
        if let free = freeLists.popLast() {
            lists[Int(free)] = list
            table.set(key, to: free | Self.listBit)
        } else {
            table.set(key, to: UInt32(lists.count) | Self.listBit)
            lists.append(list)
        }
    }

    mutating func remove(slot: UInt32, at key: UInt64) {
        guard let number = table.find(key) else { return }
        guard number & Self.listBit != 0 else {
            if number == slot { table.remove(key) }
            return
        }
        let index = Int(number & ~Self.listBit)
        if let place = lists[index].firstIndex(where: { $0.slot == slot }) {
            lists[index].swapAt(place, lists[index].count - 1)
            lists[index].removeLast()
        }
        if lists[index].count == 1, let last = lists[index].first {
            table.set(key, to: last.slot)
            lists[index] = []
            freeLists.append(UInt32(index))
        }
    }

    /// Calls `body` with each slot at `key` that the type and the chain do not rule out.
    @inline(__always)
    func forEach(at key: UInt64, types: UInt32, chain: UInt32, _ body: (UInt32) -> Void) {
        guard let number = table.find(key) else { return }
        guard number & Self.listBit != 0 else { return body(number) }
        for posting in lists[Int(number & ~Self.listBit)]
        where posting.types & types != 0 && (posting.chain == 0 || posting.chain == chain) {
            body(posting.slot)
        }
    }

    /// Counts `keys` in or out, so that ``fields`` names those with keys.
    mutating func count(_ keys: [IndexKey], by amount: Int) {
        for key in keys {
            uses[key.field, default: 0] += amount
            if uses[key.field] == 0 { uses[key.field] = nil }
        }
        if fields.count != uses.count { fields = Field.allCases.filter { uses[$0] != nil } }
    }

    mutating func countTrigger(by amount: Int) { count += amount }

    /// The bytes that tables and lists take.
    var byteCount: Int {
        table.byteCount + lists.capacity * MemoryLayout<ContiguousArray<Posting>>.stride
            + lists.reduce(0) { $0 + ($1.capacity == 0 ? 0 : 32 + $1.capacity * MemoryLayout<Posting>.stride) }
    }
}
