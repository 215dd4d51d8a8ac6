/// Something that reads bytes of strangers, and what must hold whatever they are.
///
/// A broken promise stops the program, which is how a fuzzer and the tests over its corpus notice.
public enum FuzzTarget: String, CaseIterable, Sendable {
    /// Logs, ABI-encoded values and types.
    case abi
    case rlp
    /// Answers of nodes.
    case rpc
    /// `chains.json`.
    case chains

    /// Reads `bytes`.
    public func run(_ bytes: [UInt8]) async {
        switch self {
        case .abi: readABI(bytes)
        case .rlp: readRLP(bytes)
        case .rpc: await readAnswer(bytes)
        case .chains: readChains(bytes)
        }
    }
}

/// Takes an input apart, from front to back; behind the end there are zeros.
struct Input {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    /// The next byte.
    mutating func byte() -> UInt8 { rest.popFirst() ?? 0 }

    /// The next `count` bytes, zeros behind the end.
    mutating func bytes(_ count: Int) -> [UInt8] {
        let taken = rest.prefix(count)
        rest = rest.dropFirst(count)
        return taken + [UInt8](repeating: 0, count: count - taken.count)
    }

    /// All that is left.
    mutating func remainder() -> [UInt8] {
        defer { rest = [] }
        return Array(rest)
    }
}

/// Stops the program unless `condition` holds, in release builds as well.
func promise(_ condition: Bool, _ text: String) {
    if !condition { preconditionFailure(text) }
}
