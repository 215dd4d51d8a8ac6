import Conditions
import Domain

/// Triggers of one key that also need a field's number to lie in an interval, sorted by one bound.
///
/// An event meets only those whose sorted bound its number reaches. New ones wait in an unsorted tail, which is merged in
/// when it outgrows a part of the whole, so that loading a million takes a few merges.
struct RangeGroup: Sendable {
    /// Which bound is sorted.
    enum Side: Sendable { case lower, upper }

    struct Entry: Sendable {
        /// The sorted bound, negated for the upper side, so that both sides ascend.
        let bound: Double
        /// The other bound, in the same sense: the number must not lie above it.
        let limit: Double
        let posting: Posting
    }

    let field: Field
    let side: Side
    private var sorted: ContiguousArray<Entry> = []
    private var tail: ContiguousArray<Entry> = []

    init(field: Field, side: Side) {
        self.field = field
        self.side = side
    }

    var count: Int { sorted.count + tail.count }

    /// The side by which `range` is sorted: its lower bound, if it has one.
    static func side(of range: RangeKey) -> Side { range.lower > -.infinity ? .lower : .upper }

    mutating func insert(_ posting: Posting, _ range: RangeKey) {
        tail.append(entry(posting, range))
        guard tail.count > max(Self.tailMin, sorted.count / Self.tailPart) else { return }
        tail.sort { $0.bound < $1.bound }
        sorted = Self.merge(sorted, tail)
        tail = []
    }

    /// Removes the trigger of `slot`, which was inserted with `range`.
    mutating func remove(slot: UInt32, _ range: RangeKey) {
        if let place = tail.firstIndex(where: { $0.posting.slot == slot }) {
            tail.remove(at: place)
            return
        }
        let bound = side == .lower ? range.lower : -range.upper
        var place = firstIndex(from: bound)
        while place < sorted.count, sorted[place].bound == bound {
            if sorted[place].posting.slot == slot {
                sorted.remove(at: place)
                return
            }
            place += 1
        }
    }

    /// Calls `body` with each trigger whose interval may hold `number`.
    @inline(__always)
    func forEach(holding number: ClosedRange<Double>, _ body: (Posting) -> Void) {
        // In the sense of the sorted side: reached from below by `high`, and not passed by `low`.
        let high = side == .lower ? number.upperBound : -number.lowerBound
        let low = side == .lower ? number.lowerBound : -number.upperBound
        for entry in sorted {
            guard entry.bound <= high else { break }
            if low <= entry.limit { body(entry.posting) }
        }
        for entry in tail where entry.bound <= high && low <= entry.limit { body(entry.posting) }
    }

    /// The bytes on the heap.
    var byteCount: Int { 64 + (sorted.capacity + tail.capacity) * MemoryLayout<Entry>.stride }

    /// Below this many, a tail is not worth sorting.
    private static let tailMin = 256
    /// The tail may be this part of the whole.
    private static let tailPart = 64

    private func entry(_ posting: Posting, _ range: RangeKey) -> Entry {
        side == .lower
            ? Entry(bound: range.lower, limit: range.upper, posting: posting)
            : Entry(bound: -range.upper, limit: -range.lower, posting: posting)
    }

    /// The first place in `sorted` whose bound is `bound` or above.
    private func firstIndex(from bound: Double) -> Int {
        var low = 0
        var high = sorted.count
        while low < high {
            let middle = (low + high) / 2
            if sorted[middle].bound < bound { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private static func merge(
        _ left: ContiguousArray<Entry>, _ right: ContiguousArray<Entry>
    ) -> ContiguousArray<Entry> {
        var merged = ContiguousArray<Entry>()
        merged.reserveCapacity(left.count + right.count)
        var place = 0
        for entry in left {
            while place < right.count, right[place].bound < entry.bound {
                merged.append(right[place])
                place += 1
            }
            merged.append(entry)
        }
        merged.append(contentsOf: right[place...])
        return merged
    }
}
