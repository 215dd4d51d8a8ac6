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

/// Lists of triggers by key, those that need a number in an interval sorted by its bound.
///
/// Most keys belong to one trigger, whose slot then stands in the table itself; a list is made for the second one.
struct PostingTable: Sendable {
    /// Set in a number that names a list rather than a slot.
    private static let listBit: UInt32 = 1 << 31
    /// The most slots that numbers can name.
    static let maximumSlots = Int(listBit)

    private var table = KeyTable()
    private var lists: ContiguousArray<PostingList> = []
    private var freeLists: [UInt32] = []
    /// How many keys of each field there are: a field without keys is not looked up.
    private var uses = ContiguousArray(repeating: 0, count: Field.allCases.count)
    /// The fields with keys, in the order of `Field`.
    private(set) var fields: [Field] = []
    private(set) var count = 0

    /// Puts a trigger under `key`; `existing` tells of the one that stands there alone.
    mutating func insert(
        _ posting: Posting, _ range: RangeKey?, at key: UInt64, existing: (UInt32) -> (Posting, RangeKey?)
    ) {
        guard let number = table.find(key) else {
            table.set(key, to: posting.slot)
            return
        }
        if number & Self.listBit != 0 {
            lists[Int(number & ~Self.listBit)].insert(posting, range)
            return
        }
        var list = PostingList()
        let (first, firstRange) = existing(number)
        list.insert(first, firstRange)
        list.insert(posting, range)
        if let free = freeLists.popLast() {
            lists[Int(free)] = list
            table.set(key, to: free | Self.listBit)
        } else {
            table.set(key, to: UInt32(lists.count) | Self.listBit)
            lists.append(list)
        }
    }

    mutating func remove(slot: UInt32, _ range: RangeKey?, at key: UInt64) {
        guard let number = table.find(key) else { return }
        guard number & Self.listBit != 0 else {
            if number == slot { table.remove(key) }
            return
        }
        let index = Int(number & ~Self.listBit)
        lists[index].remove(slot: slot, range)
        if let last = lists[index].single {
            table.set(key, to: last.slot)
            lists[index] = PostingList()
            freeLists.append(UInt32(index))
        }
    }

    /// Calls `body` with each slot at `key` that type, chain and range do not rule out for `event`.
    @inline(__always)
    func forEach(at key: UInt64, for event: Event, types: UInt32, chain: UInt32, _ body: (UInt32) -> Void) {
        guard let number = table.find(key) else { return }
        guard number & Self.listBit != 0 else { return body(number) }
        lists[Int(number & ~Self.listBit)].forEach(for: event) { posting in
            if posting.types & types != 0, posting.chain == 0 || posting.chain == chain { body(posting.slot) }
        }
    }

    /// Counts `keys` in or out, so that ``fields`` names those with keys.
    mutating func count(_ keys: [IndexKey], by amount: Int) {
        var hasChanged = false
        for key in keys {
            let place = Int(key.field.ordinal)
            hasChanged = hasChanged || uses[place] == 0 || uses[place] + amount == 0
            uses[place] += amount
        }
        if hasChanged { fields = Field.allCases.filter { uses[Int($0.ordinal)] != 0 } }
    }

    mutating func countTrigger(by amount: Int) { count += amount }

    /// The bytes that tables and lists take.
    var byteCount: Int {
        table.byteCount + lists.capacity * MemoryLayout<PostingList>.stride
            + lists.reduce(0) { $0 + $1.byteCount }
    }
}
