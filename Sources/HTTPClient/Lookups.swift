/// Counts name lookups under way, and knows which names libcurl still remembers; on the loop's thread only.
///
/// Each lookup is a thread that cannot be stopped, so strangers' names must not start any number of them.
final class Lookups {
    let limit: Int
    private(set) var underWay = 0
    /// Until when a name's addresses are remembered, in monotonic nanoseconds.
    private var known: [String: UInt64] = [:]

    /// libcurl remembers for 60 seconds; a little less is certain.
    private static let memory: UInt64 = 50_000_000_000
    private static let maximumNames = 4096

    init(limit: Int) { self.limit = limit }

    var isFull: Bool { underWay >= limit }

    func isKnown(_ host: String, at now: UInt64) -> Bool { known[host].map { $0 > now } ?? false }

    func begin() { underWay += 1 }

    func end() { underWay -= 1 }

    /// Takes note that `host` was looked up at `now`.
    func found(_ host: String, at now: UInt64) {
        if known.count >= Self.maximumNames, known[host] == nil {
            known = known.filter { $0.value > now }
            if known.count >= Self.maximumNames { known = [:] }
        }
        known[host] = now + Self.memory
    }
}
