/// A hash table from 64-bit keys to 32-bit numbers, 16 bytes a place.
///
/// Open addressing with linear probing. The keys are hashes already, made with a seed of this process, so that nobody
/// outside can aim at one place. Removing shifts back what follows, so lookups never pass over graves.
struct KeyTable: Sendable {
    private struct Place {
        var key: UInt64
        var value: UInt32
        var isUsed: Bool
    }

    private var places: ContiguousArray<Place>
    private(set) var count = 0

    init(minimumCapacity: Int = 0) {
        var size = 16
        while size * 3 < minimumCapacity * 4 { size *= 2 }
        places = ContiguousArray(repeating: Place(key: 0, value: 0, isUsed: false), count: size)
    }

    /// The bytes that the table takes.
    var byteCount: Int { places.count * MemoryLayout<Place>.stride }

    /// The number of `key`; nil if there is none.
    func find(_ key: UInt64) -> UInt32? {
        let mask = places.count - 1
        return places.withUnsafeBufferPointer { places in
            var index = Int(truncatingIfNeeded: key) & mask
            while places[index].isUsed {
                if places[index].key == key { return places[index].value }
                index = (index + 1) & mask
            }
            return nil
        }
    }

    /// Sets the number of `key`, whether or not it has one.
    mutating func set(_ key: UInt64, to value: UInt32) {
        if (count + 1) * 4 > places.count * 3 { grow() }
        let mask = places.count - 1
        var index = Int(truncatingIfNeeded: key) & mask
        while places[index].isUsed, places[index].key != key { index = (index + 1) & mask }
        if !places[index].isUsed { count += 1 }
        places[index] = Place(key: key, value: value, isUsed: true)
    }

    /// Forgets `key`.
    mutating func remove(_ key: UInt64) {
        let mask = places.count - 1
        var hole = Int(truncatingIfNeeded: key) & mask
        while places[hole].isUsed, places[hole].key != key { hole = (hole + 1) & mask }
        guard places[hole].isUsed else { return }
        count -= 1
        places[hole].isUsed = false
        var index = (hole + 1) & mask
        while places[index].isUsed {
            let home = Int(truncatingIfNeeded: places[index].key) & mask
            // It may move back unless its home lies behind the hole, going around the end.
            if (index - home) & mask >= (index - hole) & mask {
                places[hole] = places[index]
                places[index].isUsed = false
                hole = index
            }
            index = (index + 1) & mask
        }
    }

    private mutating func grow() {
        var larger = KeyTable()
        larger.places = ContiguousArray(
            repeating: Place(key: 0, value: 0, isUsed: false), count: places.count * 2)
        for place in places where place.isUsed { larger.set(place.key, to: place.value) }
        self = larger
    }
}
