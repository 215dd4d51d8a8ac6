/// The root of a modified Merkle-Patricia trie; the trie itself is not kept.
///
/// - SeeAlso: Ethereum Yellow Paper, appendix D.
public enum MerklePatriciaTrie {
    /// The root of a trie without entries.
    public static let emptyRoot = Keccak256.hash(RLP.encode(.bytes([])))

    /// The root of the trie that maps each item's place, from 0 on and RLP-encoded, to the item.
    ///
    /// It stands in headers for transactions, receipts and withdrawals. Items are never empty there; an empty one counts
    /// as absent, as everywhere in the trie.
    public static func root(ofList items: [[UInt8]]) -> Hash {
        root(of: items.enumerated().map { (RLP.encode(.integer(UInt64($0.offset))), $0.element) })
    }

    /// The root of the trie with `entries`, whose keys are distinct, in any order.
    static func root(of entries: [(key: [UInt8], value: [UInt8])]) -> Hash {
        let entries = entries.filter { !$0.value.isEmpty }
            .map { Entry(path: $0.key.flatMap { [$0 >> 4, $0 & 0xf] }, value: $0.value) }
            .sorted { $0.path.lexicographicallyPrecedes($1.path) }
        guard !entries.isEmpty else { return emptyRoot }
        return Keccak256.hash(RLP.encode(node(entries[...], depth: 0)))
    }

    private struct Entry {
        /// The key, four bits an element.
        let path: [UInt8]
        let value: [UInt8]
    }

    /// The node over `entries`, which are sorted and agree in the first `depth` elements of their paths; at least one.
    private static func node(_ entries: ArraySlice<Entry>, depth: Int) -> RLPItem {
        guard let first = entries.first, let last = entries.last else { return .bytes([]) }
        if entries.count == 1 {
            return .list([.bytes(compact(first.path[depth...], isLeaf: true)), .bytes(first.value)])
        }
        // What the first and the last share, all between them share.
        let shared = zip(first.path[depth...], last.path[depth...]).prefix { $0 == $1 }.count
        if shared > 0 {
            let end = depth + shared
            let child = reference(node(entries, depth: end))
            return .list([.bytes(compact(first.path[depth..<end], isLeaf: false)), child])
        }
        return branch(entries, depth: depth)
    }

    /// A node with a child for each next element of the paths, and a value where a path ends here.
    private static func branch(_ entries: ArraySlice<Entry>, depth: Int) -> RLPItem {
        var rest = entries
        var value: [UInt8] = []
        if let first = rest.first, first.path.count == depth {
            value = first.value
            rest.removeFirst()
        }
        var items: [RLPItem] = []
        for element in 0..<16 as Range<UInt8> {
            let children = rest.prefix { $0.path[depth] == element }
            rest = rest.dropFirst(children.count)
            items.append(children.isEmpty ? .bytes([]) : reference(node(children, depth: depth + 1)))
        }
        return .list(items + [.bytes(value)])
    }

    /// How a node stands in its parent: itself where its encoding is shorter than a hash, else its hash.
    private static func reference(_ node: RLPItem) -> RLPItem {
        let bytes = RLP.encode(node)
        return bytes.count < 32 ? node : .bytes(Keccak256.hash(bytes).bytes)
    }

    /// A part of a path in whole bytes, with what kind of node it belongs to and whether its length is odd in front.
    private static func compact(_ path: ArraySlice<UInt8>, isLeaf: Bool) -> [UInt8] {
        let kind: UInt8 = isLeaf ? 0x20 : 0
        var bytes = [kind]
        var rest = path
        if path.count % 2 == 1, let first = rest.popFirst() { bytes = [kind | 0x10 | first] }
        while let high = rest.popFirst(), let low = rest.popFirst() { bytes.append(high << 4 | low) }
        return bytes
    }
}
