/// A Solidity type as the ABI knows it.
///
/// - SeeAlso: Solidity documentation, "Contract ABI Specification".
public indirect enum ABIType: Hashable, Sendable {
    /// `uint8`, `uint16` … `uint256`.
    case uint(bits: Int)
    /// `int8`, `int16` … `int256`.
    case int(bits: Int)
    case address
    case bool
    /// `bytes1` … `bytes32`.
    case fixedBytes(Int)
    case bytes
    case string
    /// `T[]`.
    case array(ABIType)
    /// `T[count]`.
    case fixedArray(ABIType, count: Int)
    /// `(T,U,…)`.
    case tuple([ABIType])

    /// The most levels of arrays and tuples in a type that is read from text.
    public static let maximumDepth = 8
    /// The most elements of a fixed array, and components of a tuple, in a type that is read from text.
    public static let maximumCount = 1024

    /// The type that `text` names in its canonical form, `(string,bytes)[]`; nil for anything else.
    public init?(_ text: some StringProtocol) {
        var parser = ABITypeParser(text)
        guard let type = parser.type(depth: 0), parser.isAtEnd else { return nil }
        self = type
    }

    /// Whether the value lies behind an offset, its length being part of the value.
    public var isDynamic: Bool {
        switch self {
        case .bytes, .string, .array: true
        case .fixedArray(let element, _): element.isDynamic
        case .tuple(let components): components.contains { $0.isDynamic }
        case .uint, .int, .address, .bool, .fixedBytes: false
        }
    }

    /// How many bytes the type takes in the head of a tuple: 32 for an offset, else the value itself.
    public var headSize: Int {
        switch self {
        case .fixedArray(let element, let count) where !element.isDynamic: element.headSize * count
        case .tuple(let components) where !isDynamic: ABIType.headSize(of: components)
        default: 32
        }
    }

    static func headSize(of types: [ABIType]) -> Int { types.reduce(0) { $0 + $1.headSize } }
}

extension ABIType: CustomStringConvertible {
    /// The canonical name, as function and event signatures hold it.
    public var description: String {
        switch self {
        case .uint(let bits): "uint\(bits)"
        case .int(let bits): "int\(bits)"
        case .address: "address"
        case .bool: "bool"
        case .fixedBytes(let count): "bytes\(count)"
        case .bytes: "bytes"
        case .string: "string"
        case .array(let element): "\(element)[]"
        case .fixedArray(let element, let count): "\(element)[\(count)]"
        case .tuple(let components): "(\(components.map(\.description).joined(separator: ",")))"
        }
    }
}

/// Reads types off a signature, from left to right.
struct ABITypeParser {
    private var rest: Substring.UTF8View

    init(_ text: some StringProtocol) { rest = Substring(text).utf8 }

    var isAtEnd: Bool { rest.isEmpty }

    /// The identifier at the front, `ownerOf`.
    mutating func name() -> String? {
        let letters = rest.prefix { character in
            switch character {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "$"):
                true
            default: false
            }
        }
        guard let first = letters.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else { return nil }
        rest = rest.dropFirst(letters.count)
        return String(Substring(letters))
    }

    mutating func type(depth: Int) -> ABIType? {
        guard depth <= ABIType.maximumDepth else { return nil }
        var type: ABIType
        if rest.first == UInt8(ascii: "(") {
            guard let components = components(depth: depth + 1), !components.isEmpty else { return nil }
            type = .tuple(components)
        } else {
            guard let name = name(), let elementary = Self.elementary(name) else { return nil }
            type = elementary
        }
        var levels = depth
        while take("[") {
            levels += 1
            guard levels <= ABIType.maximumDepth else { return nil }
            if take("]") {
                type = .array(type)
            } else {
                guard let count = number(), (1...ABIType.maximumCount).contains(count), take("]") else { return nil }
                type = .fixedArray(type, count: count)
            }
        }
        return type
    }

    /// The types between parentheses, none for `()`.
    mutating func components(depth: Int) -> [ABIType]? {
        guard take("(") else { return nil }
        if take(")") { return [] }
        var components: [ABIType] = []
        repeat {
            guard components.count < ABIType.maximumCount, let component = type(depth: depth) else { return nil }
            components.append(component)
        } while take(",")
        return take(")") ? components : nil
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard let first = rest.first, first == UInt8(ascii: character) else { return false }
        rest = rest.dropFirst()
        return true
    }

    private mutating func number() -> Int? {
        let digits = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        guard let number = Self.canonical(Substring(digits)) else { return nil }
        rest = rest.dropFirst(digits.count)
        return number
    }

    private static func elementary(_ name: String) -> ABIType? {
        switch name {
        case "address": return .address
        case "bool": return .bool
        case "bytes": return .bytes
        case "string": return .string
        default: break
        }
        let letters = name.prefix { $0.isLetter }
        guard let size = canonical(name.dropFirst(letters.count)) else { return nil }
        switch letters {
        case "uint" where size % 8 == 0 && (8...256).contains(size): return .uint(bits: size)
        case "int" where size % 8 == 0 && (8...256).contains(size): return .int(bits: size)
        case "bytes" where (1...32).contains(size): return .fixedBytes(size)
        default: return nil
        }
    }

    private static func canonical(_ digits: Substring) -> Int? {
        guard digits.utf8.count <= 4, digits.first != "0" else { return nil }
        return Int(digits)
    }
}
